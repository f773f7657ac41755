/** A relay under test in its place between clients and gateway: the product's, or one of the lab's own with a planted leak. */
import type { LivePair } from './pair.ts'
import type { Tap } from './tap.ts'
import type { Operator } from './wiring.ts'

export type Subject = {
  /** tap on link A, in front of this relay */
  readonly a: Tap
  readonly pair: LivePair
  readonly log: (operator: Operator) => Buffer
  /** the pages that readers of metrics get, of those who have one */
  readonly metrics: (operator: 'relay' | 'gateway') => Promise<string>
  /** on the clock of the taps: what passed before is not this relay's doing */
  readonly since: number
}

export function ourRelay(pair: LivePair): Subject {
  return {
    a: pair.taps.a,
    pair,
    log: (operator) => pair.log(operator),
    metrics: (operator) => pageOf(pair.admin[operator]),
    since: 0,
  }
}

export async function pageOf(admin: URL): Promise<string> {
  const answer = await fetch(new URL('/metrics', admin))
  if (!answer.ok) throw new Error(`the metrics page answered ${String(answer.status)}`)
  return answer.text()
}
