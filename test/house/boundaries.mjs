/** Runs the boundary rules and asserts that the walker really read the house: a walker that reads nothing finds nothing. */
import { spawnSync } from 'node:child_process'

const least = 405 // modules of ours; raise it as the house grows
const run = spawnSync(
  process.execPath,
  [
    'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
    'relay',
    'gateway',
    'shared',
    'deploy',
    '--output-type',
    'json',
  ],
  { encoding: 'utf8', maxBuffer: 1 << 28 },
)
if (run.status === null || run.stdout === '') {
  console.error(run.stderr)
  process.exit(1)
}
const { modules, summary } = JSON.parse(run.stdout)
const ours = modules.filter((module) => /^(relay|gateway|shared|deploy)\//.test(module.source))
for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} -> ${to}`)
if (ours.length < least) console.error(`only ${ours.length} modules read, at least ${least} expected`)
console.log(
  `boundaries: ${ours.length} modules, ${summary.totalDependenciesCruised} imports, ${summary.violations.length} violations`,
)
process.exit(summary.violations.length > 0 || ours.length < least ? 1 : 0)
