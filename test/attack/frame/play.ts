/** One scenario from beginning to end: control, attack, and the same against a naive pair, which must fall. */
import { naive } from '../naive/pair.ts'
import { NotThere } from '../pair/subject.ts'
import { exposed, inconclusive, type Finding, type Outcome, type Scenario } from './scenario.ts'
import { onStage, type Cast } from './stage.ts'

export type Played = {
  readonly scenario: Scenario
  readonly cast: Cast
  readonly seed: number
  readonly finding: Finding
  /** what the same attack did to a naive pair; absent where none was asked for or there is nothing to get wrong */
  readonly naive?: Finding
  readonly verdict: Verdict
  readonly milliseconds: number
}

/** `proves nothing`: a naive pair withstood it too, or was not served to begin with, so that our own result says nothing. */
export type Verdict = 'pass' | 'fail' | 'proves nothing' | 'inconclusive'

export type PlayOptions = {
  readonly cast: Cast
  readonly seed: number
  /** Whether to look at a naive pair too. */
  readonly proof: boolean
  /** milliseconds for each of control and attack */
  readonly patience?: number
}

export async function play(scenario: Scenario, { cast, seed, proof, patience }: PlayOptions): Promise<Played> {
  const begun = performance.now()
  const finding = await found(scenario, cast, seed, patience)
  const wanted = proof && scenario.withoutNaive === undefined && cast.subject !== naive
  const fallen = wanted ? await found(scenario, { ...cast, subject: naive }, seed, patience) : undefined
  const verdict = verdictOf(scenario, finding, fallen)
  const milliseconds = Math.round(performance.now() - begun)
  return { scenario, cast, seed, finding, ...(fallen && { naive: fallen }), verdict, milliseconds }
}

/** The naive pair alone: passes when it falls. */
export async function playNaive(scenario: Scenario, { cast, seed, patience }: PlayOptions): Promise<Played> {
  const begun = performance.now()
  const own = { ...cast, subject: naive }
  const finding = await found(scenario, own, seed, patience)
  const verdict = finding.outcome === 'EXPOSED' ? 'pass' : 'proves nothing'
  return { scenario, cast: own, seed, finding, verdict, milliseconds: Math.round(performance.now() - begun) }
}

/** What the attack comes to. Whatever keeps it from being an experiment makes it inconclusive, never a pass. */
async function found(scenario: Scenario, cast: Cast, seed: number, patience = 60_000): Promise<Finding> {
  try {
    await onStage(scenario, cast, seed, (stage) => inTime(scenario.control(stage), patience))
  } catch (cause) {
    return inconclusive(cause instanceof NotThere ? cause.message : `control: ${wordsOf(cause)}`)
  }
  try {
    return gated(await onStage(scenario, cast, seed, (stage) => inTime(scenario.attack(stage), patience)))
  } catch (cause) {
    return inconclusive(cause instanceof NotThere ? cause.message : `the attack broke off: ${wordsOf(cause)}`)
  }
}

/** A measure beyond its gate is an exposure, whatever the scenario thought of it. */
function gated(finding: Finding): Finding {
  const { measure } = finding
  if (measure?.gate === undefined || measure.value <= measure.gate) return finding
  if (finding.outcome === 'INCONCLUSIVE') return finding
  return exposed(`${finding.says}; ${measure.metric} is ${measure.value}, at most ${measure.gate} allowed`, measure)
}

export function verdictOf(
  { expects, withoutNaive }: Pick<Scenario, 'expects' | 'withoutNaive'>,
  { outcome }: Pick<Finding, 'outcome'>,
  fallen: Pick<Finding, 'outcome'> | undefined,
): Verdict {
  if (outcome === 'INCONCLUSIVE') return 'inconclusive'
  if (!expected(expects, outcome)) return 'fail'
  return withoutNaive === undefined && fallen !== undefined && fallen.outcome !== 'EXPOSED' ? 'proves nothing' : 'pass'
}

function expected(expects: readonly Outcome[], outcome: Outcome): boolean {
  return outcome !== 'EXPOSED' && expects.includes(outcome)
}

async function inTime<T>(work: Promise<T>, patience: number): Promise<T> {
  let fuse: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    fuse = setTimeout(() => reject(new Error(`no end within ${patience} ms`)), patience)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(fuse)
  }
}

function wordsOf(cause: unknown): string {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const deeper = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${error.message}${deeper}`
}
