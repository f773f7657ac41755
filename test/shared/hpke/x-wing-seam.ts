/** X-Wing without dice: node:crypto takes no randomness for ML-KEM, this development package does. */
import { XWing } from '@hpke/hybridkem-x-wing'
import type { Encapsulate } from '../../../shared/hpke/context.ts'

/** `randomness`: 32 bytes for ML-KEM, then the X25519 ephemeral key. */
export function encapsulateXWing(randomness: Uint8Array): Encapsulate {
  return async (_kem, publicKey) => {
    const library = new XWing()
    const recipientPublicKey = await library.deserializePublicKey(publicKey.slice().buffer)
    const { enc, sharedSecret } = await library.encap({ recipientPublicKey, ekm: randomness.slice().buffer })
    return { enc: new Uint8Array(enc), sharedSecret: new Uint8Array(sharedSecret) }
  }
}
