/** Keys: the same octets for everybody, and nobody's fetch is the gateway's to see. privacy.md 2.8, F33; wire.md Resources. */
import { counted, type LiveTest } from './live-test.ts'
import { fieldOf } from './heads.ts'

export const keys: readonly LiveTest[] = [
  {
    id: 'keys.consistency',
    tier: 'T1',
    metric: 'distinct digests of the resource that has most, over clients that differ in everything',
    cells: [],
    remedy: 'mirror one copy of bundle and key list for all clients',
    ask: ({ mirrored }) => {
      if (mirrored.length === 0) return undefined
      const resources = Map.groupBy(mirrored, ({ resource }) => resource)
      const digests = [...resources.values()].map((all) => [...new Set(all.map(({ digest }) => digest))])
      const worst = digests.reduce((most, each) => (each.length > most.length ? each : most), [])
      const refused = worst.filter((digest) => digest.startsWith('status'))
      const answer = counted(worst.length, mirrored.length, worst.length > 1 ? worst : [], 1)
      return refused.length > 0 ? { ...answer, doubt: `the relay showed no keys: ${refused.join(', ')}` } : answer
    },
  },
  {
    id: 'keys.key-ids',
    tier: 'T1',
    metric: 'distinct keys in use at one time, by key id and suite on link B',
    cells: [],
    remedy: 'give all clients the same first key; at most two while one follows another',
    ask: ({ links, calls }) => {
      const sent = new Set(calls.map(({ message }) => message.toString('hex', 0, 7)))
      const headers = links.b.flatMap(({ exchanges }) =>
        exchanges.map(({ request }) => request.body.toString('hex', 0, 7)).filter((header) => sent.has(header)),
      )
      if (headers.length === 0) return undefined
      return counted(new Set(headers).size, headers.length, [...new Set(headers)], 1)
    },
  },
  {
    id: 'keys.fetches',
    tier: 'T1',
    metric: 'bundles that the gateway was asked for while clients fetched theirs',
    cells: ['F33 NR', 'F33 G', 'F33 H', 'F33 V', 'F33 K'],
    remedy: 'answer clients from a copy that is kept fresh by a timer; never ask the gateway for one of them',
    ask: ({ links, spans, mirrored }) => {
      const span = spans.find(({ phase }) => phase === 'keys')
      if (span === undefined || mirrored.length === 0) return undefined
      const looks = links.b
        .flatMap(({ exchanges }) => exchanges.map(({ request }) => request))
        .filter(({ start, first }) => start.includes('/asunder-bundle') && first >= span.from && first <= span.to)
      return counted(
        looks.length,
        mirrored.length,
        looks.map(({ start }) => start),
      )
    },
  },
  {
    id: 'keys.cache-control',
    tier: 'T1',
    metric: 'mirrored answers that are private, or that carry a validator of one client',
    cells: [],
    remedy: 'answer with `cache-control: public`, and with the digest as the only validator',
    ask: ({ links }) => {
      const answers = links.a.flatMap(({ exchanges }) =>
        exchanges.flatMap(({ request, response }) => (request.start.startsWith('GET ') && response ? [response] : [])),
      )
      const good = answers.filter(({ start }) => start.includes(' 200'))
      const odd = good.filter(
        (answer) => !/^public\b/.test(fieldOf(answer, 'cache-control') ?? '') || fieldOf(answer, 'vary') !== undefined,
      )
      return good.length === 0
        ? undefined
        : counted(
            odd.length,
            good.length,
            odd.map(({ head }) => head.toString('latin1')),
          )
    },
  },
]
