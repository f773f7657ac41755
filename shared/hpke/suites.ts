/**
 * Suites: the algorithms we speak, one table for each kind. Code receives the row, never the bare id.
 * RFC 9180 §7; X-Wing is MLKEM768-X25519 of draft-ietf-hpke-pq.
 */
import { Refusal } from '../refusal.ts'

export type Kem = {
  readonly id: number
  readonly name: 'X25519' | 'P-256' | 'X-Wing'
  readonly publicKeyLength: number
  readonly privateKeyLength: number
  readonly encLength: number
}

export type Kdf = { readonly id: number; readonly name: 'HKDF-SHA256'; readonly hashLength: number }

export type Aead = {
  readonly id: number
  readonly name: 'AES-128-GCM' | 'AES-256-GCM' | 'ChaCha20-Poly1305'
  readonly keyLength: number
  readonly nonceLength: number
  readonly tagLength: number
}

export type SymmetricSuite = { readonly kdf: Kdf; readonly aead: Aead }

/** What stands on the wire where a suite is named, also when it is none of ours. */
export type SuiteIds = { readonly kdfId: number; readonly aeadId: number }

export const x25519: Kem = { id: 0x0020, name: 'X25519', publicKeyLength: 32, privateKeyLength: 32, encLength: 32 }
export const p256: Kem = { id: 0x0010, name: 'P-256', publicKeyLength: 65, privateKeyLength: 32, encLength: 65 }
// The private key is the 32-byte seed from which both halves are expanded.
export const xWing: Kem = {
  id: 0x647a,
  name: 'X-Wing',
  publicKeyLength: 1216,
  privateKeyLength: 32,
  encLength: 1120,
}

export const hkdfSha256: Kdf = { id: 0x0001, name: 'HKDF-SHA256', hashLength: 32 }

export const aes128Gcm: Aead = { id: 0x0001, name: 'AES-128-GCM', keyLength: 16, nonceLength: 12, tagLength: 16 }
export const aes256Gcm: Aead = { id: 0x0002, name: 'AES-256-GCM', keyLength: 32, nonceLength: 12, tagLength: 16 }
export const chaCha20Poly1305: Aead = {
  id: 0x0003,
  name: 'ChaCha20-Poly1305',
  keyLength: 32,
  nonceLength: 12,
  tagLength: 16,
}

// SHAKE KDFs are absent because OHTTP's response half needs Extract and Expand, which one-stage KDFs do not have.
// AEAD 0xffff (export only) is absent because it can seal nothing.
export const kems: readonly Kem[] = [x25519, p256, xWing]
export const kdfs: readonly Kdf[] = [hkdfSha256]
export const aeads: readonly Aead[] = [aes128Gcm, aes256Gcm, chaCha20Poly1305]

const kemById = new Map(kems.map((row) => [row.id, row]))
const kdfById = new Map(kdfs.map((row) => [row.id, row]))
const aeadById = new Map(aeads.map((row) => [row.id, row]))

export function kemOf(id: number): Kem | undefined {
  return kemById.get(id)
}

/** The pair, if both halves are in our table. */
export function suiteOf({ kdfId, aeadId }: SuiteIds): SymmetricSuite | undefined {
  const kdf = kdfById.get(kdfId)
  const aead = aeadById.get(aeadId)
  return kdf && aead && { kdf, aead }
}

export function suiteIds({ kdf, aead }: SymmetricSuite): SuiteIds {
  return { kdfId: kdf.id, aeadId: aead.id }
}

/** For callers to whom a stranger named ids: the rows, or a refusal. */
export function requireKem(id: number): Kem {
  const kem = kemOf(id)
  if (!kem) throw new Refusal('unsupported-suite', `KEM ${id} is not in our table`)
  return kem
}

export function requireSuite(ids: SuiteIds): SymmetricSuite {
  const suite = suiteOf(ids)
  if (!suite) throw new Refusal('unsupported-suite', `KDF ${ids.kdfId} with AEAD ${ids.aeadId} is not in our table`)
  return suite
}
