/**
 * HPKE base mode for browsers, sender only: the `hpke` package on WebCrypto, HKDF from @noble/hashes (WebCrypto's own
 * is asynchronous and slower). Nothing of Node is imported here, so a bundle that uses this stays free of it.
 */
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import * as hpke from 'hpke'
import type { Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import type { ClientHpke, Hkdf, SenderContext } from './context.ts'
import { wellFormed } from './points.ts'
import { kdfs, type Aead, type Kem, type SymmetricSuite } from './suites.ts'

const kemFactories: Record<Kem['name'], hpke.KEMFactory> = {
  X25519: hpke.KEM_DHKEM_X25519_HKDF_SHA256,
  'P-256': hpke.KEM_DHKEM_P256_HKDF_SHA256,
  'X-Wing': hpke.KEM_MLKEM768_X25519,
}

const aeadFactories: Record<Aead['name'], hpke.AEADFactory> = {
  'AES-128-GCM': hpke.AEAD_AES_128_GCM,
  'AES-256-GCM': hpke.AEAD_AES_256_GCM,
  'ChaCha20-Poly1305': hpke.AEAD_ChaCha20Poly1305,
}

// Made once each: they remember the CryptoKey of a key that opens many chunks.
const aeads = new Map<Aead['name'], Readonly<hpke.AEAD>>()

const hkdf: Hkdf = {
  extract: (_kdf, salt, ikm) => extract(sha256, ikm, salt),
  expand: (_kdf, prk, info, length) => expand(sha256, prk, info, length),
}

export const webHpke: ClientHpke = {
  ...hkdf,
  supports: (kem, { kdf, aead }) => kdfs.includes(kdf) && needs[kem.name].every(has) && needs[aead.name].every(has),
  setupSender,
  async open(aead, key, nonce, aad, ciphertext) {
    try {
      return (await aeadFor(aead).Open(key, nonce, aad, ciphertext)) as Bytes
    } catch (cause) {
      throw new Refusal('cannot-open', 'AEAD tag mismatch', { cause })
    }
  },
}

async function setupSender(
  kem: Kem,
  suite: SymmetricSuite,
  publicKey: Uint8Array,
  info: Uint8Array,
): Promise<SenderContext> {
  if (!wellFormed(kem, publicKey, kem.publicKeyLength)) throw new Refusal('unusable-key', `not a ${kem.name} key`)
  try {
    const library = new hpke.CipherSuite(kemFactories[kem.name], hpke.KDF_HKDF_SHA256, aeadFactories[suite.aead.name])
    const key = await library.DeserializePublicKey(publicKey)
    const { encapsulatedSecret, ctx } = await library.SetupSender(key, { info })
    return {
      enc: encapsulatedSecret as Bytes,
      seal: async (aad, plaintext) => (await ctx.Seal(plaintext, aad)) as Bytes,
      export: async (context, length) => (await ctx.Export(context, length)) as Bytes,
    }
  } catch (cause) {
    throw new Refusal(refusedBy(cause), `${kem.name} cannot be used`, { cause })
  }
}

function refusedBy(cause: unknown): 'unsupported-suite' | 'unusable-key' {
  const absent = [cause, cause instanceof Error ? cause.cause : undefined]
  return absent.some((error) => error instanceof hpke.NotSupportedError) ? 'unsupported-suite' : 'unusable-key'
}

function aeadFor({ name }: Aead): Readonly<hpke.AEAD> {
  const made = aeads.get(name) ?? aeadFactories[name]()
  aeads.set(name, made)
  return made
}

type Need = { readonly operation: string; readonly algorithm: unknown; readonly everywhere: boolean }

const iv = new Uint8Array(12)
const x25519: Need = { operation: 'generateKey', algorithm: 'X25519', everywhere: true }
const p256: Need = { operation: 'generateKey', algorithm: { name: 'ECDH', namedCurve: 'P-256' }, everywhere: true }
const aesGcm: Need = { operation: 'encrypt', algorithm: { name: 'AES-GCM', iv }, everywhere: true }
const chaCha: Need = { operation: 'encrypt', algorithm: { name: 'ChaCha20-Poly1305', iv }, everywhere: false }
const mlKem: Need = { operation: 'encapsulateBits', algorithm: 'ML-KEM-768', everywhere: false }
const sha3: Need = { operation: 'digest', algorithm: 'SHA3-256', everywhere: false }

const needs: Record<Kem['name'] | Aead['name'], readonly Need[]> = {
  X25519: [x25519],
  'P-256': [p256],
  'X-Wing': [mlKem, sha3, x25519],
  'AES-128-GCM': [aesGcm],
  'AES-256-GCM': [aesGcm],
  'ChaCha20-Poly1305': [chaCha],
}

type Subtle = { supports?(operation: string, algorithm: unknown): boolean }

/** Asks the runtime; one too old to be asked has what has been everywhere for years, and nothing newer. */
function has({ operation, algorithm, everywhere }: Need): boolean {
  const { SubtleCrypto: subtle } = globalThis as { SubtleCrypto?: Subtle }
  return subtle?.supports ? subtle.supports(operation, algorithm) : everywhere
}
