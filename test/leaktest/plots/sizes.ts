/** Lengths before and after padding, who is taken for whom by them, and what they cost. privacy.md 2.14, part 2. */
import type { Claims } from '../claims.ts'
import { sizeSamples } from '../probes/size.ts'
import { classesOf } from '../stats/attacker.ts'
import { permuted } from '../stats/draws.ts'
import { frequentist } from '../stats/frequentist.ts'
import { ascending, quantile, sum, times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Line, Material, Plot, Trial } from '../types.ts'

const points = 101

export function sizePlots({ messages }: Material, claims: Claims, rng: Rng): Plot[] {
  if (messages === undefined) return []
  const trials = messages(1)
  return [distribution(trials), confusion(trials, rng), overhead(trials, claims)]
}

function distribution(trials: readonly Trial[]): Plot {
  const line = (name: string, as: Line['as'], values: readonly number[]): Line => {
    const sorted = ascending(values)
    return { name, as, points: times(points, (i) => [quantile(sorted, i / (points - 1)), i / (points - 1)] as const) }
  }
  const raw = line(
    'sealed',
    'line',
    trials.map(({ request }) => request.raw),
  )
  const padded = line(
    'on the link',
    'steps',
    trials.map(({ request }) => request.a),
  )
  const axes = { x: 'octets of a request', y: 'share that is no longer' }
  return {
    id: 'size.distribution',
    title: 'Lengths before and after padding',
    n: trials.length,
    ...axes,
    kind: 'lines',
    scale: 'log',
    lines: [raw, padded],
  }
}

/** Row: what it was. Column: what somebody said who has learnt from as many others. */
function confusion(trials: readonly Trial[], rng: Rng): Plot {
  const samples = permuted(rng, sizeSamples(trials, 'request'))
  const half = Math.floor(samples.length / 2)
  const guess = frequentist.learn(samples.slice(0, half))
  const classes = classesOf(samples)
  const values = times(classes, () => new Array<number>(classes).fill(0))
  for (const { label, features } of samples.slice(half)) {
    const row = values[label] as number[]
    const column = guess(features)
    row[column] = (row[column] ?? 0) + 1
  }
  const axes = { x: 'guessed intent', y: 'true intent' }
  return {
    id: 'size.confusion',
    title: 'Intents guessed by request length',
    n: samples.length - half,
    ...axes,
    kind: 'grid',
    values,
  }
}

/** Percent that padding adds to each kind of request. */
function overhead(trials: readonly Trial[], { fit }: Claims): Plot {
  const kinds = times(Math.max(...trials.map(({ intent }) => intent)) + 1, (intent) =>
    trials.filter((trial) => trial.intent === intent),
  )
  const added = (kind: readonly Trial[], length: (trial: Trial) => number): number =>
    100 * (sum(kind.map(length)) / Math.max(1, sum(kind.map(({ request }) => request.raw))) - 1)
  const seen = kinds.map((kind, i) => [i, added(kind, ({ request }) => request.a)] as const)
  const promised = kinds.map((kind, i) => [i, added(kind, ({ request }) => fit(request.raw))] as const)
  const lines: Line[] = [
    { name: 'seen', as: 'dots', points: seen },
    { name: 'as the profile pads', as: 'bound', points: promised },
  ]
  return {
    id: 'size.overhead',
    title: 'What padding costs',
    n: trials.length,
    x: 'intent',
    y: 'octets added, percent',
    kind: 'lines',
    lines,
  }
}
