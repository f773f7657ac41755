/** Checks 9, 13 and 16-18 of attestation.md a.6 for TDX: which platform, how the TD was started, and what it is. */
import { sha256 } from '@noble/hashes/sha2.js'
import { hex, type Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { checkBits, type Rule } from '../bits.ts'
import type { TdxFacts } from './facts.ts'
import type { PckClaims } from './pck.ts'
import { entriesFor, isSameImage } from './policy.ts'
import type { AttributeRules, NarrowTdxPolicy, TdIdentity, TdMeasurement, TdxPolicy } from './policy.ts'
import type { Quote } from './quote.ts'

/** TDATTRIBUTES. Intel, TDX Module Base Architecture Specification, 3.4. */
const attributeRules: readonly Rule<keyof AttributeRules>[] = [
  { name: 'debug', bit: 0n, sense: 'danger', code: 'debug-allowed' },
  // Without it the host can take pages away and have the guest run on, which it may not notice.
  { name: 'septVeDisable', bit: 28n, sense: 'protection', code: 'sept-ve-disable-missing' },
  { name: 'migratable', bit: 29n, sense: 'danger', code: 'migration-allowed' },
  { name: 'perfmon', bit: 63n, sense: 'danger', code: 'perfmon-allowed' },
]
/** x87 and SSE: every TD has them. */
const xfamAlways = 0b11n

/** Check 9. Intel's certificate names the platform; keys of any platform on earth would do otherwise. */
export function checkChip({ ppid }: PckClaims, { chips }: NarrowTdxPolicy): TdxFacts['chip'] {
  const digest = hex(sha256(ppid))
  if (chips.mode === 'allowlist' && !chips.sha256.includes(digest)) throw new Refusal('chip-refused', 'not in the list')
  return { ppid: hex(ppid), sha256: digest }
}

/** Check 13. */
export function checkAttributes(quote: Quote, policy: TdxPolicy): void {
  checkBits(attributeRules, quote.tdAttributes, policy.attributes)
  if ((quote.tdAttributes & ~maskOf(policy.tdAttributesMask)) !== 0n) {
    throw new Refusal('td-attributes-refused', `TDATTRIBUTES 0x${quote.tdAttributes.toString(16)}`)
  }
  const strange = quote.xfam & ~maskOf(policy.xfamMask)
  if (strange !== 0n || (quote.xfam & xfamAlways) !== xfamAlways) {
    throw new Refusal('xfam-refused', `XFAM 0x${quote.xfam.toString(16)}`)
  }
  // A service TD, such as a migration agent, may read its guest; none is ever allowed.
  if (quote.mrServiceTd !== undefined && !isZero(quote.mrServiceTd)) {
    throw new Refusal('migration-allowed', 'a service TD is bound to this one')
  }
}

/** Check 13: the module is Intel's own, whatever TCB info may say one day, and runs without debug attributes. */
export function checkModule({ mrSignerSeam, seamAttributes, mrSeam }: Quote, policy: TdxPolicy): void {
  if (!isZero(mrSignerSeam) || !isZero(seamAttributes)) throw new Refusal('seam-refused', 'not a module of Intel')
  if (policy.mrSeam !== null && !policy.mrSeam.includes(hex(mrSeam))) throw new Refusal('seam-refused', 'not listed')
}

/** Check 16: the policy is that of one role, so a firmware of another role is not in it. */
export function checkMeasurement({ measurement }: TdIdentity, policy: TdxPolicy, now: number): void {
  if (policy.deny.includes(measurement)) throw new Refusal('measurement-denied', 'on the deny list')
  const listed = policy.mrtd.filter(({ digest }) => digest === measurement)
  if (listed.length === 0) throw new Refusal('measurement-refused', 'not in the list')
  if (listed.every(({ notAfter }) => now >= notAfter)) {
    throw new Refusal('measurement-expired', 'its time in the list ended')
  }
}

/** Check 17: what was measured after the firmware, and what the host said. What nobody expects is refused. */
export function checkHostSide(quote: Quote, { rtmr, mrConfigId }: TdIdentity, policy: TdxPolicy): void {
  const settings = [policy.mrConfigId, ...policy.mrtd.map((entry) => entry.mrConfigId)]
  if (!settings.includes(mrConfigId)) throw new Refusal('config-id-refused', 'unexpected MRCONFIGID')
  const images = [...policy.rtmr, ...policy.mrtd.flatMap((entry) => (entry.rtmr ? [entry.rtmr] : []))]
  if (!images.some((image) => isSameImage(image, rtmr))) throw new Refusal('rtmr-refused', 'unexpected RTMRs')
  const owners = [
    [quote.mrOwner, policy.mrOwner],
    [quote.mrOwnerConfig, policy.mrOwnerConfig],
  ] as const
  if (owners.some(([bytes, allowed]) => allowed !== null && hex(bytes) !== allowed)) {
    throw new Refusal('owner-refused', 'unexpected MROWNER or MROWNERCONFIG')
  }
}

/** Check 18: one firmware can carry many images; only firmware, image and settings are an identity (trust.md 4). */
export function checkIdentity(identity: TdIdentity, policy: TdxPolicy, now: number): TdMeasurement {
  const listed = entriesFor(policy, identity).find(({ notAfter }) => now < notAfter)
  if (listed !== undefined) return listed
  throw new Refusal('identity-refused', 'image or settings that belong to another firmware, or ended')
}

/** Eight octets, the least significant first. */
function maskOf(mask: string): bigint {
  return BigInt(`0x${hex(Uint8Array.fromHex(mask).reverse())}`)
}

function isZero(bytes: Bytes): boolean {
  return bytes.every((octet) => octet === 0)
}
