/** Streams before and after their shaping, and how far true pairs lie from random ones. privacy.md 2.14, part 4. */
import { matchStreams } from '../probes/stream.ts'
import { ascending, mean, quantile, times } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Line, Material, Piece, Plot, StreamTrial } from '../types.ts'

const thresholds = 51

export function streamPlots({ streams, together }: Material, rng: Rng): Plot[] {
  const shapes = streams === undefined ? [] : traces(streams(1 / 4))
  return together === undefined ? shapes : [...shapes, roc(together('at once', 1), rng)]
}

/** The first stream of each topic. */
function traces(all: readonly StreamTrial[]): Plot[] {
  const first = [...Map.groupBy(all, ({ topic }) => topic).values()].flatMap(([one]) =>
    one === undefined ? [] : [one],
  )
  const line = ({ topic, start }: StreamTrial, pieces: readonly Piece[]): Line => ({
    name: `topic ${topic}`,
    as: 'dots',
    points: pieces.map(({ t, octets }) => [t - start, octets] as const),
  })
  const axes = { n: first.length, x: 'milliseconds', y: 'octets', kind: 'lines' } as const
  return [
    { id: 'stream.before', title: 'Tokens at the CVM', ...axes, lines: first.map((one) => line(one, one.tokens)) },
    { id: 'stream.after', title: 'Pieces on link A', ...axes, lines: first.map((one) => line(one, one.a)) },
  ]
}

function roc(windows: readonly (readonly StreamTrial[])[], rng: Rng): Plot {
  const scores = windows.map((window) => matchStreams(window, 'b', rng).scores)
  const own = scores.flatMap((each) => each.own)
  const other = scores.flatMap((each) => each.other)
  const sorted = ascending([...own, ...other])
  const beyond = (values: readonly number[], limit: number): number =>
    mean(values.map((value) => Number(value > limit)))
  const points = times(thresholds, (i) => {
    const limit = quantile(sorted, 1 - i / (thresholds - 1))
    return [beyond(other, limit), beyond(own, limit)] as const
  })
  const lines: Line[] = [
    { name: 'streams', as: 'line', points: [...points, [1, 1]] },
    {
      name: 'chance',
      as: 'bound',
      points: [
        [0, 0],
        [1, 1],
      ],
    },
  ]
  const axes = { x: 'random pairs taken for true', y: 'true pairs found' }
  return { id: 'stream.roc', title: 'Whose stream is whose', n: own.length, ...axes, kind: 'lines', lines }
}
