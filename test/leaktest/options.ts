/** The command line of the privacy lab. privacy.md 5. */
import { parseArgs } from 'node:util'
import { profileNames, type ProfileName } from './claims.ts'
import { placements, type Placement } from './contract.ts'

export const help = `Usage: leaktest [run] [options]
       leaktest scan --canaries FILE PATH...
       leaktest render REPORT.json [--out DIR]
       leaktest explain F01 | TEST

run      starts the pair on this machine, watches every link, log, page of metrics and memory, and says who saw what.
scan     searches files, or all files in folders, for the canaries of a run: for operators who keep logs elsewhere.
render   makes report.html and junit.xml again from a report.json.
explain  says what a field or a test is, and what to do about it.

  --quick            fewer clients, and planted leaks several at a time
  --seed N           the same canaries and simulations as another run (default: by chance, and told)
  --placement NAME   front, inside, sealed or all (default: all; with --quick front and sealed; with --target, and at
                     level 2, front)
  --level N          0: simulated, 1: processes on loopback, 2: in network namespaces, every packet captured (Linux; needs
                     root, or namespaces for users); may be given again (default: 0 and 1)
  --profile NAME     direct (default), mixed or paced; at level 0 alone horizon too, at level 2 direct alone
  --tests A,B        only tests whose name begins so
  --attacks FILE     adds the report.json of an attack run
  --target FILE      a pair that is not ours: see test/leaktest/README.md
  --out DIR          where the report goes (default: leaktest-report)
  --keep             keep the run's folder: settings, logs, memory of the processes
  -h, --help         this text

Exits with 0 if all passed, 1 if something leaked, 2 if the run proves nothing somewhere, 3 if called wrongly.
`

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const options = {
  quick: { type: 'boolean' },
  seed: { type: 'string' },
  placement: { type: 'string' },
  level: { type: 'string', multiple: true },
  profile: { type: 'string' },
  tests: { type: 'string' },
  attacks: { type: 'string' },
  target: { type: 'string' },
  out: { type: 'string' },
  keep: { type: 'boolean' },
  canaries: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export const levels = [0, 1, 2] as const
export type Level = (typeof levels)[number]

export type RunOptions = {
  readonly command: 'run'
  readonly quick: boolean
  readonly seed: number
  readonly placements: readonly [Placement, ...Placement[]]
  readonly levels: readonly Level[]
  readonly profile: ProfileName
  readonly tests: readonly string[]
  readonly attacks: string | undefined
  readonly target: string | undefined
  readonly out: string
  readonly keep: boolean
}

export type Asked =
  | RunOptions
  | { readonly command: 'help' }
  | { readonly command: 'scan'; readonly canaries: string; readonly paths: readonly string[] }
  | { readonly command: 'render'; readonly file: string; readonly out: string | undefined }
  | { readonly command: 'explain'; readonly what: string }

/** Throws UsageError with a sentence that names the option. `dice`: a whole number for a seed that was not given. */
export function asked(args: readonly string[], dice: () => number): Asked {
  const { values, positionals } = parsed(args)
  if (values.help === true) return { command: 'help' }
  const [command = 'run', ...rest] = positionals
  switch (command) {
    case 'run':
      if (rest.length > 0)
        throw new UsageError(`nothing comes after run but options; what is ${JSON.stringify(rest[0])}?`)
      return runOptions(values, dice)
    case 'scan':
      if (values.canaries === undefined)
        throw new UsageError('scan: --canaries FILE is missing: canaries.json of a run')
      if (rest.length === 0) throw new UsageError('scan: name at least one file or folder to search')
      return { command, canaries: values.canaries, paths: rest }
    case 'render':
      return { command, file: only(command, rest, 'a report.json'), out: values.out }
    case 'explain':
      return { command, what: only(command, rest, 'a field such as F01 or a test such as heads.upstream') }
    default:
      throw new UsageError(`no command ${JSON.stringify(command)}: run, scan, render or explain`)
  }
}

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\.? To specify.*$/s, ''))
  }
}

function only(command: string, rest: readonly string[], what: string): string {
  const [first, ...others] = rest
  if (first === undefined || others.length > 0) throw new UsageError(`${command}: name ${what}, and nothing else`)
  return first
}

function runOptions(values: Values, dice: () => number): RunOptions {
  const { quick = false, keep = false, out = 'leaktest-report', attacks, target, tests } = values
  if (target !== undefined && values.level?.includes('2') === true)
    throw new UsageError('--target: at level 1 alone; level 2 starts the pair that it watches')
  if (values.canaries !== undefined) throw new UsageError('--canaries belongs to scan')
  return {
    ...{ command: 'run', quick, keep, out, attacks, target },
    seed: values.seed === undefined ? dice() : seedOf(values.seed),
    placements: placementsOf(values),
    ...shapeOf(values),
    tests: tests === undefined ? [] : tests.split(',').filter((test) => test !== ''),
  }
}

function seedOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--seed: a whole number, not ${JSON.stringify(text)}`)
  return Number(text)
}

/** A quick run looks at what most run, and at what has most parties to look at. */
function placementsOf({ placement, quick, target, level }: Values): RunOptions['placements'] {
  if (placement === undefined && (target !== undefined || level?.includes('2') === true)) return ['front']
  if (placement === undefined && quick === true) return ['front', 'sealed']
  if (placement === undefined || placement === 'all') return placements
  const found = placements.find((name) => name === placement)
  if (found === undefined)
    throw new UsageError(`--placement: ${placements.join(', ')} or all, not ${JSON.stringify(placement)}`)
  return [found]
}

/** Relays and gateways offer three; a claim about the fourth is one of the model's. */
function shapeOf({ level, profile = 'direct' }: Values): Pick<RunOptions, 'levels' | 'profile'> {
  const asked = levelsOf(level)
  const known = profileNames.find((name) => name === profile)
  if (known === undefined) throw new UsageError(`--profile: ${profileNames.join(', ')}, not ${JSON.stringify(profile)}`)
  if (known === 'horizon' && asked.some((one) => one > 0))
    throw new UsageError('--profile horizon: with --level 0 alone; no relay offers it')
  if (known !== 'direct' && asked.includes(2)) throw new UsageError(`--profile ${known}: at levels 0 and 1`)
  return { levels: asked, profile: known }
}

function levelsOf(texts: readonly string[] = ['0', '1']): Level[] {
  const wrong = texts.find((text) => !levels.some((level) => String(level) === text))
  if (wrong !== undefined) throw new UsageError(`--level: ${levels.join(', ')}, not ${JSON.stringify(wrong)}`)
  return levels.filter((level) => texts.includes(String(level)))
}
