/**
 * How many reports there are for whom. Hosts throttle guests that ask too often, and the keys of `sealed` need theirs
 * however many connections knock: links and keys have slots and a rate of their own, and neither can take the other's.
 * trust.md 4.
 */
import { arrive } from '../../../shared/limits/bucket.ts'
import { Refusal } from '../../../shared/refusal.ts'
import type { EvidenceProvider } from '../provider.ts'

export type Ration = {
  /** in the making at a time; reads from the platform block a thread of the pool each, and it has four */
  readonly atOnce: number
  readonly waiting: number
  /** on average; as many at once after a quiet minute */
  readonly perMinute: number
}

export type RationOptions = {
  readonly provider: EvidenceProvider
  readonly links: Ration
  readonly keys: Ration
  readonly now?: () => number
}

/** The same provider; what is over the ration is refused as `evidence-unavailable`. */
export function rationed({ provider, links, keys, now = () => performance.now() }: RationOptions): EvidenceProvider {
  const turns = { 1: turnstile(links, now), 2: turnstile(keys, now) }
  return {
    kind: provider.kind,
    evidence: (binding) => turns[binding.kind](() => provider.evidence(binding)),
  }
}

function turnstile({ atOnce, waiting, perMinute }: Ration, now: () => number) {
  const queue: (() => void)[] = []
  let busy = 0
  let arrival = 0
  const enter = async (): Promise<void> => {
    if (busy >= atOnce && queue.length >= waiting) throw new Refusal('evidence-unavailable', 'too many at a time')
    const next = arrive({ perSecond: perMinute / 60, burst: perMinute }, arrival, now())
    if (next === undefined) throw new Refusal('evidence-unavailable', `more than ${perMinute} in a minute`)
    arrival = next
    if (busy >= atOnce) return new Promise((resolve) => queue.push(resolve))
    busy += 1
  }
  // Whoever leaves hands the slot on, so that nobody slips in between.
  const leave = (): void => {
    const first = queue.shift()
    if (first === undefined) busy -= 1
    else first()
  }
  return async <T>(work: () => Promise<T>): Promise<T> => {
    await enter()
    try {
      return await work()
    } finally {
      leave()
    }
  }
}
