/**
 * `npm run leaktest:l0 -- [--quick] [--profile direct|mixed|paced|horizon|all] [--placement inside|sealed|front] [--seed N]
 * [--json]`: level 0 as a table and, unless quick, the reference tables of privacy.md 2.4 to 2.7 again; or as JSON. Exit 0 when everything passed or was only reported and every
 * mutant was caught, 1 for a failure or a mutant missed, 2 when something stayed inconclusive, 3 for wrong arguments.
 */
import { parseArgs } from 'node:util'
import { profileNames, type ProfileName } from './claims.ts'
import { level0, type Level0, type Placement, type Progress } from './level0.ts'
import { createRng } from './stats/rng.ts'
import { oneWayTable } from './tables/one-way.ts'
import { roundTripTable } from './tables/round-trip.ts'
import { sizeTable } from './tables/sizes.ts'
import { streamTable } from './tables/streams.ts'
import { render } from './tables/table.ts'
import { exitCode, report } from './text.ts'

const placements: readonly Placement[] = ['inside', 'sealed', 'front']

type Wanted = {
  readonly quick: boolean
  readonly profiles: readonly ProfileName[]
  readonly placement: Placement
  readonly seed: number
  readonly json: boolean
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** One line on a terminal that is written over; nothing where output goes to a file. */
const progress: Progress = ({ done, total, doing }) => {
  if (!process.stderr.isTTY) return
  process.stderr.write(done === total ? '\r\x1b[K' : `\r\x1b[K  ${done}/${total} ${doing}`)
}

function wanted(args: readonly string[]): Wanted {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      profile: { type: 'string', default: 'paced' },
      placement: { type: 'string', default: 'inside' },
      seed: { type: 'string', default: '7' },
    },
  })
  const seed = Number(values.seed)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new TypeError(`--seed ${values.seed}: give a whole number from 0`)
  const profiles = values.profile === 'all' ? profileNames : [oneOf(profileNames, '--profile', values.profile)]
  const placement = oneOf(placements, '--placement', values.placement)
  return { quick: values.quick, json: values.json, profiles, placement, seed }
}

function oneOf<T extends string>(allowed: readonly T[], option: string, given: string): T {
  const found = allowed.find((each) => each === given)
  if (found === undefined) throw new TypeError(`${option} ${given}: give one of ${allowed.join(', ')}`)
  return found
}

function referenceTables(seed: number): string {
  const rng = createRng(seed, 'tables')
  return [sizeTable, oneWayTable, roundTripTable, streamTable]
    .map((table) => render(table({ rng: rng.fork(table.name) })))
    .join('\n\n')
}

async function main({ quick, profiles, placement, seed, json }: Wanted): Promise<number> {
  const all: Level0[] = []
  for (const profile of profiles) {
    const found = await level0({ seed, quick, profile, placement, progress })
    if (!json) say(`${report(found)}\n`)
    all.push(found)
  }
  if (json) say(JSON.stringify(all))
  else if (!quick) say(referenceTables(seed))
  return Math.max(...all.map(exitCode))
}

try {
  process.exitCode = await main(wanted(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof TypeError)) throw error
  process.stderr.write(`leaktest: ${error.message}\n`)
  process.exitCode = 3
}
