/** Bytes: cursors that read and write wire formats in wire order, and the few conversions everybody needs. */
import { Refusal } from './refusal.ts'

export type Bytes = Uint8Array<ArrayBuffer>

/** Moves over bytes that a stranger sent. Reading past the end is refused as `truncated`; nothing is copied. */
export class Reader {
  readonly #bytes: Bytes
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes as Bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get position(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  get done(): boolean {
    return this.remaining === 0
  }

  take(length: number): Bytes {
    const start = this.#advance(length)
    return this.#bytes.subarray(start, start + length)
  }

  rest(): Bytes {
    return this.take(this.remaining)
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2))
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4))
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.#advance(8))
  }

  /** The bytes must end here: anything left is refused as `trailing-data`. */
  end(): void {
    if (!this.done) throw new Refusal('trailing-data', `${this.remaining} bytes after the end`)
  }

  #advance(length: number): number {
    if (length > this.remaining) throw new Refusal('truncated', `${length} bytes wanted, ${this.remaining} left`)
    const start = this.#at
    this.#at += length
    return start
  }
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Equal contents, in time that depends on the lengths alone. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

export function uint8(value: number): Bytes {
  return Uint8Array.of(whole(value, 0xff))
}

export function uint16(value: number): Bytes {
  whole(value, 0xffff)
  return Uint8Array.of(value >> 8, value)
}

export function uint64(value: number | bigint): Bytes {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, BigInt(value))
  return out
}

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return bytes.toHex()
}

export function fromHex(text: string): Bytes {
  return decoded('hex', () => Uint8Array.fromHex(text))
}

/** Standard alphabet, with padding. */
export function base64(bytes: Uint8Array): string {
  return bytes.toBase64()
}

/** Strict: padding demanded, no spare bits, no whitespace; so one value has one text. */
export function fromBase64(text: string): Bytes {
  const bytes = decoded('base64', () => Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' }))
  if (base64(bytes) !== text) throw new Refusal('bad-encoding', 'base64 is not canonical')
  return bytes
}

/** URL-safe alphabet, with padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: 'base64url' })
}

/** As strict as `fromBase64`: padding demanded, one text for one value. */
export function fromBase64url(text: string): Bytes {
  const options = { alphabet: 'base64url', lastChunkHandling: 'strict' } as const
  const bytes = decoded('base64url', () => Uint8Array.fromBase64(text, options))
  if (base64url(bytes) !== text) throw new Refusal('bad-encoding', 'base64url is not canonical')
  return bytes
}

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text)
}

/** Strict UTF-8; a byte order mark is kept as a character. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoded('UTF-8', () => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
}

/** One byte a character, as HTTP field values are; a character above U+00FF is a mistake of ours. */
export function latin1(text: string): Bytes {
  const out = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0xff) throw new TypeError('text is outside latin1')
    out[i] = unit
  }
  return out
}

export function fromLatin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 8192) {
    // `apply` reads the array as it lies; spreading it would walk an iterator, several times slower.
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + 8192) as unknown as number[])
  }
  return text
}

function whole(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new TypeError(`${value} does not fit`)
  return value
}

function decoded<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new Refusal('bad-encoding', `not ${what}`, { cause })
  }
}
