/** Joins over the relay, and what an answer may make a client do or tell. privacy.md 1.3 (join keys), 2.7, 2.12, F25, F34. */
import type { Capture } from '../capture.ts'
import type { Exchange } from '../heard.ts'
import { follow } from '../trials.ts'
import { counted, told, type LiveTest } from './live-test.ts'

export const inner: readonly LiveTest[] = [
  {
    id: 'joins.heads',
    tier: 'T1',
    metric: "values that stand in one client's heads on link A and in heads behind the relay",
    cells: ['F28 NR', 'F28 G', 'F28 H', 'F28 V'],
    remedy: 'let no identifier of a request or trace cross the relay, whoever made it',
    ask: ({ links, calls }) => {
      // What only one client says because only one was there is no mark of that client.
      if (new Set(calls.map(({ client }) => client)).size < 2) return undefined
      const before = links.a.flatMap(({ connection, exchanges }) =>
        valuesOf(exchanges).map((value) => ({ value, of: connection.peer.address })),
      )
      const owners = Map.groupBy(before, ({ value }) => value)
      const single = new Set(
        [...owners].filter(([, all]) => new Set(all.map(({ of }) => of)).size === 1).map(([value]) => value),
      )
      const behind = new Set([...links.b, ...links.d, ...links.app].flatMap(({ exchanges }) => valuesOf(exchanges)))
      const shared = [...single].filter((value) => behind.has(value))
      return counted(shared.length, single.size, shared)
    },
  },
  {
    id: 'inner.fetches',
    tier: 'T1',
    metric: 'requests to addresses that only an answer named',
    cells: ['F34 NC', 'F34 R', 'F34 NR', 'F34 G', 'F34 H', 'F34 V'],
    remedy: 'hand answers to the application as data; load nothing that they name',
    ask: ({ trapped, calls }) =>
      counted(trapped, calls.length, trapped > 0 ? ['an image of an answer was fetched'] : []),
  },
  {
    id: 'inner.clock',
    tier: 'T1',
    metric: 'dates of clients that tell more than the minute',
    cells: ['F25 G', 'F25 V'],
    remedy: 'truncate Date to the minute before sealing',
    ask: ({ calls }) => {
      const dates = calls.flatMap(({ inside }) => inside.toString('latin1').match(/\d\d:\d\d:\d\d GMT/g) ?? [])
      const exact = dates.filter((date) => !date.endsWith(':00 GMT'))
      return counted(exact.length, dates.length, exact)
    },
  },
  {
    id: 'inner.software',
    tier: 'T1',
    metric: 'requests behind the relay that name the software of who sent them',
    cells: ['F32 NR', 'F32 G', 'F32 H'],
    remedy: 'send no User-Agent, outside or inside, unless the application asks for it',
    ask: ({ links }) => {
      const all = [...links.b, ...links.d, ...links.app].flatMap(({ exchanges }) =>
        exchanges.map(({ request }) => request),
      )
      const named = all.filter(({ head }) =>
        /^(user-agent|x-powered-by|server|sec-ch-ua)\b|undici|node-fetch/im.test(head.toString('latin1')),
      )
      return counted(
        named.length,
        all.length,
        named.map(({ head }) => head.toString('latin1').slice(0, 200)),
      )
    },
  },
  {
    id: 'streams.tokens',
    profiles: ['direct', 'mixed'],
    tier: 'T3',
    metric: 'share of tokens whose end shows as a chunk on link A',
    cells: ['F21 NC', 'F21 R', 'F21 NR', 'F22 NC', 'F22 R', 'F22 NR'],
    more: { inside: ['F21 G', 'F21 H'], sealed: ['F21 G', 'F21 H'] },
    remedy: '',
    ask: (capture) => {
      const streams = follow(capture, 'streams')
      if (streams.length === 0) return undefined
      const shares = streams.map(({ a }) => Math.min(1, chunksIn(capture, a) / tokensEach))
      return told(shares.reduce((sum, share) => sum + share, 0) / shares.length, streams.length * tokensEach)
    },
  },
]

const tokensEach = 24

/** Chunks of the transfer coding: what R sees at least; the network sees as many records. */
function chunksIn(capture: Capture, { connection, response }: Exchange): number {
  const heard = capture.links.a.find((each) => each.connection.id === connection)
  if (heard?.backward === undefined || response === undefined) return 0
  const text = heard.backward.toString('latin1', response.headEnd, response.to)
  return [...text.matchAll(/(?:^|\r\n)[0-9a-f]+\r\n/g)].length
}

/** Values, and the words in them, that are long enough to identify. */
function valuesOf(exchanges: readonly Exchange[]): string[] {
  const heads = exchanges.flatMap(({ request, response }) => [request, ...(response === undefined ? [] : [response])])
  return heads.flatMap(({ fields, start }) =>
    [start, ...fields.filter(([name]) => !framing.has(name)).map(([, value]) => value)].flatMap(
      (value) => value.match(/[\w-]{8,}/g) ?? [],
    ),
  )
}

/** The digest of a mirrored copy is the same for everybody, whoever came first. */
const framing = new Set(['content-length', 'date', 'host', 'etag'])
