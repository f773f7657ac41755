/**
 * HMAC-SHA256 over node:crypto's one-shot hash. RFC 2104. `createHmac` gives the same bytes at twice the price: it builds a
 * stream and a piece of memory outside of the heap for every call, and an exchange makes eight. Both are compared in a test.
 */
import { hash } from 'node:crypto'
import type { Bytes } from '../bytes.ts'

const blockLength = 64
const digestLength = 32

// One pair of blocks serves every call: this is synchronous, and both are filled with zeros before it returns.
const inner = new Uint8Array(1024)
const outer = new Uint8Array(blockLength + digestLength)

export function hmacSha256(key: Uint8Array, data: Uint8Array): Bytes {
  const input = blockLength + data.length > inner.length ? new Uint8Array(blockLength + data.length) : inner
  const shortKey = key.length > blockLength ? sha256Into(key, new Uint8Array(digestLength), 0) : key
  for (let i = 0; i < blockLength; i++) {
    const byte = shortKey[i] ?? 0
    input[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
  input.set(data, blockLength)
  sha256Into(input.subarray(0, blockLength + data.length), outer, blockLength)
  const mac = sha256Into(outer, new Uint8Array(digestLength), 0)
  input.fill(0)
  outer.fill(0)
  return mac
}

/** As a string of bytes the digest comes back on the heap; as a Buffer it would cost as much again as hashing it. */
function sha256Into(data: Uint8Array, target: Bytes, at: number): Bytes {
  const digest = hash('sha256', data, 'latin1')
  for (let i = 0; i < digestLength; i++) target[at + i] = digest.charCodeAt(i)
  return target
}
