/** A development trust root that names one bundle key. */
import * as development from '../../shared/attestation/development-root.ts'
import type { RootFields } from '../../shared/attestation/trust-root.ts'
import type { Signer } from '../../shared/tlog/signer.ts'

export async function developmentRoot(
  bundle: Signer,
  notAfter: number,
  changes: Partial<RootFields> = {},
): Promise<string> {
  return (await development.developmentRoot({ notAfter, signers: { bundle }, changes })).note
}
