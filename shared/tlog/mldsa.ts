/** ML-DSA-44 through WebCrypto, where the runtime has it. Keys are raw: 1312 bytes public, a seed of 32. FIPS 204. */
import type { Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'

export const mldsaLengths = { publicKey: 1312, seed: 32, signature: 2420 } as const

export type MldsaKeyPair = {
  readonly publicKey: Bytes
  readonly sign: (message: Uint8Array) => Promise<Bytes>
}

const algorithm = 'ML-DSA-44'

export async function mldsaFromSeed(seed: Uint8Array): Promise<MldsaKeyPair> {
  if (seed.length !== mldsaLengths.seed) throw new TypeError('an ML-DSA seed has 32 bytes')
  const bytes = seed as Bytes
  const exportable = await crypto.subtle.importKey('raw-seed', bytes, algorithm, true, ['sign']).catch(refused)
  // RFC 9964: the types of JWK do not know `pub` yet.
  const { pub } = (await crypto.subtle.exportKey('jwk', exportable)) as { readonly pub?: string }
  if (pub === undefined) throw new TypeError('the platform gives no public key')
  const key = await crypto.subtle.importKey('raw-seed', bytes, algorithm, false, ['sign'])
  return {
    publicKey: Uint8Array.fromBase64(pub, { alphabet: 'base64url' }),
    sign: async (message) => new Uint8Array(await crypto.subtle.sign(algorithm, key, message as Bytes)),
  }
}

export async function mldsaVerifies(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array) {
  const imported = crypto.subtle.importKey('raw-public', publicKey as Bytes, algorithm, false, ['verify'])
  return crypto.subtle.verify(algorithm, await imported.catch(refused), signature as Bytes, message as Bytes)
}

/** Not counting such a witness in silence would lower the quorum that the trust root asks for: say so instead. */
function refused(cause: unknown): never {
  // A runtime without it knows neither the algorithm nor, as a TypeError, the key format.
  if (cause instanceof Error && ['NotSupportedError', 'TypeError'].includes(cause.name)) {
    throw new Refusal('unsupported-signature', 'this runtime has no ML-DSA-44', { cause })
  }
  throw new Refusal('unusable-key', 'not an ML-DSA-44 key', { cause })
}
