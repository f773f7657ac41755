/**
 * What one relay may ask of this gateway: so many requests at a time, and so many a second, so that a relay that is
 * flooded, or floods, leaves room for the others. A relay is known by its pinned key; everybody behind it is one.
 * wire.md "Errors" (over the rate); RFC 10036 §4.2 for streamed requests.
 */
import { incremental } from '../shared/http/incremental.ts'
import { incrementalLimit } from '../shared/http/incremental-words.ts'
import { line } from '../shared/http/outer.ts'
import { problem } from '../shared/http/problem.ts'
import { arrive, type Rate } from '../shared/limits/bucket.ts'
import type { Gate } from '../shared/upstream/serve.ts'

export type Quota = {
  /** of the relay, as configured */
  readonly name: string
  readonly rate?: Rate | undefined
  /** requests at a time, each from its head to the end of its answer */
  readonly atOnce?: number | undefined
}

export const verdicts = ['admitted', 'limited'] as const
export type Verdict = (typeof verdicts)[number]

type Spent = { arrival: number; open: number }

const overQuota = problem(429)
const overQuotaStreamed = problem(429, { proxyStatus: incrementalLimit })

/** Refuses what is beyond a relay's quota with one constant, before anything of the request is looked at. */
export function createQuotas(
  quotas: readonly Quota[],
  now: () => number,
  told: (relay: string, verdict: Verdict) => void,
): Gate {
  const relays = new Map(quotas.map((quota) => [quota.name, { quota, spent: { arrival: 0, open: 0 } }]))
  return (peer, { incoming, outgoing }) => {
    const relay = relays.get(peer)
    // Lists and bundles are the same for everybody and cost nothing; without them a relay would look broken.
    if (relay === undefined || incoming.method !== 'POST') return undefined
    const { quota, spent } = relay
    if (!take(quota, spent, now())) {
      told(peer, 'limited')
      const field = line(incoming.rawHeaders, 'incremental')
      const streams = field !== undefined && incremental([field]) === true
      return streams ? overQuotaStreamed : overQuota
    }
    told(peer, 'admitted')
    spent.open++
    outgoing.once('close', () => spent.open--)
    return undefined
  }
}

// A request that finds no room at a time does not count against the rate: it cost nothing.
function take({ rate, atOnce = Infinity }: Quota, spent: Spent, now: number): boolean {
  if (spent.open >= atOnce) return false
  const arrival = rate === undefined ? spent.arrival : arrive(rate, spent.arrival, now)
  if (arrival === undefined) return false
  spent.arrival = arrival
  return true
}
