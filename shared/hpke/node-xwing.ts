/**
 * X-Wing on node:crypto: ML-KEM-768 and X25519 under one SHA3-256, safe as long as either half is.
 * KEM 0x647a of draft-ietf-hpke-pq; construction of draft-connolly-cfrg-xwing-kem §5.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { concat, Reader, type Bytes } from '../bytes.ts'
import type { Encapsulated, PrivateKey } from './context.ts'
import { plain } from './node-primitives.ts'
import { xWing } from './suites.ts'

const mlKemPublicKeyLength = 1184
const mlKemCiphertextLength = 1088
const label = Uint8Array.of(0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c) // the six characters \.//^\

export function xWingSeed(): Bytes {
  return plain(randomBytes(xWing.privateKeyLength))
}

/** Both halves are expanded from the seed once; afterwards only the key objects are needed. */
export function xWingDecapsulator(seed: Uint8Array): Omit<PrivateKey, 'kem'> {
  const expanded = createHash('shake256', { outputLength: 96 }).update(seed).digest()
  const skM = createPrivateKey({
    key: expanded.subarray(0, 64),
    format: 'raw-seed',
    asymmetricKeyType: 'ml-kem-768',
  })
  const skX = createPrivateKey({ key: expanded.subarray(64), format: 'raw-private', asymmetricKeyType: 'x25519' })
  expanded.fill(0)
  const pkX = rawPublic(createPublicKey(skX))
  return {
    publicKey: concat(rawPublic(createPublicKey(skM)), pkX),
    decapsulate(enc) {
      const from = new Reader(enc)
      const ssM = decapsulate(skM, from.take(mlKemCiphertextLength))
      const ctX = from.rest()
      return combine(ssM, exchange(skX, x25519Public(ctX)), ctX, pkX)
    },
  }
}

export function xWingEncapsulate(publicKey: Uint8Array): Encapsulated {
  const from = new Reader(publicKey)
  const pkM = mlKemPublic(from.take(mlKemPublicKeyLength))
  const pkX = from.rest()
  const { ciphertext: ctM, sharedKey: ssM } = encapsulate(pkM)
  const ephemeral = generateKeyPairSync('x25519')
  const ctX = rawPublic(ephemeral.publicKey)
  const sharedSecret = combine(ssM, exchange(ephemeral.privateKey, x25519Public(pkX)), ctX, pkX)
  return { enc: concat(ctM, ctX), sharedSecret }
}

function combine(ssM: Uint8Array, ssX: Uint8Array, ctX: Uint8Array, pkX: Uint8Array): Bytes {
  return plain(
    createHash('sha3-256')
      .update(concat(ssM, ssX, ctX, pkX, label))
      .digest(),
  )
}

/** OpenSSL refuses an all-zero result, which X-Wing itself would not; an honest sender never makes one. */
function exchange(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  return diffieHellman({ privateKey, publicKey })
}

function mlKemPublic(key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(key), format: 'raw-public', asymmetricKeyType: 'ml-kem-768' })
}

function x25519Public(key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(key), format: 'raw-public', asymmetricKeyType: 'x25519' })
}

function rawPublic(key: KeyObject): Bytes {
  return plain(key.export({ format: 'raw-public' }))
}
