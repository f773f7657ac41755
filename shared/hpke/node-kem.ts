/**
 * The KEMs on node:crypto. OpenSSL's own DHKEM does the whole of RFC 9180 §4.1, its checks of points and of zero
 * secrets included; X-Wing is put together in `node-xwing.ts`.
 */
import {
  createPrivateKey,
  createPublicKey,
  decapsulate,
  encapsulate as encapsulateTo,
  generateKeyPairSync,
  KeyObject,
} from 'node:crypto'
import type { Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import type { Encapsulated, PrivateKey } from './context.ts'
import { plain } from './node-primitives.ts'
import { xWingDecapsulator, xWingEncapsulate, xWingSeed } from './node-xwing.ts'
import { wellFormed } from './points.ts'
import type { Kem } from './suites.ts'

export type KeyPair = { readonly privateKey: Bytes; readonly publicKey: Bytes }

type Curve = Exclude<Kem['name'], 'X-Wing'>

/** From the KEM's serialised private key (RFC 9180 §7.1.2; X-Wing: the seed) or, for X25519 and P-256, a KeyObject. */
export function privateKeyFrom(kem: Kem, source: Uint8Array | KeyObject): PrivateKey {
  if (source instanceof KeyObject) return fromKeyObject(kem, source)
  if (source.length !== kem.privateKeyLength) throw new TypeError(`a ${kem.name} key has ${kem.privateKeyLength} bytes`)
  if (kem.name !== 'X-Wing') return fromKeyObject(kem, curvePrivate(kem.name, source))
  return checked(kem, xWingDecapsulator(source))
}

/** A private key that never was bytes outside of OpenSSL (X-Wing: only for as long as its seed is expanded). */
export function generatePrivateKey(kem: Kem): PrivateKey {
  if (kem.name !== 'X-Wing') return fromKeyObject(kem, generateCurve(kem.name))
  const seed = xWingSeed()
  try {
    return privateKeyFrom(kem, seed)
  } finally {
    seed.fill(0)
  }
}

/** A key pair for a key file. */
export function generateKeyPair(kem: Kem): KeyPair {
  const privateKey = kem.name === 'X-Wing' ? xWingSeed() : rawPrivate(generateCurve(kem.name))
  return { privateKey, publicKey: publicKeyOf(kem, privateKey) }
}

export function publicKeyOf(kem: Kem, privateKey: Uint8Array): Bytes {
  return privateKeyFrom(kem, privateKey).publicKey
}

/** A fresh shared secret for the holder of `publicKey`; a key that its KEM refuses is `unusable-key`. */
export function encapsulate(kem: Kem, publicKey: Uint8Array): Encapsulated {
  if (!wellFormed(kem, publicKey, kem.publicKeyLength)) throw new Refusal('unusable-key', `not a ${kem.name} key`)
  try {
    return kem.name === 'X-Wing' ? xWingEncapsulate(publicKey) : dhEncapsulate(kem.name, publicKey)
  } catch (cause) {
    throw new Refusal('unusable-key', `${kem.name} refuses this key`, { cause })
  }
}

function dhEncapsulate(curve: Curve, publicKey: Uint8Array): Encapsulated {
  const { ciphertext, sharedKey } = encapsulateTo(curvePublic(curve, publicKey))
  return { enc: plain(ciphertext), sharedSecret: plain(sharedKey) }
}

function fromKeyObject(kem: Kem, key: KeyObject): PrivateKey {
  if (!fits(kem, key)) throw new TypeError(`not a private key for ${kem.name}`)
  const publicKey = plain(createPublicKey(key).export({ format: 'raw-public' }))
  return checked(kem, { publicKey, decapsulate: (enc) => plain(decapsulate(key, enc)) })
}

function checked(kem: Kem, { publicKey, decapsulate }: Omit<PrivateKey, 'kem'>): PrivateKey {
  return {
    kem,
    publicKey,
    decapsulate(enc) {
      if (!wellFormed(kem, enc, kem.encLength)) throw new Refusal('cannot-open', `no ${kem.name} encapsulation`)
      try {
        return decapsulate(enc)
      } catch (cause) {
        throw new Refusal('cannot-open', `${kem.name} refuses this encapsulation`, { cause })
      }
    },
  }
}

function fits(kem: Kem, key: KeyObject): boolean {
  if (key.type !== 'private') return false
  if (kem.name === 'X25519') return key.asymmetricKeyType === 'x25519'
  return kem.name === 'P-256' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
}

function curvePrivate(curve: Curve, key: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(key), format: 'raw-private', ...keyTypes[curve] })
}

export function curvePublic(curve: Curve, key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(key), format: 'raw-public', ...keyTypes[curve] })
}

const keyTypes = {
  X25519: { asymmetricKeyType: 'x25519' },
  'P-256': { asymmetricKeyType: 'ec', namedCurve: 'P-256' },
} as const

function generateCurve(curve: Curve): KeyObject {
  return curve === 'X25519'
    ? generateKeyPairSync('x25519').privateKey
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

function rawPrivate(key: KeyObject): Bytes {
  return plain(key.export({ format: 'raw-private' }))
}
