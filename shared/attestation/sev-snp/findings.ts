/**
 * Every refusal of SEV-SNP evidence and the check of attestation.md a.6 that it belongs to. The judge asks in the
 * order of these numbers, so a refusal also says that everything before it held.
 *
 * Left to callers, who know more than one piece of evidence: 20 freshness of the nonce or anchor, 21 the proof that
 * verdict.identity is in the log, 22 signature, serial and dates of the policy, 23 keeping verdicts (by binding, leaf
 * certificate and policy serial, until `notAfter`; never by a hash of the report, since r ‖ n−s also verifies),
 * 24 not one byte before the verdict.
 */
import type { RefusalCode } from '../../refusal.ts'

export const findings = {
  'bad-evidence': 1,
  'report-version-refused': 2,
  'reserved-not-zero': 3,
  'report-algorithm-refused': 4,
  'signing-key-refused': 4,
  'vlek-refused': 4,
  'leaf-missing': 5,
  'bad-leaf': 5,
  'chain-incomplete': 6,
  'bad-issuer': 6,
  'vendor-root-unknown': 6,
  'certificate-name-mismatch': 6,
  'certificate-algorithm-refused': 6,
  'certificate-key-refused': 6,
  'certificate-role-refused': 6,
  'bad-chain': 6,
  'certificate-not-yet-valid': 6,
  'certificate-expired': 6,
  'crl-missing': 7,
  'bad-crl': 7,
  'crl-issuer-mismatch': 7,
  'crl-signature-refused': 7,
  'crl-not-yet-valid': 7,
  'crl-expired': 7,
  'crl-rolled-back': 7,
  'issuer-revoked': 7,
  'leaf-extensions-refused': 8,
  'product-mismatch': 8,
  'product-refused': 8,
  'chip-masked': 9,
  'chip-mismatch': 9,
  'chip-refused': 9,
  'tcb-mismatch': 10,
  'tcb-too-low': 11,
  'firmware-provisional': 11,
  'firmware-too-old': 11,
  'mitigation-missing': 11,
  'bad-signature': 12,
  'guest-policy-malformed': 13,
  'debug-allowed': 13,
  'migration-allowed': 13,
  'smt-allowed': 13,
  'cxl-allowed': 13,
  'single-socket-missing': 13,
  'aes-xts-missing': 13,
  'rapl-allowed': 13,
  'ciphertext-hiding-missing': 13,
  'alias-check-missing': 14,
  'smt-enabled': 14,
  'tsme-off': 14,
  'ecc-off': 14,
  'rapl-enabled': 14,
  'ciphertext-hiding-off': 14,
  'vmpl-refused': 15,
  'measurement-denied': 16,
  'measurement-refused': 16,
  'measurement-expired': 16,
  'guest-svn-too-low': 16,
  'host-data-refused': 17,
  'id-key-refused': 17,
  'author-key-refused': 17,
  'family-id-refused': 17,
  'image-id-refused': 17,
  'identity-refused': 18,
  'binding-mismatch': 19,
} as const satisfies Partial<Record<RefusalCode, number>>

export type Finding = keyof typeof findings

/** The number of the check that refused, for `asunder verify` and for tests. */
export function checkOf(code: RefusalCode): number | undefined {
  return (findings as Partial<Record<RefusalCode, number>>)[code]
}
