/**
 * Strict DER, read by schema: exact lengths, one encoding for each value, nothing left over. ITU-T X.690 §8, §10;
 * X.509 pieces RFC 5280 §4.1-4.2. Platforms' own X.509 readers drop trailing bytes and hide the extensions.
 */
import { fromLatin1, hex, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectId: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** The tag of `[number] EXPLICIT`, or IMPLICIT over something constructed. */
export function context(number: number): number {
  return 0xa0 | number
}

/** `whole` is tag, length and content: what signatures cover and what names are compared by. */
export type Element = { readonly content: Bytes; readonly whole: Bytes }

export type Extension = { readonly id: string; readonly critical: boolean; readonly value: Bytes }

const maxDepth = 16
const maxExtensions = 32

/** Moves over the elements of one constructed value. Every refusal is `bad-encoding`; callers say of what. */
export class DerReader {
  readonly #bytes: Bytes
  readonly #depth: number
  #at = 0

  constructor(bytes: Uint8Array, depth = 0) {
    if (depth > maxDepth) throw wrong('nested too deeply')
    this.#bytes = bytes as Bytes
    this.#depth = depth
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Whether an optional element is there. */
  next(tag: number): boolean {
    return this.#bytes[this.#at] === tag
  }

  end(): void {
    if (!this.done) throw wrong(`${this.#bytes.length - this.#at} bytes left over`)
  }

  element(tag: number): Element {
    const start = this.#at
    if (this.#octet() !== tag) throw wrong(`not the tag ${tag} at ${start}`)
    const length = this.#length()
    const from = this.#at
    if (length > this.#bytes.length - from) throw wrong('longer than what holds it')
    this.#at = from + length
    return { content: this.#bytes.subarray(from, this.#at), whole: this.#bytes.subarray(start, this.#at) }
  }

  /** Whatever comes next, of any tag in one octet. */
  any(): Element {
    const tag = this.#bytes[this.#at] ?? 0
    if ((tag & 0x1f) === 0x1f) throw wrong('a tag of several octets')
    return this.element(tag)
  }

  /** A reader over the content of a constructed element; whoever takes it calls `end`. */
  enter(tag: number): DerReader {
    return new DerReader(this.element(tag).content, this.#depth + 1)
  }

  /** Big-endian two's complement in as few octets as it needs. §8.3 */
  integer(): Bytes {
    const { content } = this.element(tags.integer)
    const [first, second = 0] = content
    if (first === undefined) throw wrong('an empty integer')
    const padded = (first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80)
    if (content.length > 1 && padded) throw wrong('an integer with spare octets')
    return content
  }

  /** Zero or more, as lower-case hex without sign octet: serial and CRL numbers, which may have twenty octets. */
  unsigned(): string {
    const content = this.integer()
    if ((content[0] ?? 0) >= 0x80) throw wrong('a negative integer')
    const magnitude = content.length > 1 && content[0] === 0 ? content.subarray(1) : content
    if (magnitude.length > 20) throw wrong('an integer of more than twenty octets')
    return hex(magnitude)
  }

  /** An integer from 0 to `max`, itself below 2^32. */
  small(max: number): number {
    const value = BigInt(`0x${this.unsigned()}`)
    if (value > BigInt(max)) throw wrong(`an integer above ${max}`)
    return Number(value)
  }

  /** §11.1: true is 0xff. */
  boolean(): boolean {
    const { content } = this.element(tags.boolean)
    const [octet] = content
    if (content.length !== 1 || (octet !== 0x00 && octet !== 0xff)) throw wrong('not a boolean')
    return octet === 0xff
  }

  null(): void {
    if (this.element(tags.null).content.length > 0) throw wrong('a null with content')
  }

  octets(): Bytes {
    return this.element(tags.octetString).content
  }

  /** Signatures and keys: whole octets. */
  bits(): Bytes {
    const { content } = this.element(tags.bitString)
    if (content[0] !== 0) throw wrong('a bit string with unused bits')
    return content.subarray(1)
  }

  /**
   * Up to eight named bits, bit 0 the most significant of the octet. Unused bits are zero (§11.2.1); that trailing
   * zeros be cut off (§11.2.2) cannot be asked, since AMD's own issuers keep one.
   */
  namedBits(): number {
    const { content } = this.element(tags.bitString)
    const [unused = 8, octet = 0] = content
    if (content.length !== 2 || unused > 7 || octet % 2 ** unused !== 0) throw wrong('not a list of named bits')
    return octet
  }

  /** Dotted, as in 1.2.840.10045.2.1. §8.19 */
  objectId(): string {
    const { content } = this.element(tags.objectId)
    return dotted(subidentifiers(content))
  }

  /** Characters from space to tilde. */
  ia5(): string {
    const { content } = this.element(tags.ia5String)
    if (!content.every((octet) => octet >= 0x20 && octet <= 0x7e)) throw wrong('not a printable IA5 string')
    return fromLatin1(content)
  }

  /** Milliseconds since 1970. RFC 5280 §4.1.2.5: UTCTime before 2050, GeneralizedTime from then on, whole seconds. */
  time(): number {
    const short = this.next(tags.utcTime)
    const text = fromLatin1(this.element(short ? tags.utcTime : tags.generalizedTime).content)
    return short ? utcTime(text) : generalizedTime(text)
  }

  #octet(): number {
    const octet = this.#bytes[this.#at]
    if (octet === undefined) throw wrong('it ends too early')
    this.#at += 1
    return octet
  }

  /** §10.1: definite, and in as few octets as the length needs. */
  #length(): number {
    const first = this.#octet()
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > 3) throw wrong('an indefinite length, or an endless one')
    let length = 0
    for (let i = 0; i < count; i++) length = length * 256 + this.#octet()
    if (length < 0x80 || length < 256 ** (count - 1)) throw wrong('a length with spare octets')
    return length
  }
}

/** Reads one element that is all there is. */
export function readDer<T>(bytes: Uint8Array, read: (from: DerReader) => T): T {
  const from = new DerReader(bytes)
  const value = read(from)
  from.end()
  return value
}

/** RFC 5280 §4.1: SEQUENCE OF (id, critical DEFAULT FALSE, value), in their order. Callers ask for duplicates. */
export function readExtensions(from: DerReader): readonly Extension[] {
  const list = from.enter(tags.sequence)
  const extensions: Extension[] = []
  while (!list.done) {
    if (extensions.length === maxExtensions) throw wrong('too many extensions')
    extensions.push(readExtension(list.enter(tags.sequence)))
  }
  if (extensions.length === 0) throw wrong('an empty list of extensions')
  return extensions
}

function readExtension(from: DerReader): Extension {
  const id = from.objectId()
  const critical = from.next(tags.boolean)
  // §11.5: the default is left out, so a boolean that is there is true.
  if (critical && !from.boolean()) throw wrong('a default that is written out')
  const value = from.octets()
  from.end()
  return { id, critical, value }
}

function subidentifiers(content: Uint8Array): number[] {
  const values: number[] = []
  let value = 0
  let fresh = true
  for (const octet of content) {
    if (fresh && octet === 0x80) throw wrong('an object identifier with spare octets')
    value = value * 128 + (octet & 0x7f)
    if (!Number.isSafeInteger(value)) throw wrong('an object identifier beyond reason')
    fresh = octet < 0x80
    if (!fresh) continue
    values.push(value)
    value = 0
  }
  if (!fresh || values.length === 0) throw wrong('an object identifier that ends too early')
  return values
}

function dotted([first = 0, ...rest]: readonly number[]): string {
  const top = Math.min(2, Math.floor(first / 40))
  return [top, first - 40 * top, ...rest].join('.')
}

function utcTime(text: string): number {
  const year = Number(text.slice(0, 2))
  return moment(/^\d{12}Z$/.test(text) ? `${year < 50 ? 20 : 19}${text}` : '')
}

function generalizedTime(text: string): number {
  return moment(/^\d{14}Z$/.test(text) && text >= '2050' ? text : '')
}

/** YYYYMMDDHHMMSSZ of a day that exists. */
function moment(text: string): number {
  const iso = text.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6.000Z')
  const time = Date.parse(iso)
  if (!Number.isFinite(time) || new Date(time).toISOString() !== iso) throw wrong('not a time')
  return time
}

function wrong(what: string): Refusal {
  return new Refusal('bad-encoding', `DER: ${what}`)
}
