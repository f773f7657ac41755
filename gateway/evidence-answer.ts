/**
 * The answer to the one request that is made before a connection is trusted: HTTP/1.1, read by hand so that not a byte
 * beyond it is taken from the socket unnoticed. Stricter than RFC 9112 §6 allows: an agent of ours has one way to say it.
 */
import { type Bytes, concat, fromLatin1, fromUtf8 } from '../shared/bytes.ts'
import { evidenceLimits, evidenceMediaType } from '../shared/attestation/evidence.ts'
import { essence } from '../shared/http/media-types.ts'
import { Refusal } from '../shared/refusal.ts'

const headLimit = 4096
const headEnd = '\r\n\r\n'

/** Fed with what the socket gives, piece by piece. Throws Refusal. */
export class EvidenceAnswer {
  #bytes: Bytes = new Uint8Array(0)
  #bodyAt: number | undefined
  #end = Infinity

  /** The whole body as text, or undefined while bytes are missing. */
  push(piece: Uint8Array): string | undefined {
    this.#bytes = concat(this.#bytes, piece)
    if (this.#bodyAt === undefined) this.#readHead()
    if (this.#bodyAt === undefined || this.#bytes.length < this.#end) return undefined
    // What follows would be read as the answer to the first request of an app. Nobody asked for it.
    if (this.#bytes.length > this.#end) throw new Refusal('trailing-data', 'bytes after the evidence')
    return fromUtf8(this.#bytes.subarray(this.#bodyAt, this.#end))
  }

  #readHead(): void {
    const text = fromLatin1(this.#bytes.subarray(0, headLimit))
    const end = text.indexOf(headEnd)
    if (end < 0 && this.#bytes.length >= headLimit) throw new Refusal('bad-framing', 'a head without an end')
    if (end < 0) return
    this.#bodyAt = end + headEnd.length
    this.#end = this.#bodyAt + bodyLength(text.slice(0, end))
  }
}

function bodyLength(head: string): number {
  const [statusLine = '', ...lines] = head.split('\r\n')
  const status = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)?.[1]
  if (status === undefined) throw new Refusal('bad-framing', 'not an HTTP/1.1 answer')
  if (status !== '200') throw new Refusal('evidence-unavailable', `the agent answered ${status}`)
  const fields = fieldsIn(lines)
  if (essence(fields.get('content-type')) !== evidenceMediaType) {
    throw new Refusal('evidence-unavailable', 'the answer is not evidence')
  }
  if (fields.has('transfer-encoding')) throw new Refusal('bad-framing', 'evidence has a length')
  if (/\bclose\b/i.test(fields.get('connection') ?? '')) throw new Refusal('bad-framing', 'the connection would end')
  return lengthOf(fields.get('content-length'))
}

// A field twice is a second meaning: none of those that are read here may come twice.
function fieldsIn(lines: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e]*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Refusal('bad-framing', 'a malformed field line')
    const key = name.toLowerCase()
    if (fields.has(key)) throw new Refusal('bad-framing', 'a field twice')
    fields.set(key, value.trim())
  }
  return fields
}

function lengthOf(text: string | undefined): number {
  if (text === undefined || !/^[1-9]\d{0,6}$/.test(text)) throw new Refusal('bad-framing', 'no length to trust')
  const length = Number(text)
  if (length > evidenceLimits.text) throw new Refusal('body-too-large', 'evidence is longer than allowed')
  return length
}
