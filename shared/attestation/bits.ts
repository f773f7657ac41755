/** Words of single bits, each a danger or a protection by a table, and what a policy demands of them. */
import { Refusal, type RefusalCode } from '../refusal.ts'
import type { Bound } from './sev-snp/policy.ts'

export type Rule<K> = {
  readonly name: K
  readonly bit: bigint
  readonly sense: 'danger' | 'protection'
  readonly code: RefusalCode
}

/** Throws at the first bit that is not as its bound has it. */
export function checkBits<K extends string>(
  rules: readonly Rule<K>[],
  bits: bigint,
  bounds: Readonly<Record<K, Bound>>,
): void {
  for (const { name, bit, sense, code } of rules) {
    const bound = bounds[name]
    const set = hasBit(bits, bit)
    const bad = sense === 'danger' ? bound === 0 && set : bound === 1 && !set
    if (bad) throw new Refusal(code, `${name} at bit ${bit}`)
  }
}

export function hasBit(bits: bigint, bit: bigint): boolean {
  return ((bits >> bit) & 1n) === 1n
}
