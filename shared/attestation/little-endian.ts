/** Cursors over what processors write: integers with their least significant octet first. */
import { Reader, type Bytes } from '../bytes.ts'

/**
 * Moves over little-endian fields and remembers what should have been zero. An object literal is evaluated in its
 * order, so `skip` and `zeros`, which add nothing to it, keep a reader in the order of its table.
 */
export class LittleEndian {
  readonly #from: Reader
  readonly reserved: (readonly [name: string, bytes: Bytes])[] = []

  constructor(bytes: Uint8Array) {
    this.#from = new Reader(bytes)
  }

  get position(): number {
    return this.#from.position
  }

  take(length: number): Bytes {
    return this.#from.take(length)
  }

  rest(): Bytes {
    return this.#from.rest()
  }

  uint8(): number {
    return this.#from.uint8()
  }

  uint16(): number {
    return Number(this.#unsigned(2))
  }

  uint32(): number {
    return Number(this.#unsigned(4))
  }

  uint64(): bigint {
    return this.#unsigned(8)
  }

  skip(length: number): object {
    this.take(length)
    return {}
  }

  zeros(name: string, length: number): object {
    this.reserved.push([name, this.take(length)])
    return {}
  }

  /** Nothing may be left over. */
  end(): void {
    this.#from.end()
  }

  #unsigned(length: number): bigint {
    return this.take(length).reduceRight((sum, octet) => sum * 256n + BigInt(octet), 0n)
  }
}
