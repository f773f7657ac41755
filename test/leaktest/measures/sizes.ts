/** What lengths tell about an exchange, held to what its profile promises. privacy.md 2.4. */
import type { Claims } from '../claims.ts'
import { drawnEvidence, resamplesForGates, type Probe } from '../gate.ts'
import { named, offGrid, overhead, sizeSamples, unequalLengths, type Direction } from '../probes/size.ts'
import { blockBootstrap, percentileInterval } from '../stats/bootstrap.ts'
import { heldOut } from '../stats/held-out.ts'
import { mutualInformation } from '../stats/information.ts'
import { mean } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Gate, Material, Repeated, Trial } from '../types.ts'
import { attack, bits, measured, none, reported } from './measure.ts'

const residueLimit = 0.02
/** enough to know the spread of an estimate by */
const spreadDraws = 400
/** Deterministic padding must not tell more after twenty repeats; luck moves the difference by less than this. */
const repeatGain: Gate = { kind: 'at-most', threshold: 0.1 }

type Messages = (factor: number) => readonly Trial[]

export function sizeTests({ messages, repeats }: Material, claims: Claims, rng: Rng): Probe[] {
  const tests: Probe[] = []
  if (messages !== undefined) {
    tests.push(...conformance(messages, claims))
    tests.push(...(['request', 'response'] as const).flatMap((way) => tellings(messages, way, claims, rng)))
    tests.push(joined(messages, rng))
  }
  if (repeats !== undefined) tests.push(repeated(repeats, rng))
  return tests
}

function conformance(messages: Messages, { fit }: Claims): Probe[] {
  return [
    measured('size.off-grid', (factor) => {
      const trials = messages(factor)
      const metric = 'lengths on links A and B that are none of the profile'
      return none(
        { id: 'size.off-grid', tier: 'T1', metric },
        4 * trials.length,
        offGrid(trials, (size) => fit(size) === size),
      )
    }),
    measured('size.unequal', (factor) => {
      const trials = messages(factor)
      const metric = 'lengths on one link that the other does not have'
      return none({ id: 'size.unequal', tier: 'T1', metric }, 2 * trials.length, unequalLengths(trials))
    }),
  ]
}

function tellings(messages: Messages, way: Direction, { fit, sizes }: Claims, rng: Rng): Probe[] {
  const residue = `size.residue.${way}`
  const information = `size.information.${way}`
  const intent = `size.intent.${way}`
  return [
    measured(residue, (factor) => {
      const trials = messages(factor)
      const given = trials.map((trial) => fit(trial[way].raw))
      const found = told(trials, (trial) => trial[way].b, rng.fork(residue), given)
      return bits({ id: residue, tier: 'T1', metric: `I(intent; ${way} length | bucket), bits` }, found, residueLimit)
    }),
    measured(information, (factor) => {
      const trials = messages(factor)
      const about = { id: information, tier: 'T1', metric: `I(intent; ${way} length), bits` } as const
      const { overhead: extra, ...set } = overhead(trials.map((trial) => trial[way]))
      const found = told(trials, (trial) => trial[way].a, rng.fork(information))
      return bits(
        { ...about, besides: { ...set, 'overhead %': 100 * extra } },
        found,
        'bits' in sizes ? sizes.bits : undefined,
      )
    }),
    measured(intent, (factor) => {
      const found = heldOut(sizeSamples(messages(factor), way), rng.fork(intent))
      const metric = `advantage of guessing the intent by ${way} length`
      return attack({ id: intent, tier: 'T1', metric }, found, 'advantage' in sizes ? sizes.advantage : undefined)
    }),
  ]
}

function joined(messages: Messages, rng: Rng): Probe {
  const id = 'size.join'
  return measured(id, (factor) => {
    const trials = messages(factor)
    const labels = trials.map(({ request }) => request.a)
    const values = trials.map(({ response }) => response.a)
    const found = mutualInformation(labels, values, { rng: rng.fork(id), permutations: 100, resamples: 200 })
    return bits({ id, tier: 'T3', metric: 'I(request length; answer length), bits' }, found)
  })
}

type Repeats = NonNullable<Material['repeats']>

function repeated(repeats: Repeats, rng: Rng): Probe {
  const id = 'size.repeats'
  return measured(id, (factor) => {
    const { known, seen } = repeats(factor)
    const found = named(known, seen, rng.fork(id))
    const gain = (rows: readonly (readonly [number, number])[]): number =>
      mean(rows.map(([once, often]) => often - once))
    const draws = blockBootstrap(found, gain, rng.fork(`${id} draws`), resamplesForGates)
    const about = { id, tier: 'T1', metric: `accuracy that ${repeatsOf(seen)} repeats of a message add` } as const
    const once = mean(found.map(([first]) => first))
    const base = reported({ ...about, besides: { once } }, found.length, gain(found), 0, percentileInterval(draws))
    return { ...base, gate: repeatGain, evidence: drawnEvidence(draws, repeatGain) }
  })
}

function repeatsOf(seen: readonly Repeated[]): number {
  return seen[0]?.lengths.length ?? 0
}

function told(
  trials: readonly Trial[],
  value: (trial: Trial) => number,
  rng: Rng,
  given?: readonly number[],
): ReturnType<typeof mutualInformation> {
  const labels = trials.map(({ intent }) => intent)
  const options = { rng, permutations: 500, resamples: spreadDraws, bins: 64 }
  return mutualInformation(labels, trials.map(value), given === undefined ? options : { ...options, given })
}
