/** Lengths on the wire. wire.md "Padding", privacy.md 2.4: conformance, equality across the relay, and what is inside. */
import { onGrid } from '../../../../shared/shaping/buckets.ts'
import type { Capture } from '../capture.ts'
import { maskedHead } from '../heads.ts'
import { follow, trialsOf } from '../trials.ts'
import { counted, told, type LiveTest } from './live-test.ts'

export const sizes: readonly LiveTest[] = [
  {
    id: 'size.grid',
    tier: 'T1',
    metric: 'messages off the grid of sizes, links A and B, both directions',
    cells: ['F15 NC', 'F15 R', 'F15 NR'],
    more: { inside: ['F15 G', 'F15 H'] },
    remedy: 'pad the whole encapsulated message to a bucket: requests at the client, answers where they are sealed',
    ask: (capture) => {
      const lengths = messages(capture)
      const off = lengths.filter(({ length }) => !onGrid(length))
      return counted(
        off.length,
        lengths.length,
        off.map(({ link, length }) => `link ${link}: ${String(length)} octets`),
      )
    },
  },
  {
    id: 'size.across',
    tier: 'T1',
    metric: 'messages whose length is another behind the relay',
    cells: [],
    remedy: 'forward the encapsulated octets as they are, without compression or framing of its own',
    ask: (capture) => {
      const trials = trialsOf(capture)
      const odd = trials.filter(({ request, response }) => request.a !== request.b || response.a !== response.b)
      return counted(
        odd.length,
        trials.length,
        odd.map(({ request }) => `${String(request.a)} became ${String(request.b)}`),
      )
    },
  },
  {
    id: 'size.status',
    tier: 'T1',
    metric: 'distinct answers outside the seal for four statuses inside it',
    cells: ['F19 NC', 'F19 R', 'F19 NR'],
    remedy: 'answer 200 outside whatever is inside, and pad refusals as small answers',
    ask: (capture) => {
      const seen = follow(capture, 'statuses').flatMap(({ a: { response } }) =>
        response === undefined ? [] : [`${maskedHead(response.head)}\n${String(response.body.length)} octets`],
      )
      return seen.length === 0 ? undefined : counted(new Set(seen).size, seen.length, [...new Set(seen)], 1)
    },
  },
  {
    id: 'size.overhead',
    tier: 'T3',
    metric: 'octets sent for one octet meant',
    cells: [],
    remedy: '',
    ask: (capture) => {
      const trials = trialsOf(capture, 'calls')
      if (trials.length === 0) return undefined
      const sum = (pick: (trial: (typeof trials)[number]) => number): number =>
        trials.reduce((all, each) => all + pick(each), 0)
      const buckets = new Set(trials.flatMap(({ request, response }) => [request.a, response.a]))
      const ratio =
        sum(({ request, response }) => request.a + response.a) /
        sum(({ request, response }) => request.raw + response.raw)
      return told(ratio, trials.length, { 'distinct lengths': buckets.size })
    },
  },
]

/** Whole messages in both directions; streams are padded as their profile says. */
function messages(capture: Capture): { readonly link: 'A' | 'B'; readonly length: number }[] {
  return follow(capture).flatMap(({ call, a, b }) => {
    if (call.phase === 'streams') return [{ link: 'A' as const, length: a.request.body.length }]
    const both = [
      ['A', a],
      ['B', b],
    ] as const
    return both.flatMap(([link, { request, response }]) =>
      [request, response].flatMap((message) => (message === undefined ? [] : [{ link, length: message.body.length }])),
    )
  })
}
