/** HPKE base mode on node:crypto: receivers for the gateway, senders for clients that run on Node. RFC 9180 §5. */
import { randomFillSync } from 'node:crypto'
import type { Bytes } from '../bytes.ts'
import type {
  ClientHpke,
  Encapsulate,
  PrivateKey,
  Receiver,
  ReceiverContext,
  Responder,
  SenderContext,
} from './context.ts'
import { encapsulate as freshly } from './node-kem.ts'
import { hkdf, open, seal } from './node-primitives.ts'
import { keySchedule, type KeySchedule, type Secrets } from './schedule.ts'
import { NonceSequence } from './sequence.ts'
import { aeads, kdfs, kems, type Aead, type SymmetricSuite } from './suites.ts'

/** `setup` costs one decapsulation and four HMACs; everything else was computed here. */
export function createReceiver(key: PrivateKey, suite: SymmetricSuite, info: Uint8Array): Receiver {
  const schedule = keySchedule(hkdf, key.kem, suite, info)
  return {
    kem: key.kem,
    suite,
    setup: (enc) => receiverContext(schedule, suite.aead, schedule.secrets(key.decapsulate(enc))),
  }
}

export const nodeResponder: Responder = { ...hkdf, seal, random: pooledRandom() }

export type NodeHpkeOptions = { readonly encapsulate?: Encapsulate }

/** The encapsulation is what is random about a sender, so it can be handed in; only tests have a reason to. */
export function createNodeHpke({ encapsulate = freshly }: NodeHpkeOptions = {}): ClientHpke {
  return {
    ...hkdf,
    open,
    supports: (kem, { kdf, aead }) => kems.includes(kem) && kdfs.includes(kdf) && aeads.includes(aead),
    async setupSender(kem, suite, publicKey, info) {
      const { enc, sharedSecret } = await encapsulate(kem, publicKey)
      const schedule = keySchedule(hkdf, kem, suite, info)
      return senderContext(enc, schedule, suite.aead, schedule.secrets(sharedSecret))
    },
  }
}

export const nodeHpke: ClientHpke = createNodeHpke()

function senderContext(enc: Bytes, schedule: KeySchedule, aead: Aead, secrets: Secrets): SenderContext {
  const sequence = new NonceSequence(secrets.baseNonce)
  return {
    enc,
    seal: (aad, plaintext) => seal(aead, secrets.key, sequence.take(), aad, plaintext),
    export: (context, length) => schedule.export(secrets.exporterSecret, context, length).slice(),
  }
}

function receiverContext(schedule: KeySchedule, aead: Aead, secrets: Secrets): ReceiverContext {
  const sequence = new NonceSequence(secrets.baseNonce)
  return {
    open(aad, ciphertext) {
      const plaintext = open(aead, secrets.key, sequence.nonce(), aad, ciphertext)
      sequence.advance()
      return plaintext
    },
    export: (context, length) => schedule.export(secrets.exporterSecret, context, length).slice(),
  }
}

/** A call for every nonce would cost more than the nonce; each byte of the pool is handed out once. */
function pooledRandom(size = 4096): (length: number) => Uint8Array {
  const pool = new Uint8Array(size)
  let at = size
  return (length) => {
    if (at + length > size) {
      randomFillSync(pool)
      at = 0
    }
    at += length
    return pool.slice(at - length, at)
  }
}
