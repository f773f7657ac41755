/** What connections tell: which requests are one client's, that a client left, how fast it writes. privacy.md 2.6, 4.2, 4.5. */
import { mean } from '../../stats/numbers.ts'
import { permuted } from '../../stats/draws.ts'
import { pValue } from '../../stats/permutation.ts'
import { createRng, type Rng } from '../../stats/rng.ts'
import type { Trial } from '../../types.ts'
import type { Phase, Span } from '../capture.ts'
import { follow, trialsOf } from '../trials.ts'
import { counted, told, type Answer, type LiveTest } from './live-test.ts'

export const connections: readonly LiveTest[] = [
  {
    id: 'connections.linkability',
    tier: 'T1',
    metric: 'P(same upstream connection | same client) - P(same | different clients): permutation p at most 0.001',
    cells: ['F31 NR', 'F31 G'],
    remedy: 'choose the upstream connection of each request by dice, from a pool of fixed size',
    ask: (capture) => linkable(trialsOf(capture, 'calls')),
  },
  {
    id: 'connections.arrivals',
    tier: 'T1',
    metric: 'upstream connections opened while clients came and asked',
    cells: ['F08 NR'],
    remedy: 'open a fixed number of connections beforehand, and replace them by the clock',
    ask: ({ links, spans }) => {
      const [first] = spans
      const busy = links.b.filter(({ exchanges }) => exchanges.some(({ request }) => request.start.startsWith('POST ')))
      if (first === undefined || busy.length === 0) return undefined
      const late = links.b.filter(({ connection }) => connection.opened > first.from && inAny(spans, connection.opened))
      return counted(
        late.length,
        links.b.length,
        late.map(({ connection }) => `connection ${String(connection.id)}`),
      )
    },
  },
  {
    id: 'departures.passed-on',
    tier: 'T1',
    metric: 'departures of a client that the gateway or its CVM noticed',
    cells: ['F09 NR', 'F09 G', 'F09 H', 'F09 V'],
    remedy: 'finish the exchange and throw the answer away when its client has left',
    ask: (capture) => {
      const span = capture.spans.find(({ phase }) => phase === 'departures')
      if (span === undefined) return undefined
      const left = capture.links.a.filter(({ connection }) => within(span, connection.nearGone))
      const cut = capture.links.b.filter(({ connection }) => within(span, connection.nearGone))
      const found = cut.map(({ connection }) => `connection ${String(connection.id)} was ended from the relay's side`)
      const noticed = cut.length + capture.leftAtApp
      return counted(noticed, left.length, [...found, ...(capture.leftAtApp > 0 ? ['the application saw it'] : [])])
    },
  },
  {
    id: 'pace.passed-on',
    tier: 'T1',
    metric: 'slow uploads that arrived slowly behind the relay',
    cells: ['F10 NR', 'F10 G', 'F10 H', 'F10 V'],
    remedy: 'store a request whole before the first octet of it goes on',
    ask: (capture) => {
      const slow = follow(capture, 'drips')
      if (slow.length === 0) return undefined
      const took = ({ first, last }: { first: number; last: number }): number => last - first
      const passed = slow.filter(({ a, b }) => took(b.request) > took(a.request) / 2)
      const meant = slow.filter(({ a }) => took(a.request) > 50)
      const found = passed.map(({ b }) => `${took(b.request).toFixed(0)} ms behind the relay`)
      return counted(passed.length, meant.length, found)
    },
  },
  {
    id: 'connections.delay',
    tier: 'T3',
    metric: 'milliseconds from link A to link B, median',
    cells: ['F08 G', 'F08 H', 'F08 V'],
    remedy: '',
    ask: (capture) => {
      const delays = trialsOf(capture, 'calls').map(({ times }) => times.out - times.in)
      if (delays.length === 0) return undefined
      const sorted = delays.toSorted((one, other) => one - other)
      return told(sorted[Math.floor(sorted.length / 2)] ?? 0, delays.length)
    },
  },
]

function within(span: Span, t: number | undefined): boolean {
  return t !== undefined && t >= span.from && t <= span.to
}

const quietPhases: readonly Phase[] = ['keys', 'calls', 'statuses', 'single']

function inAny(spans: readonly Span[], t: number): boolean {
  return spans.some((span) => quietPhases.includes(span.phase) && within(span, t))
}

/** Judged by permutation, which needs no large sample to find a relay that gives each client a connection. */
function linkable(trials: readonly Trial[]): Answer | undefined {
  if (trials.length === 0) return undefined
  const rng = createRng(1, 'linkability')
  const observed = delta(trials)
  const shuffled = Array.from({ length: permutations }, () => delta(withConnections(trials, rng)))
  const p = pValue(observed, shuffled)
  const linked = p <= rare ? [`difference ${observed.toFixed(3)}, permutation p ${p.toFixed(4)}`] : []
  const besides = { difference: observed, p, 'difference when shuffled': mean(shuffled) }
  const clients = new Set(trials.map(({ client }) => client)).size
  const answer = { ...counted(linked.length, trials.length, linked), besides }
  return clients < 2 || clients === trials.length
    ? { ...answer, doubt: 'no client came twice, or only one came' }
    : answer
}

const permutations = 2_000
const rare = 0.001

function delta(trials: readonly Pick<Trial, 'client' | 'upstream'>[]): number {
  const pairs = (key: (trial: Pick<Trial, 'client' | 'upstream'>) => string): number =>
    [...Map.groupBy(trials, key).values()].reduce((sum, { length }) => sum + (length * (length - 1)) / 2, 0)
  const all = (trials.length * (trials.length - 1)) / 2
  const client = pairs(({ client }) => String(client))
  const connection = pairs(({ upstream }) => String(upstream))
  const both = pairs(({ client, upstream }) => `${String(client)} ${String(upstream)}`)
  return both / client - (connection - both) / (all - client)
}

function withConnections(trials: readonly Trial[], rng: Rng): Pick<Trial, 'client' | 'upstream'>[] {
  const upstreams = permuted(
    rng,
    trials.map(({ upstream }) => upstream),
  )
  return trials.map(({ client }, i) => ({ client, upstream: upstreams[i] ?? 0 }))
}
