/**
 * A stream in cells of one size at a constant rate: whoever watches it sees that it goes on and, at its end, a power of
 * two. wire.md "Traffic shaping profiles", `paced`; privacy.md 4.4. A state machine: content in, at each tick one cell
 * out. It begins with the message's head, so the time until the CVM answers at all is not hidden by it.
 */
import { concat, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { powerOfTwo } from './buckets.ts'
import { comment, EventEnds } from './events.ts'

/** What one tick sends: plaintext of the message for one chunk. */
export type Cell = { readonly octets: Bytes; readonly final: boolean }

export type CellOptions = {
  /**
   * `events` (text/event-stream) is sent as it comes, whole events at a time, and idle cells carry comments;
   * `whole` is held back until it is complete, since nothing may be put between its octets.
   */
  readonly kind: 'events' | 'whole'
  /** Content as a part of the message: Binary HTTP's `encodeContent`. Handed in, since a relay may hold this room. */
  readonly frame: (content: Bytes) => Bytes
  /** octets of a cell */
  readonly size?: number
  /** Octets of the last cell. Draft -08 §3 gives a final chunk one octet less of framing than a chunk of 512. */
  readonly finalSize?: number
  /** How many cells there are in all when `count` would do; a fixed horizon gives the same number each time. */
  readonly end?: (count: number) => number
  /** Content octets that are held back at most, and that wait for their tick at most before `full`. */
  readonly most?: number
}

const byteOrderMark = [0xef, 0xbb, 0xbf] as const

export class CellStream {
  readonly #options: Required<CellOptions>
  readonly #ends = new EventEnds()
  readonly #queue = new Queue()
  #held: Uint8Array[] = []
  #heldOctets = 0
  #begun = false
  #sent = 0
  #total: number | undefined

  constructor(head: Uint8Array, options: CellOptions) {
    const { size = 512, finalSize = size + 1, end = powerOfTwo, most = 65_536 } = options
    if (!Number.isInteger(size) || size < 16 || size > 16_000) throw new TypeError('a cell has 16 to 16,000 octets')
    if (!Number.isInteger(finalSize) || finalSize < 1) throw new TypeError('a last cell has at least one octet')
    this.#options = { ...options, size, finalSize, end, most }
    this.#queue.add(head)
  }

  /** The caller reads no more content while this is true: ticks drain slower than the content comes. */
  get full(): boolean {
    return this.#queue.length >= this.#options.most
  }

  /** Every cell has been sent. */
  get done(): boolean {
    return this.#sent === this.#total
  }

  /** Content as it comes, cut anywhere. Refused as `body-too-large` when one event, or the whole, is over `most` octets. */
  push(content: Uint8Array): void {
    if (this.#total !== undefined || this.full) throw new TypeError('content after the end, or while full')
    const ready = this.#options.kind === 'whole' ? 0 : this.#ends.last(content)
    if (ready > 0) this.#release(content.subarray(0, ready))
    this.#hold(content.subarray(ready))
  }

  /** The message is complete but for `end`: what Binary HTTP writes after the content. */
  finish(end: Uint8Array): void {
    if (this.#total !== undefined) throw new TypeError('a stream ends once')
    this.#release(new Uint8Array())
    this.#queue.add(end)
    const { size, finalSize } = this.#options
    const needed = this.#sent + Math.max(0, Math.ceil((this.#queue.length - finalSize) / size)) + 1
    this.#total = this.#options.end(needed)
    if (!(this.#total >= needed)) throw new TypeError(`${needed} cells do not fit in ${this.#total}`)
  }

  /** The cell of this tick; undefined while a `whole` is incomplete, and after the last cell. */
  tick(): Cell | undefined {
    if (this.done || (this.#total === undefined && this.#options.kind === 'whole')) return undefined
    if (this.#total === undefined) this.#fill()
    this.#sent += 1
    const final = this.#sent === this.#total
    return { octets: this.#queue.take(final ? this.#options.finalSize : this.#options.size), final }
  }

  // Everything in the queue ends where an event ends. The comment may reach a few octets into the next cell: framed
  // content of one, two or 65 octets does not exist.
  #fill(): void {
    const room = this.#options.size - this.#queue.length
    if (room <= 0) return
    let filler = this.#idle(Math.max(2, room - 2))
    for (let more = 1; filler.length < room; more++) filler = this.#idle(Math.max(2, room - 2) + more)
    this.#queue.add(filler)
  }

  #idle(length: number): Bytes {
    return this.#options.frame(comment(length))
  }

  #hold(content: Uint8Array): void {
    if (content.length === 0) return
    this.#heldOctets += content.length
    const { most } = this.#options
    if (this.#heldOctets > most) throw new Refusal('body-too-large', `more than ${most} octets held`, { limit: most })
    this.#held.push(content.slice())
  }

  #release(last: Uint8Array): void {
    const content = concat(...this.#held, last)
    this.#held = []
    this.#heldOctets = 0
    const whole = this.#begun || this.#options.kind === 'whole' ? content : withoutMark(content)
    if (content.length > 0) this.#begun = true
    if (whole.length > 0) this.#queue.add(this.#options.frame(whole))
  }
}

/** For profiles with a horizon: always `cells` of them. A message that needs more is refused as `body-too-large`. */
export function fixedEnd(cells: number): (count: number) => number {
  return (count) => {
    if (count > cells) throw new Refusal('body-too-large', `${count} cells needed`, { limit: cells })
    return cells
  }
}

// A byte order mark means nothing, but only at the very beginning: after a comment it would be part of a field's name.
function withoutMark(content: Bytes): Bytes {
  return byteOrderMark.every((octet, at) => content[at] === octet) ? content.subarray(3) : content
}

/** Octets on their way; what is taken beyond the last one is zero, which after a message is padding (RFC 9292 §3.8). */
class Queue {
  #parts: Uint8Array[] = []
  length = 0

  add(part: Uint8Array): void {
    if (part.length === 0) return
    this.#parts.push(part)
    this.length += part.length
  }

  take(count: number): Bytes {
    const out = new Uint8Array(count)
    let at = 0
    while (at < count) {
      const [first] = this.#parts
      if (first === undefined) break
      const part = first.subarray(0, count - at)
      out.set(part, at)
      at += part.length
      if (part.length === first.length) this.#parts.shift()
      else this.#parts[0] = first.subarray(part.length)
    }
    this.length -= at
    return out
  }
}
