/** Variable-length integers: two bits say how many bytes, the rest is the value. RFC 9000 §16, RFC 9292 §3. */
import { concat, uint16, uint64, uint8, type Bytes } from '../bytes.ts'

export const maxVarint = (1n << 62n) - 1n

/** How many bytes an integer takes, told by its first one. */
export function varintSize(first: number): 1 | 2 | 4 | 8 {
  return (1 << (first >> 6)) as 1 | 2 | 4 | 8
}

/**
 * The integer that begins at `at`, all of whose bytes must be there. Exact over all 62 bits, hence a bigint;
 * any size is taken for any value, as RFC 9292 §3 says.
 */
export function varintAt(bytes: Uint8Array, at: number): bigint {
  const first = bytes[at] ?? 0
  const end = at + varintSize(first)
  if (end > bytes.length) throw new TypeError('an integer was read before all of it was there')
  if (end - at < 8) return BigInt(bigEndian(bytes, at + 1, end, first & 0x3f))
  return (BigInt(bigEndian(bytes, at + 1, at + 4, first & 0x3f)) << 32n) | BigInt(bigEndian(bytes, at + 4, end, 0))
}

/** How many bytes `varint` takes for a length. */
export function varintLength(value: number): number {
  if (value < 0x40) return 1
  if (value < 0x4000) return 2
  return value < 0x4000_0000 ? 4 : 8
}

/** On as few bytes as the value allows. */
export function varint(value: number | bigint): Bytes {
  if (!(value >= 0 && value <= maxVarint)) throw new TypeError('a variable-length integer has 62 bits')
  if (value < 0x40) return uint8(Number(value))
  if (value < 0x4000) return uint16(0x4000 | Number(value))
  if (value < 0x4000_0000) return concat(uint16(0x8000 | (Number(value) >> 16)), uint16(Number(value) & 0xffff))
  return uint64(BigInt(value) | (3n << 62n))
}

/** At most 32 bits in all, so a double holds them; no shifts, which would make the highest one a sign. */
function bigEndian(bytes: Uint8Array, from: number, to: number, high: number): number {
  let value = high
  for (let at = from; at < to; at++) value = value * 0x100 + (bytes[at] ?? 0)
  return value
}
