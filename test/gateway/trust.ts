/** A development trust root of one root key that names one bundle key. */
import { signRoot } from '../../shared/attestation/trust-root.ts'
import { generateSigner, type Signer } from '../../shared/tlog/signer.ts'

export async function developmentRoot(bundleSigner: Signer, notAfter: number, more: object = {}): Promise<string> {
  const [root, policy, serial] = await Promise.all(['root', 'policy', 'serial'].map(generateSigner))
  if (root === undefined || policy === undefined || serial === undefined) throw new TypeError('no signers')
  const fields = {
    version: 1,
    use: 'development',
    notAfter,
    rootKeys: [root.key],
    rootThreshold: 1,
    bundleKeys: [bundleSigner.key],
    policyKeys: [policy.key],
    policyThreshold: 1,
    timestampKeys: [serial.key],
    logs: [],
    witnesses: [],
    quorum: 0,
    vendorRoots: [],
    minPolicySerial: 0,
    chips: 'allowlist',
    placements: ['front'],
    ...more,
  } as const
  return signRoot(fields, [root])
}
