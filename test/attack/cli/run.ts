/** `attack`: plays what was chosen, tells how it goes, and gives the exit code. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { naive } from '../naive/pair.ts'
import { play, playNaive, type Played } from '../frame/play.ts'
import { junitOf, reportOf, type Report } from '../frame/report.ts'
import { profiles, type Scenario } from '../frame/scenario.ts'
import { scoreOf } from '../frame/score.ts'
import { ours } from '../pair/ours.ts'
import { gather, type People } from '../pair/people.ts'
import { scenarios } from '../scenarios/all.ts'
import { chosen, help, read, UsageError, type Options } from './options.ts'
import { scaffold } from './scaffold.ts'
import { serve, serveHelp } from './serve.ts'
import { legend, listed, progress, table } from './table.ts'

export type World = {
  readonly out: (text: string) => void
  readonly say: (text: string) => void
  /** `wx`: only where there is no such file yet. */
  readonly write: (path: string, text: string, flag?: 'w' | 'wx') => void
  /** Resolves when the person has seen enough. */
  readonly stopped: () => Promise<void>
}

export type ExitCode = 0 | 1 | 2 | 3

export async function run(args: readonly string[], world: World): Promise<ExitCode> {
  try {
    const [word = '', ...rest] = args
    if (word === 'new') return create(rest, world)
    if (word === 'serve') return await served(rest, world)
    return await told(read(args), world)
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    world.say(`attack: ${cause.message}`)
    return 3
  }
}

function create([file, ...more]: readonly string[], { out, write }: World): ExitCode {
  if (file === undefined || more.length > 0 || !file.endsWith('.ts'))
    throw new UsageError('new: give one file that ends in .ts')
  const path = resolve(file)
  try {
    write(path, scaffold(path), 'wx')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be written'
    throw new UsageError(`new ${file}: ${why}; give a file that is not there yet, in a folder that is`)
  }
  out(`${path}: change it, and run it with\n  npm run attack -- --file ${file}\n`)
  return 0
}

async function served(args: readonly string[], { out, stopped }: World): Promise<ExitCode> {
  if (args.includes('--help') || args.includes('-h')) out(serveHelp)
  else {
    const serving = await serve(args, (line) => out(`${line}\n`))
    out(`${serving.says}\n  Ctrl-C ends it\n`)
    await stopped()
    await serving.close()
  }
  return 0
}

async function told(options: Options, world: World): Promise<ExitCode> {
  const some = options.file === undefined ? chosen(scenarios, options) : [await scenarioIn(options.file)]
  if (options.help) world.out(help)
  else if (options.list) world.out(`${listed(some)}\n\n${some.length} scenarios\n\n${legend}\n`)
  else return attacked(some, options, world)
  return 0
}

async function attacked(some: readonly Scenario[], options: Options, world: World): Promise<ExitCode> {
  const { seed, mutant, json, out, junit } = options
  const started = new Date()
  const played = await playAll(mutant ? some.filter(hasNaive) : some, options, world.say)
  const subject = mutant ? naive.name : ours.name
  const report = reportOf(played, { seed, subject, started, ended: new Date() })
  const text = `${JSON.stringify(report, null, 2)}\n`
  world.out(json ? text : `\n${table(report)}\n`)
  if (out !== undefined) world.write(out, text)
  if (junit !== undefined) world.write(junit, junitOf(played))
  return scoreOf(played).exit
}

async function scenarioIn(file: string): Promise<Scenario> {
  const module = (await import(pathToFileURL(resolve(file)).href).catch((cause: unknown) => {
    throw new UsageError(`--file ${file}: ${cause instanceof Error ? cause.message : 'cannot be read'}`)
  })) as { readonly default?: Scenario }
  if (typeof module.default?.attack !== 'function')
    throw new UsageError(`--file ${file}: its default export is no scenario`)
  return module.default
}

const hasNaive = ({ withoutNaive }: Scenario): boolean => withoutNaive === undefined

/** Our own pair one after the other, since they would take time from each other's measures; naive ones several at once. */
export async function playAll(
  some: readonly Scenario[],
  { seed, mutant, proof }: Pick<Options, 'seed' | 'mutant' | 'proof'>,
  say: (text: string) => void = () => undefined,
): Promise<readonly Played[]> {
  const people = await gather()
  const played = new Map<Scenario, Played>()
  const left = [...some]
  const work = async (): Promise<void> => {
    for (let scenario = left.shift(); scenario !== undefined; scenario = left.shift()) {
      const setting = { cast: castOf(scenario, people, mutant), seed, proof }
      const one = await (mutant ? playNaive : play)(scenario, setting)
      played.set(scenario, one)
      say(progress(one, played.size, some.length))
    }
  }
  try {
    await Promise.all(Array.from({ length: mutant ? 6 : 1 }, work))
  } finally {
    people.remove()
  }
  return some.flatMap((scenario) => played.get(scenario) ?? [])
}

function castOf(
  { placements: [placement = 'front'], profiles: [profile = profiles[0]] }: Scenario,
  people: People,
  mutant: boolean,
) {
  return { placement, profile, people, subject: mutant ? naive : ours }
}

export type { Report }
