/** Signers, roots and bundles for these tests: each maker takes only what its test is about. */
import type { FrontBundle } from '../../../shared/attestation/bundle.ts'
import { developmentRoot } from '../../../shared/attestation/development-root.ts'
import { signRoot, verifyRoot, type RootFields, type TrustRoot } from '../../../shared/attestation/trust-root.ts'
import { verifierKey } from '../../../shared/tlog/key.ts'
import { signNote } from '../../../shared/tlog/note.ts'
import { makeText, type TextKind } from '../../../shared/tlog/signed-text.ts'
import { generateSigner, type Signer } from '../../../shared/tlog/signer.ts'

export const now = Date.UTC(2026, 10, 22, 12)
export const hour = 3_600_000

export type Operators = {
  readonly roots: readonly Signer[]
  readonly bundle: Signer
  readonly policy: readonly Signer[]
  readonly timestamp: Signer
  readonly fields: RootFields
}

/** Three root signers of which two must sign, and a valid front root of version 1 made of them. */
export async function operators(changes: Partial<RootFields> = {}): Promise<Operators> {
  const roots = await Promise.all(['ada', 'bob', 'cyd'].map((name) => generateSigner(`${name}.example/key`)))
  const { fields, signers } = await developmentRoot({
    notAfter: now + 1000 * hour,
    signers: { root: roots },
    changes: { rootThreshold: 2, ...changes },
  })
  const { bundle, policy, timestamp } = signers
  return { roots, bundle, policy, timestamp, fields }
}

export async function rootOf({ fields, roots }: Operators): Promise<TrustRoot> {
  return verifyRoot(await signRoot(fields, roots.slice(0, 2)))
}

/** Logs and witnesses enough for every placement. */
export async function logged(): Promise<Pick<RootFields, 'logs' | 'witnesses' | 'quorum' | 'placements'>> {
  const log = await generateSigner('log.example/log')
  const three = await Promise.all(['w1', 'w2', 'w3'].map((name) => generateSigner(`${name}.example/w`)))
  const witnesses = three.map(({ name, key }) => ({
    operator: name,
    key: verifierKey(name, 'cosignature', key.publicKey),
  }))
  const placements = ['front', 'inside', 'sealed'] as const
  return { logs: [{ origin: 'log.example/cvms', key: log.key }], witnesses, quorum: 2, placements }
}

export function frontBundle(changes: Partial<FrontBundle> = {}): FrontBundle {
  return {
    serial: 5,
    placement: 'front',
    notBefore: now - hour,
    notAfter: now + hour,
    keys: Uint8Array.of(0, 1, 2, 3),
    roots: [],
    ...changes,
  }
}

/** A note over any value: for what our own makers would refuse to make. */
export async function signedText(kind: TextKind, value: unknown, signers: readonly Signer[]): Promise<string> {
  return signNote(makeText(kind, value), signers)
}

/** The same object without one of its fields. */
export function without(value: object, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))
}
