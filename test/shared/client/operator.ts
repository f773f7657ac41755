/** The people behind a pair, for tests: who signs roots and bundles, and the notes that they sign. */
import { signBundle, type Bundle } from '../../../shared/attestation/bundle.ts'
import { signRoot, type RootFields } from '../../../shared/attestation/trust-root.ts'
import type { Bytes } from '../../../shared/bytes.ts'
import { generateSigner, type Signer } from '../../../shared/tlog/signer.ts'

export type Operator = {
  readonly root: string
  readonly fields: RootFields
  readonly bundleSigner: Signer
  readonly rootSigner: Signer
  bundle(changes: Partial<Bundle> & { readonly keys: Bytes }, signer?: Signer): Promise<string>
}

const hour = 3_600_000

/** A whole second, as signed times are. */
export const startOfTest = Math.floor(Date.now() / 1000) * 1000

export async function operator(changes: Partial<RootFields> = {}): Promise<Operator> {
  const [rootSigner, bundleSigner, policySigner, timestampSigner] = await Promise.all(
    ['root.example', 'bundle.example', 'policy.example', 'time.example'].map((name) => generateSigner(name)),
  )
  if (!rootSigner || !bundleSigner || !policySigner || !timestampSigner) throw new TypeError('four signers')
  const fields: RootFields = {
    version: 1,
    use: 'development',
    notAfter: startOfTest + 30 * 24 * hour,
    rootKeys: [rootSigner.key],
    rootThreshold: 1,
    bundleKeys: [bundleSigner.key],
    policyKeys: [policySigner.key],
    policyThreshold: 1,
    timestampKeys: [timestampSigner.key],
    logs: [],
    witnesses: [],
    quorum: 0,
    vendorRoots: [],
    minPolicySerial: 1,
    chips: 'allowlist',
    placements: ['front'],
    ...changes,
  }
  const root = await signRoot(fields, [rootSigner])
  const times = { notBefore: startOfTest - hour, notAfter: startOfTest + 12 * hour }
  const bundle: Operator['bundle'] = (own, signer = bundleSigner) =>
    signBundle({ serial: 7, placement: 'front', ...times, roots: [], ...own } as Bundle, [signer])
  return { root, fields, bundleSigner, rootSigner, bundle }
}
