/**
 * A trust root for development: fresh keys for every task, for whatever the caller does not bring. It says of itself
 * that it is for development, and no verifier takes it for another. trust.md 1 and 7.
 */
import { generateSigner, type Signer } from '../tlog/signer.ts'
import type { RootFields } from './root-fields.ts'
import { signRoot } from './trust-root.ts'

export type RootSigners = {
  readonly root: readonly Signer[]
  readonly bundle: Signer
  readonly policy: readonly Signer[]
  readonly timestamp: Signer
}

export type DevelopmentRoot = {
  /** signed by every root signer */
  readonly note: string
  readonly fields: RootFields
  readonly signers: RootSigners
}

export type DevelopmentOptions = {
  /** milliseconds since 1970, whole seconds */
  readonly notAfter: number
  /** what the names of new keys begin with */
  readonly name?: string
  /** those that the caller has; each of the others is made */
  readonly signers?: Partial<RootSigners>
  /** fields to say otherwise; logs, witnesses and quorum go together with more placements than `front` */
  readonly changes?: Partial<RootFields>
}

export async function developmentRoot(options: DevelopmentOptions): Promise<DevelopmentRoot> {
  const { notAfter, name = 'development', signers: given = {}, changes = {} } = options
  const signers: RootSigners = {
    root: given.root ?? [await generateSigner(`${name}-root`)],
    bundle: given.bundle ?? (await generateSigner(`${name}-bundle`)),
    policy: given.policy ?? [await generateSigner(`${name}-policy`)],
    timestamp: given.timestamp ?? (await generateSigner(`${name}-timestamp`)),
  }
  const fields: RootFields = { ...developmentFields(signers, notAfter), ...changes }
  return { note: await signRoot(fields, signers.root), fields, signers }
}

/** The first version, for placement `front`: one signature is enough for everything. */
function developmentFields({ root, bundle, policy, timestamp }: RootSigners, notAfter: number): RootFields {
  return {
    version: 1,
    use: 'development',
    notAfter,
    rootKeys: root.map(({ key }) => key),
    rootThreshold: 1,
    bundleKeys: [bundle.key],
    policyKeys: policy.map(({ key }) => key),
    policyThreshold: 1,
    timestampKeys: [timestamp.key],
    logs: [],
    witnesses: [],
    quorum: 0,
    vendorRoots: [],
    minPolicySerial: 0,
    chips: 'allowlist',
    placements: ['front'],
  }
}
