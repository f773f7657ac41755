/**
 * Where events of a `text/event-stream` end, without reading them: a blank line, with LF, CR or CRLF at the end of lines.
 * WHATWG HTML, "Parsing an event stream". There, and only there, a comment line may stand without touching an event.
 */

const lf = 0x0a
const cr = 0x0d

/** One comment line of `length` octets, at least two. Decoders ignore it. */
export function comment(length: number): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(length) || length < 2) throw new TypeError('a comment has a colon and a line end')
  const line = new Uint8Array(length).fill(0x20)
  line[0] = 0x3a
  line[length - 1] = lf
  return line
}

/** Whether idle cells may carry comments: only in events as text, not in a coding of them. */
export function carriesComments(contentType: string | undefined, contentEncoding: string | undefined): boolean {
  const coded = contentEncoding !== undefined && contentEncoding.trim().toLowerCase() !== 'identity'
  return !coded && /^\s*text\/event-stream\s*(;|$)/i.test(contentType ?? '')
}

/** Follows a stream piece by piece. */
export class EventEnds {
  #atLineStart = true
  #after: 'cr' | 'blank cr' | 'other' = 'other'

  /** Where in `piece`, which continues the pieces before it, the last event ends: the octets up to there, or 0. */
  last(piece: Uint8Array): number {
    let end = 0
    for (let at = 0; at < piece.length; at++) {
      if (this.#endsEvent(piece[at] as number)) end = at + 1
    }
    return end
  }

  // After CR CR an LF may still come. A comment between them does no harm: the LF is then one more blank line.
  #endsEvent(octet: number): boolean {
    const after = this.#after
    this.#after = 'other'
    if (octet === lf && after !== 'other') return after === 'blank cr'
    const blank = this.#atLineStart
    this.#atLineStart = octet === lf || octet === cr
    if (!this.#atLineStart) return false
    if (octet === cr) this.#after = blank ? 'blank cr' : 'cr'
    return blank
  }
}
