/** A small DER writer: just the types a certificate needs. ITU-T X.690 §8, §10, §11. Reading is not done here. */
import { type Bytes, concat, latin1, utf8 } from '../bytes.ts'

export function sequence(...parts: readonly Uint8Array[]): Bytes {
  return element(0x30, concat(...parts))
}

/** SET OF one element: ordering rules need two. */
export function setOfOne(part: Uint8Array): Bytes {
  return element(0x31, part)
}

/** A non-negative INTEGER from its big-endian magnitude. */
export function integer(magnitude: Uint8Array): Bytes {
  const start = magnitude.findIndex((octet) => octet !== 0)
  const digits = start < 0 ? Uint8Array.of(0) : magnitude.subarray(start)
  // A leading one bit would make the number negative.
  return element(0x02, (digits[0] ?? 0) > 0x7f ? concat(Uint8Array.of(0), digits) : digits)
}

/** `1.2.840.10045.4.3.2` */
export function objectId(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, concat(base128(first * 40 + second), ...rest.map(base128)))
}

export function bitString(bits: Uint8Array, unused = 0): Bytes {
  return element(0x03, concat(Uint8Array.of(unused), bits))
}

export function octetString(octets: Uint8Array): Bytes {
  return element(0x04, octets)
}

export function boolean(value: boolean): Bytes {
  return element(0x01, Uint8Array.of(value ? 0xff : 0))
}

export function utf8String(text: string): Bytes {
  return element(0x0c, utf8(text))
}

/** UTCTime before 2050, GeneralizedTime from then on. RFC 5280 §4.1.2.5. */
export function time(at: Date): Bytes {
  const digits = at.toISOString().replace(/[-:T]/g, '').slice(0, 14)
  return at.getUTCFullYear() < 2050 ? element(0x17, latin1(`${digits.slice(2)}Z`)) : element(0x18, latin1(`${digits}Z`))
}

/** `[number] EXPLICIT`, or IMPLICIT over something constructed. */
export function tagged(number: number, ...parts: readonly Uint8Array[]): Bytes {
  return element(0xa0 | number, concat(...parts))
}

/** `[number] IMPLICIT` over something primitive. */
export function taggedPrimitive(number: number, content: Uint8Array): Bytes {
  return element(0x80 | number, content)
}

function element(tag: number, content: Uint8Array): Bytes {
  return concat(Uint8Array.of(tag), lengthOf(content.length), content)
}

function lengthOf(length: number): Bytes {
  if (length < 0x80) return Uint8Array.of(length)
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return Uint8Array.of(0x80 | octets.length, ...octets)
}

function base128(value: number): Bytes {
  const groups = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) groups.unshift(128 + (rest % 128))
  return Uint8Array.from(groups)
}
