/** Ed25519 through WebCrypto, the same in Node and in browsers. Keys are 32 raw bytes: a public key or a seed. RFC 8032, RFC 8410. */
import { concat, fromHex, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'

export const ed25519Lengths = { publicKey: 32, seed: 32, signature: 64 } as const

export type Ed25519KeyPair = {
  readonly publicKey: Bytes
  readonly sign: (message: Uint8Array) => Promise<Bytes>
}

// RFC 8410 §7: PKCS #8 around a seed is this constant and the seed; WebCrypto imports no bare seed.
const pkcs8Head = fromHex('302e020100300506032b657004220420')

export async function ed25519FromSeed(seed: Uint8Array): Promise<Ed25519KeyPair> {
  if (seed.length !== ed25519Lengths.seed) throw new TypeError('an Ed25519 seed has 32 bytes')
  const pkcs8 = concat(pkcs8Head, seed)
  const exportable = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign'])
  const { x } = await crypto.subtle.exportKey('jwk', exportable)
  if (x === undefined) throw new TypeError('the platform gives no public key')
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
  return {
    publicKey: Uint8Array.fromBase64(x, { alphabet: 'base64url' }),
    sign: async (message) => new Uint8Array(await crypto.subtle.sign('Ed25519', key, message as Bytes)),
  }
}

export async function ed25519Verifies(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array) {
  const key = await crypto.subtle.importKey('raw', publicKey as Bytes, 'Ed25519', false, ['verify']).catch(unusable)
  return crypto.subtle.verify('Ed25519', key, signature as Bytes, message as Bytes)
}

/** Some browsers refuse a point that is not on the curve when they import it; Node does so when it verifies. */
function unusable(cause: unknown): never {
  throw new Refusal('unusable-key', 'not an Ed25519 public key', { cause })
}
