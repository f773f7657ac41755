/** The people behind a pair, for tests: who signs roots and bundles, and the notes that they sign. */
import { signBundle, type Bundle } from '../../../shared/attestation/bundle.ts'
import { developmentRoot, type RootSigners } from '../../../shared/attestation/development-root.ts'
import type { RootFields } from '../../../shared/attestation/trust-root.ts'
import type { Bytes } from '../../../shared/bytes.ts'
import type { Signer } from '../../../shared/tlog/signer.ts'

export type Operator = {
  readonly root: string
  readonly fields: RootFields
  readonly bundleSigner: Signer
  readonly rootSigner: Signer
  readonly signers: RootSigners
  bundle(changes: Partial<Bundle> & { readonly keys: Bytes }, signer?: Signer): Promise<string>
}

const hour = 3_600_000

/** A whole second, as signed times are. */
export const startOfTest = Math.floor(Date.now() / 1000) * 1000

export async function operator(changes: Partial<RootFields> = {}): Promise<Operator> {
  const { note, fields, signers } = await developmentRoot({
    notAfter: startOfTest + 30 * 24 * hour,
    name: 'example',
    changes: { minPolicySerial: 1, ...changes },
  })
  const [rootSigner] = signers.root
  if (rootSigner === undefined) throw new TypeError('a root signer')
  const { bundle: bundleSigner } = signers
  const times = { notBefore: startOfTest - hour, notAfter: startOfTest + 12 * hour }
  const bundle: Operator['bundle'] = (own, signer = bundleSigner) =>
    signBundle({ serial: 7, placement: 'front', ...times, roots: [], ...own } as Bundle, [signer])
  return { root: note, fields, bundleSigner, rootSigner, signers, bundle }
}
