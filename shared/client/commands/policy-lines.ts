/** Lines that policies of both kinds of machine have. */
import type { Bound, ChipMode, GuestRules, PlatformRules } from '../../attestation/sev-snp/policy.ts'
import type { AttributeRules } from '../../attestation/tdx/policy.ts'
import type { Row } from './output.ts'

/** Whether what signers should have meant is missing, and in which words they are told. */
export type Concern = readonly [boolean, string]

export function boundRows(topic: string, bounds: GuestRules | PlatformRules | AttributeRules): readonly Row[] {
  const words = (bound: Bound): string => (bound === null ? 'not asked' : bound === 0 ? 'must be off' : 'must be on')
  return Object.entries(bounds).map(([name, bound]: [string, Bound]) => [topic, `${name} ${words(bound)}`])
}

type Chips = { readonly mode: ChipMode; readonly sha256: readonly string[] }

export function chipRows(topic: string, { mode, sha256 }: Chips): readonly Row[] {
  const words = {
    allowlist: sha256.length === 0 ? 'kept out: all, none is listed' : 'only these',
    log: 'these, and those that a log has',
    any: "anybody's",
  }
  return [[topic, words[mode]], ...sha256.map((digest): Row => [topic, `  ${digest}`])]
}

export function keptOut(topic: string, why: string): Row {
  return [topic, `kept out: ${why}`]
}
