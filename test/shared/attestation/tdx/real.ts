/** The real TDX quotes of MANIFEST.json, Intel's collateral for them, and questions about both. */
import { intelRoot } from '../../../../shared/attestation/tdx/vendor.ts'
import { strictTdx, type TdxPolicy } from '../../../../shared/attestation/tdx/policy.ts'
import type { Question } from '../../../../shared/attestation/verdict.ts'
import { utf8, type Bytes } from '../../../../shared/bytes.ts'
import { of, read, text, type Entry } from '../manifest.ts'
import { bytes } from '../values.ts'

export const quotes = of('tdx-quote', 'tdx/')
/** Collateral as tools store it: everything for one platform at one time. */
export const bundles = of('intel-collateral', 'intel/').filter(([file]) => file.endsWith('_collateral.json'))
export const responses = of('intel-collateral', 'intel/').filter(([file]) => /(tcbinfo|qeidentity).*json$/.test(file))

/** [collateral, a time at which it held] for each quote that has any. */
const held = {
  uptodate: ['intel/phala_uptodate_collateral.json', '2025-06-25T00:00:00Z'],
  unsupported: ['intel/phala_unsupported_collateral.json', '2026-02-25T00:00:00Z'],
} as const
export type Held = keyof typeof held

export const collateralOf = (which: Held): Bytes => read(held[which][0])
export const timeOf = (which: Held): number => Date.parse(held[which][1])

/** Intel's response to a question for TCB info: the octets between are what is signed. */
export function partsOf(file: string): { readonly inner: string; readonly signature: string } {
  const [, inner = '', signature = ''] =
    /^\{"[A-Za-z]+":(\{.*\}),"signature":"([0-9a-f]+)"\}\s*$/s.exec(text(file)) ?? []
  return { inner, signature }
}

/** The same collateral with ratings that were fetched apart. */
export function withRatings(which: Held, file: string): Bytes {
  const { inner, signature } = partsOf(file)
  const fields = JSON.parse(text(held[which][0])) as object
  return utf8(JSON.stringify({ ...fields, tcb_info: inner, tcb_info_signature: signature }))
}

/** What stands in the quote, by the manifest: so that a policy can name it. */
export function registersOf({ fields }: Entry) {
  const [rtmr0, rtmr1, rtmr2, rtmr3] = ['rtmr0', 'rtmr1', 'rtmr2', 'rtmr3'].map((name) => String(fields[name]))
  return {
    mrtd: [{ digest: String(fields['mrTd']), notAfter: Infinity }],
    rtmr: [[rtmr0, rtmr1, rtmr2, rtmr3] as unknown as TdxPolicy['rtmr'][number]],
    mrConfigId: String(fields['mrConfigId']),
  }
}

/** A policy that names this very TD and is strict in all else. */
export function question(entry: Entry, which: Held, tdx: Partial<TdxPolicy> = {}): Question {
  const reportData = Uint8Array.fromHex(String(entry.fields['reportData']))
  return {
    evidence: { kind: 'tdx', report: read(entry.file), endorsements: [], collateral: collateralOf(which) },
    // Zeros bind nothing: who filled nothing in can be asked for anything.
    expected: { reportData: reportData.some((octet) => octet !== 0) ? reportData : bytes(64, 1) },
    policy: { role: 'test', tdx: { ...strictTdx, ...registersOf(entry), ...tdx } },
    trust: { use: 'development', vendorRoots: [intelRoot], chips: 'any' },
    now: timeOf(which),
  }
}

/** By a part of its name. */
export function quoteOf(part: string): Entry {
  const [, entry] = quotes.find(([file]) => file.includes(part)) ?? []
  if (entry === undefined) throw new Error(`no quote ${part}`)
  return entry
}
