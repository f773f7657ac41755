/**
 * Encapsulation without dice, for vectors that name the ephemeral key. DHKEM of RFC 9180 §4.1 and §7.1.3 written out
 * here, since OpenSSL's draws its own; that both give the same secrets is tested beside it. No service imports this.
 */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import { concat, uint16, utf8, type Bytes } from '../../../shared/bytes.ts'
import type { Encapsulate } from '../../../shared/hpke/context.ts'
import { publicKeyOf } from '../../../shared/hpke/node-kem.ts'
import { hkdf } from '../../../shared/hpke/node-primitives.ts'
import { labeled } from '../../../shared/hpke/schedule.ts'
import { hkdfSha256 as kdf, type Kem } from '../../../shared/hpke/suites.ts'
import { encapsulateXWing } from './x-wing-seam.ts'

const none = new Uint8Array()
const secretLength = 32

const keyTypes = {
  X25519: { asymmetricKeyType: 'x25519' },
  'P-256': { asymmetricKeyType: 'ec', namedCurve: 'P-256' },
} as const

/** Encapsulates with the given ephemeral private key. */
export function encapsulateWith(skE: Uint8Array): Encapsulate {
  return (kem, publicKey) => {
    const enc = publicKeyOf(kem, skE)
    const dh = diffieHellman({ privateKey: privateKeyObject(kem, skE), publicKey: publicKeyObject(kem, publicKey) })
    return { enc, sharedSecret: extractAndExpand(kem, dh, concat(enc, publicKey)) }
  }
}

/** Encapsulates from `ikmE`: the seed of the ephemeral key (DHKEM) or the encapsulation's 64 random bytes (X-Wing). */
export function encapsulateFrom(ikmE: Uint8Array): Encapsulate {
  return (kem, publicKey) =>
    kem.name === 'X-Wing'
      ? encapsulateXWing(ikmE)(kem, publicKey)
      : encapsulateWith(derivePrivateKey(kem, ikmE))(kem, publicKey)
}

/** DeriveKeyPair, RFC 9180 §7.1.3; the candidate loop of P-256 never needs its second round in practice. */
export function derivePrivateKey(kem: Kem, ikm: Uint8Array): Bytes {
  const label = kemLabels(kem)
  const prk = hkdf.extract(kdf, none, label.ikm('dkp_prk', ikm))
  const [word, info] = kem.name === 'P-256' ? (['candidate', Uint8Array.of(0)] as const) : (['sk', none] as const)
  return hkdf.expand(kdf, prk, label.info(word, info, kem.privateKeyLength), kem.privateKeyLength)
}

function extractAndExpand(kem: Kem, dh: Uint8Array, context: Uint8Array): Bytes {
  const label = kemLabels(kem)
  const prk = hkdf.extract(kdf, none, label.ikm('eae_prk', dh))
  return hkdf.expand(kdf, prk, label.info('shared_secret', context, secretLength), secretLength)
}

function kemLabels(kem: Kem): ReturnType<typeof labeled> {
  return labeled(concat(utf8('KEM'), uint16(kem.id)))
}

function privateKeyObject(kem: Kem, key: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(key), format: 'raw-private', ...keyType(kem) })
}

function publicKeyObject(kem: Kem, key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(key), format: 'raw-public', ...keyType(kem) })
}

function keyType({ name }: Kem): (typeof keyTypes)[keyof typeof keyTypes] {
  if (name === 'X-Wing') throw new TypeError('X-Wing takes encapsulation randomness, not an ephemeral key')
  return keyTypes[name]
}
