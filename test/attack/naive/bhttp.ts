/** Binary HTTP read in good faith: lengths are believed, names and values are whatever they are. Known length only. */
import type { Field, RequestHead } from '../../../shared/bhttp/message.ts'

export type Lax = RequestHead & { readonly content: Buffer }

export function laxRequest(bytes: Uint8Array): Lax {
  const from = new Lenient(Buffer.from(bytes))
  from.varint() // the framing indicator
  const [method, scheme, authority, path] = [from.text(), from.text(), from.text(), from.text()]
  const section = new Lenient(from.bytes())
  const headers: Field[] = []
  while (!section.done) headers.push([section.text(), section.text()])
  return { method, scheme, authority, path, headers, content: from.done ? Buffer.alloc(0) : from.bytes() }
}

class Lenient {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  varint(): number {
    const first = this.#bytes[this.#at] ?? 0
    const length = 1 << (first >> 6)
    let value = first & 0x3f
    for (let i = 1; i < length; i++) value = value * 256 + (this.#bytes[this.#at + i] ?? 0)
    this.#at += length
    return value
  }

  bytes(): Buffer {
    const length = this.varint()
    const taken = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return taken
  }

  text(): string {
    return this.bytes().toString('latin1')
  }
}
