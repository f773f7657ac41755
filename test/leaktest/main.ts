/** Door of `npm run leaktest`: arguments, files and signals come in here and nowhere else. */
import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { styleText } from 'node:util'
import { explained } from './explain.ts'
import { asked, help, UsageError, type Asked, type RunOptions } from './options.ts'
import { readTarget } from './live/target.ts'
import { attacksFrom } from './report/assemble.ts'
import { htmlOf } from './report/html.ts'
import { junitOf } from './report/junit.ts'
import { readReport, writeReport, type Report } from './report/schema.ts'
import { terminalOf, type Paint } from './report/terminal.ts'
import { exitCodes, run, usageExit } from './run-command.ts'
import { scanPaths, scanText } from './scan-command.ts'

const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout })

async function main(args: readonly string[]): Promise<number> {
  const wanted = asked(args, () => randomInt(2 ** 31))
  switch (wanted.command) {
    case 'help':
      return print(help)
    case 'explain':
      return explain(wanted.what)
    case 'render':
      return render(wanted)
    case 'scan': {
      const scan = await scanPaths(read(wanted.canaries), wanted.paths)
      print(scanText(scan))
      return scan.hits.length === 0 ? 0 : 1
    }
    case 'run':
      return runAll(wanted)
  }
}

async function runAll(options: RunOptions): Promise<number> {
  const attacks = options.attacks === undefined ? undefined : attacksFrom(read(options.attacks))
  const target = options.target === undefined ? undefined : readTarget(read(options.target), options.target)
  say(`seed ${String(options.seed)}`)
  const { report, canaries } = await run(options, { progress: say, now: Date.now, attacks, target })
  write(report, options.out)
  if (canaries !== undefined) writeFileSync(join(options.out, 'canaries.json'), canaries)
  print(terminalOf(report, paint))
  print(`report: ${join(options.out, 'report.html')}\n`)
  return exitCodes[report.verdict]
}

function render({ file, out = dirname(file) }: Extract<Asked, { command: 'render' }>): number {
  write(readReport(read(file)), out)
  return print(`report: ${join(out, 'report.html')}\n`)
}

function write(report: Report, folder: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'report.json'), writeReport(report))
  writeFileSync(join(folder, 'junit.xml'), junitOf(report))
  writeFileSync(join(folder, 'report.html'), htmlOf(report))
}

function explain(what: string): number {
  const text = explained(what)
  if (text === undefined) throw new UsageError(`explain: no field and no live test is called ${JSON.stringify(what)}`)
  return print(text)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

/** For whoever waits. */
function say(text: string): void {
  process.stderr.write(`${styleText('dim', text, { stream: process.stderr })}\n`)
}

// The processes of the pair end with us: each is told when we are gone.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)
  process.once(signal, () => process.exit(code))

main(process.argv.slice(2)).then(
  (code) => process.stdout.write('', () => process.exit(code)),
  (error: unknown) => {
    const usage = error instanceof UsageError || error instanceof TypeError
    process.stderr.write(
      `leaktest: ${error instanceof Error ? error.message : String(error)}${usage ? '; see --help' : ''}\n`,
    )
    // What could not be finished proves nothing.
    process.exit(usage ? usageExit : exitCodes.inconclusive)
  },
)
