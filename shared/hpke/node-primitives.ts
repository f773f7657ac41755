/** HKDF and the AEADs on node:crypto, synchronous. RFC 5869; RFC 5116; RFC 8439. */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concat, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import type { Hkdf } from './context.ts'
import { hmacSha256 } from './node-hmac.ts'
import type { Aead, Kdf } from './suites.ts'

export const hkdf: Hkdf = {
  extract: (kdf, salt, ikm) => hmacs[kdf.name](salt, ikm),
  expand(kdf, prk, info, length) {
    if (length > 255 * kdf.hashLength) throw new TypeError('HKDF gives at most 255 blocks')
    const hmac = hmacs[kdf.name]
    let block = hmac(prk, info, Uint8Array.of(1))
    const blocks = [block]
    for (let i = 2; blocks.length * kdf.hashLength < length; i++) {
      block = hmac(prk, block, info, Uint8Array.of(i))
      blocks.push(block)
    }
    // One block is nearly always enough.
    return (blocks.length === 1 ? block : concat(...blocks)).subarray(0, length)
  },
}

/** `before` goes in front of the result, so that a message is put together in one piece of memory. */
export function seal(
  aead: Aead,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
  before: Uint8Array = none,
): Bytes {
  const options = { authTagLength: aead.tagLength }
  const cipher =
    aead.name === 'ChaCha20-Poly1305'
      ? createCipheriv('chacha20-poly1305', key, nonce, options)
      : createCipheriv(gcm[aead.name], key, nonce, options)
  if (aad.length > 0) cipher.setAAD(aad, { plaintextLength: plaintext.length })
  const sealed = new Uint8Array(before.length + plaintext.length + aead.tagLength)
  sealed.set(before)
  sealed.set(cipher.update(plaintext), before.length)
  cipher.final()
  sealed.set(cipher.getAuthTag(), before.length + plaintext.length)
  return sealed
}

/** One code for everything that does not open, so that no caller can pass on which it was. */
export function open(aead: Aead, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Bytes {
  const end = ciphertext.length - aead.tagLength
  if (end < 0) throw new Refusal('cannot-open', 'shorter than an AEAD tag')
  const options = { authTagLength: aead.tagLength }
  const decipher =
    aead.name === 'ChaCha20-Poly1305'
      ? createDecipheriv('chacha20-poly1305', key, nonce, options)
      : createDecipheriv(gcm[aead.name], key, nonce, options)
  decipher.setAuthTag(ciphertext.subarray(end))
  if (aad.length > 0) decipher.setAAD(aad, { plaintextLength: end })
  const plaintext = decipher.update(ciphertext.subarray(0, end))
  try {
    decipher.final()
  } catch (cause) {
    throw new Refusal('cannot-open', 'AEAD tag mismatch', { cause })
  }
  return plain(plaintext)
}

/** A Buffer's bytes as what they are: Buffer changes the meaning of methods such as `slice`. */
export function plain(buffer: Buffer<ArrayBuffer>): Bytes {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

const none = new Uint8Array()
const hmacs: Record<Kdf['name'], typeof hmacSha256> = { 'HKDF-SHA256': hmacSha256 }
const gcm = { 'AES-128-GCM': 'aes-128-gcm', 'AES-256-GCM': 'aes-256-gcm' } as const
