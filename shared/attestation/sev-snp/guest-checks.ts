/** Checks 13-18 of attestation.md a.6: how the guest was started, on what kind of platform, and what it is. */
import { hex } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { checkBits, hasBit, type Rule } from '../bits.ts'
import type { GuestRules, Measurement, PlatformRules, SnpPolicy } from './policy.ts'
import type { SnpReport } from './report.ts'

const mustBeOne = 17n
const guestSmt = 16n
const smtEnabled = 0n

/** POLICY, chosen at launch. SMT is asked by itself. */
const guestRules: readonly Rule<keyof GuestRules>[] = [
  { name: 'debug', bit: 19n, sense: 'danger', code: 'debug-allowed' },
  { name: 'migrateMa', bit: 18n, sense: 'danger', code: 'migration-allowed' },
  { name: 'cxl', bit: 21n, sense: 'danger', code: 'cxl-allowed' },
  { name: 'singleSocket', bit: 20n, sense: 'protection', code: 'single-socket-missing' },
  { name: 'aes256xts', bit: 22n, sense: 'protection', code: 'aes-xts-missing' },
  { name: 'raplDis', bit: 23n, sense: 'protection', code: 'rapl-allowed' },
  { name: 'ciphertextHiding', bit: 24n, sense: 'protection', code: 'ciphertext-hiding-missing' },
]

/** PLATFORM_INFO, as the machine is. Bits that we do not know are real (Turin sets 6) and are no reason to refuse. */
const platformRules: readonly Rule<keyof PlatformRules>[] = [
  { name: 'aliasCheck', bit: 5n, sense: 'protection', code: 'alias-check-missing' },
  { name: 'smt', bit: smtEnabled, sense: 'danger', code: 'smt-enabled' },
  { name: 'tsme', bit: 1n, sense: 'protection', code: 'tsme-off' },
  { name: 'ecc', bit: 2n, sense: 'protection', code: 'ecc-off' },
  { name: 'raplDis', bit: 3n, sense: 'protection', code: 'rapl-enabled' },
  { name: 'ciphertextHiding', bit: 4n, sense: 'protection', code: 'ciphertext-hiding-off' },
]

/** Check 13. */
export function checkGuestPolicy({ policy: bits, platform, reportIdMa }: SnpReport, { guestPolicy }: SnpPolicy): void {
  if (!hasBit(bits, mustBeOne)) throw new Refusal('guest-policy-malformed', 'POLICY bit 17 is not set')
  checkBits(guestRules, bits, guestPolicy)
  // A migration agent may read the guest's registers; none is ever allowed, so its id says that there is none.
  if (!reportIdMa.every((octet) => octet === 0xff)) throw new Refusal('migration-allowed', 'there is a migration agent')
  // A guest that would bear SMT is safe where the platform has none.
  const shared = hasBit(bits, guestSmt) && hasBit(platform, smtEnabled)
  if (shared && guestPolicy.smt === 0) throw new Refusal('smt-allowed', 'threads of others may share a core')
}

/** Check 14. */
export function checkPlatform({ platform: bits }: SnpReport, { platform }: SnpPolicy): void {
  checkBits(platformRules, bits, platform)
}

/** Check 15. A report that the host asked for has 0xFFFFFFFF, which no policy can list. */
export function checkVmpl({ vmpl }: SnpReport, policy: SnpPolicy): void {
  if (!policy.vmpl.includes(vmpl)) throw new Refusal('vmpl-refused', `VMPL ${vmpl}`)
}

/** Check 16: the policy is that of one role, so an image of another role is not in it. */
export function checkMeasurement(report: SnpReport, policy: SnpPolicy, now: number): Measurement {
  const digest = hex(report.measurement)
  if (policy.deny.includes(digest)) throw new Refusal('measurement-denied', 'on the deny list')
  const listed = policy.measurements.find((one) => one.digest === digest)
  if (listed === undefined) throw new Refusal('measurement-refused', 'not in the list')
  if (now >= listed.notAfter) throw new Refusal('measurement-expired', 'its time in the list ended')
  if (report.guestSvn < listed.minGuestSvn) throw new Refusal('guest-svn-too-low', `${report.guestSvn}`)
  return listed
}

/** Check 17: what the host said and who signed for the guest. A HOST_DATA that nobody expects is refused. */
export function checkHostSide(report: SnpReport, policy: SnpPolicy): void {
  const settings = [policy.hostData, ...policy.measurements.map(({ hostData }) => hostData)]
  if (!settings.includes(hex(report.hostData))) throw new Refusal('host-data-refused', 'unexpected HOST_DATA')
  const rules = [
    ['id-key-refused', report.idKeyDigest, policy.idKeys],
    ['author-key-refused', report.authorKeyDigest, policy.authorKeys],
    ['family-id-refused', report.familyId, policy.familyId && [policy.familyId]],
    ['image-id-refused', report.imageId, policy.imageId && [policy.imageId]],
  ] as const
  for (const [code, bytes, allowed] of rules) {
    if (allowed && !allowed.includes(hex(bytes))) throw new Refusal(code, 'not what policy names')
  }
}

/** Check 18: one image can carry many workloads; only image and settings together are an identity (trust.md 4). */
export function checkIdentity(report: SnpReport, policy: SnpPolicy, listed: Measurement): void {
  if (hex(report.hostData) === (listed.hostData ?? policy.hostData)) return
  throw new Refusal('identity-refused', 'settings that belong to another image')
}
