/**
 * What was proven of bytes stays true of the same bytes. An asker who keeps this from one question to the next saves
 * most of the signatures and gets the same answers: dates, pins, numbers and policy are asked anew each time.
 */
import { equal, hex, type Bytes } from '../bytes.ts'

type Entry = { readonly parts: readonly Bytes[]; readonly value: unknown }

export class Proven {
  readonly #entries = new Map<string, Entry>()
  readonly #most: number

  constructor(most = 1024) {
    this.#most = most
  }

  /** `prove` looks at nothing but `kind` and `parts`, and throws where they prove nothing. */
  async of<T>(kind: string, parts: readonly Bytes[], prove: () => Promise<T>): Promise<T> {
    // The end of a signed text is its signature, so this finds; what decides is that every byte is the same.
    const name = [kind, ...parts.map((part) => hex(part.subarray(-32)))].join()
    const known = this.#entries.get(name)
    if (known?.parts.every((part, index) => equal(part, parts[index] ?? new Uint8Array(0)))) return known.value as T
    const value = await prove()
    this.#keep(name, { parts: parts.map((part) => part.slice()), value })
    return value
  }

  #keep(name: string, entry: Entry): void {
    const [oldest] = this.#entries.keys()
    if (this.#entries.size >= this.#most && oldest !== undefined) this.#entries.delete(oldest)
    this.#entries.set(name, entry)
  }
}
