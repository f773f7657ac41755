/**
 * Level 0 of the privacy lab: a model pair in one process on simulated clocks, watched by every attacker that can watch
 * it, with planted leaks beside it. privacy.md 2.1 (L0), 2.2. The traffic is synthetic and the attackers are those of
 * `probes`: a pass bounds these attackers on this workload, nobody else.
 */
import { claims, type ProfileName } from './claims.ts'
import { familyAlpha, judge, result, settle, type Probe, type Settled } from './gate.ts'
import { testsOn } from './measures/all.ts'
import { controls, outcome } from './mutants.ts'
import { plots } from './plots/all.ts'
import { ideal } from './simulate/ideal.ts'
import { mutantsFor, type Planted } from './simulate/mutants.ts'
import { full, observe, quick as little, type Amounts } from './simulate/observe.ts'
import { profiles, type Model } from './simulate/profiles.ts'
import { createRng } from './stats/rng.ts'
import type { MutantOutcome, Plot, TestResult, Verdict } from './types.ts'

export type Placement = 'inside' | 'sealed' | 'front'

/** What happens next: `done` of `total` steps are over. */
export type Progress = (step: { readonly done: number; readonly total: number; readonly doing: string }) => void

export type Level0Options = {
  /** a whole number from 0; the same seed gives the same report, octet by octet */
  readonly seed: number
  /** fewer observations: more may stay inconclusive */
  readonly quick?: boolean
  /** how much is observed, where neither form will do */
  readonly amounts?: Amounts
  readonly profile?: ProfileName
  readonly placement?: Placement
  readonly progress?: Progress
}

export type Level0 = {
  readonly profile: ProfileName
  readonly placement: Placement
  readonly seed: number
  readonly alpha: number
  readonly results: readonly TestResult[]
  readonly mutants: readonly MutantOutcome[]
  /** gated tests on a pair that is ideal by construction: what does not pass there is a mistake of the test */
  readonly ideal: readonly { readonly test: string; readonly verdict: Verdict }[]
  readonly plots: readonly Plot[]
}

/** Octets of a second seal inside the first: KEM output, header and tag (RFC 9458 §4.3), and the length of its padding. */
const layers: Readonly<Record<Placement, number>> = { inside: 0, sealed: 32 + 7 + 16, front: 0 }

/** Throws TypeError for a seed that is none. Gives way to the event loop between steps. */
export async function level0({
  seed,
  quick = false,
  amounts = quick ? little : full,
  profile = 'mixed',
  placement = 'inside',
  progress = () => undefined,
}: Level0Options): Promise<Level0> {
  const run = createRun({
    seed,
    model: { ...profiles[profile], layers: layers[placement] },
    amounts,
  })
  const planted = mutantsFor(profile)
  const total = run.tests.length + planted.length + 2
  let done = 0
  const step = async <T>(doing: string, work: () => T): Promise<T> => {
    progress({ done: done++, total, doing })
    await new Promise((resolve) => setImmediate(resolve))
    return work()
  }
  const first = new Map<string, ReturnType<Probe['measure']>>()
  for (const test of run.tests) first.set(test.id, await step(test.id, () => test.measure(1)))
  const settled = settle(run.tests.map((test) => known(test, first)))
  const outcomes: MutantOutcome[] = []
  for (const mutant of planted)
    outcomes.push(...(await step(`mutant: ${mutant.name}`, () => run.plant(mutant, settled))))
  const results = settled.map(({ measurement, verdict }) =>
    result(measurement, verdict, controls(outcomes, measurement.id)),
  )
  const control = await step('the ideal pair', () => run.control(settled))
  const { material, rng } = run
  const drawn = await step('plots', () => plots({ results, material, claims: claims[profile], rng: rng.fork('plots') }))
  progress({ done: total, total, doing: 'done' })
  return { profile, placement, seed, alpha: familyAlpha, results, mutants: outcomes, ideal: control, plots: drawn }
}

type RunOptions = { readonly seed: number; readonly model: Model; readonly amounts: Amounts }

function createRun({ seed, model, amounts }: RunOptions) {
  const rng = createRng(seed, 'level 0')
  const promised = claims[model.profile]
  const watched = (pair: Model) => observe(pair, rng.fork('traffic'), amounts)
  const testsOf = (pair: Model): Probe[] => testsOn(watched(pair), promised, rng.fork('attackers'))
  const material = watched(model)
  return {
    rng,
    model,
    material,
    tests: testsOn(material, promised, rng.fork('attackers')),
    control: (settled: readonly Settled[]): Level0['ideal'] => {
      const tests = testsOf({ ...ideal(model.profile), layers: model.layers })
      return controlled(settled, tests.filter(withLuck))
    },
    plant: (mutant: Planted, settled: readonly Settled[]): MutantOutcome[] =>
      planted(mutant, settled, testsOf(mutant.plant(model))),
  }
}

/** Tests whose figures have luck in them; the others only count. */
function withLuck({ id }: Probe): boolean {
  return /^(timing|stream|link)[.]/.test(id)
}

/** The gated ones, each with as much as it needed on the real model. */
function controlled(settled: readonly Settled[], tests: readonly Probe[]): Level0['ideal'] {
  const gated = tests.flatMap((test) => {
    const held = settled.find(({ probe }) => probe.id === test.id)
    return held === undefined || held.measurement.gate.kind === 'report' ? [] : [{ test, factor: held.factor }]
  })
  const verdicts = judge(gated.map(({ test, factor }) => test.measure(factor)))
  return gated.map(({ test }, i) => ({ test: test.id, verdict: verdicts[i] ?? 'inconclusive' }))
}

/** A mutant of a test that is gated in this run, measured with as much as the test itself needed. */
function planted(mutant: Planted, settled: readonly Settled[], tests: readonly Probe[]): MutantOutcome[] {
  const family = settled.filter(({ measurement }) => measurement.evidence !== undefined).length
  const held = settled.find(({ probe }) => probe.id === mutant.test)
  const test = tests.find(({ id }) => id === mutant.test)
  if (held === undefined || test === undefined) throw new TypeError(`${mutant.name}: there is no test ${mutant.test}`)
  if (held.measurement.gate.kind === 'report') return []
  return [outcome(mutant, test.measure(held.factor), family)]
}

/** The probe with its first measurement made. */
function known(test: Probe, first: ReadonlyMap<string, ReturnType<Probe['measure']>>): Probe {
  return { id: test.id, measure: (factor) => (factor === 1 ? first.get(test.id) : undefined) ?? test.measure(factor) }
}
