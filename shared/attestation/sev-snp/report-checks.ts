/** Checks 2-4 of attestation.md a.6: what the report must be before any certificate is looked at. */
import { Refusal } from '../../refusal.ts'
import type { SnpPolicy } from './policy.ts'
import { productOfCpu, type LeafKind } from './products.ts'
import type { SnpReport } from './report.ts'
import { readTcb } from './tcb.ts'

const ecdsaP384Sha384 = 1
const flagBits = 5n
const policyBits = 26n
const signingKeys: Readonly<Record<number, LeafKind | undefined>> = { 0: 'VCEK', 1: 'VLEK' }

/** Check 2. */
export function checkVersion({ version }: SnpReport, policy: SnpPolicy): void {
  if (!policy.reportVersions.includes(version)) throw new Refusal('report-version-refused', `version ${version}`)
}

/** Check 3. The tail behind the signature is covered by nothing but this. */
export function checkReserved(report: SnpReport): void {
  const filled = report.reserved.find(([, bytes]) => bytes.some((octet) => octet !== 0))
  if (filled !== undefined) throw new Refusal('reserved-not-zero', `at ${filled[0]}`)
  if (BigInt(report.flags) >> flagBits !== 0n) throw new Refusal('reserved-not-zero', 'in the flags of 0x048')
  if (report.policy >> policyBits !== 0n) throw new Refusal('reserved-not-zero', 'in POLICY')
  const row = productOfCpu(report.cpu.family, report.cpu.model)
  // Which bytes of a TCB are reserved depends on the product; version 2 does not tell it, so there check 10 asks.
  if (row === undefined) return
  for (const tcb of [report.currentTcb, report.reportedTcb, report.committedTcb, report.launchTcb]) readTcb(tcb, row)
}

/** Check 4. Gives the kind of key that the report says it is signed with. */
export function checkSigner({ signatureAlgorithm, flags }: SnpReport, { allowVlek }: SnpPolicy): LeafKind {
  if (signatureAlgorithm !== ecdsaP384Sha384) {
    throw new Refusal('report-algorithm-refused', `signature algorithm ${signatureAlgorithm}`)
  }
  const signer = (flags >> 2) & 0b111
  const kind = signingKeys[signer]
  if (kind === undefined) throw new Refusal('signing-key-refused', `signing key ${signer}`)
  if (kind === 'VLEK' && !allowVlek) throw new Refusal('vlek-refused', 'signed with a key that names no chip')
  return kind
}
