/**
 * HMAC-SHA256 over node:crypto's one-shot hash. RFC 2104. `createHmac` gives the same bytes at twice the price: it builds a
 * stream and memory outside of the heap for every call, and an exchange makes eight. A test compares the two.
 */
import { hash } from 'node:crypto'
import type { Bytes } from '../bytes.ts'

const blockLength = 64
const digestLength = 32

// One pair of blocks serves every call: nothing here waits, and both are filled with zeros before it returns.
const inner = new Uint8Array(1024)
const outer = new Uint8Array(blockLength + digestLength)
const innerDigest = outer.subarray(blockLength)

/** Over all parts as if they were one: in HKDF they are, and joining them first would cost memory. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, blockLength)
  const input = length > inner.length ? new Uint8Array(length) : inner
  pad(input, key.length > blockLength ? sha256Into(key, room()) : key)
  let at = blockLength
  for (const part of parts) {
    input.set(part, at)
    at += part.length
  }
  sha256Into(input.subarray(0, length), innerDigest)
  const mac = sha256Into(outer, room())
  input.fill(0, 0, length)
  outer.fill(0)
  return mac
}

function pad(input: Bytes, key: Uint8Array): void {
  input.fill(0x36, 0, blockLength)
  outer.fill(0x5c, 0, blockLength)
  for (let i = 0; i < key.length; i++) {
    const byte = key[i] ?? 0
    input[i] = byte ^ 0x36
    outer[i] = byte ^ 0x5c
  }
}

/** As a string of bytes the digest comes back on the heap; as a Buffer it would cost as much again as hashing it. */
function sha256Into(data: Uint8Array, target: Bytes): Bytes {
  const digest = hash('sha256', data, 'latin1')
  for (let i = 0; i < digestLength; i++) target[i] = digest.charCodeAt(i)
  return target
}

// Results are next handed to a cipher, which must move a small array out of the heap first. So they are made outside,
// eight at a time: what one exchange needs. Whoever gives one away gives a copy, or its `buffer` would tell the others.
const roomLength = 8 * digestLength
let rooms = new Uint8Array(roomLength)
let taken = 0

function room(): Bytes {
  if (taken === roomLength) {
    rooms = new Uint8Array(roomLength)
    taken = 0
  }
  taken += digestLength
  return rooms.subarray(taken - digestLength, taken)
}
