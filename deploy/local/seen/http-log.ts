/** Reads recorded HTTP/1.1 bytes back into messages, for a report: head fields, and bodies without their framing. RFC 9112. */

export type HeardMessage = {
  /** `POST / HTTP/1.1` or `HTTP/1.1 200 OK` */
  readonly start: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** Where it begins, where its head ends, and where it ends, in what was read. */
  readonly from: number
  readonly headEnd: number
  readonly to: number
}

/** Every message of one direction; a last one that was cut short comes with what there is of it. */
export function readHttp(bytes: Buffer): HeardMessage[] {
  const out: HeardMessage[] = []
  let at = 0
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) break
    const [start = '', ...lines] = bytes.toString('latin1', at, end).split('\r\n')
    const fields = lines.map(fieldOf)
    const { body, next } = bodyAt(bytes, end + 4, start, fields)
    out.push({ start, fields, body, from: at, headEnd: end + 4, to: next })
    at = next
  }
  return out
}

export function fieldValue({ fields }: Pick<HeardMessage, 'fields'>, name: string): string | undefined {
  return fields.find(([key]) => key === name)?.[1]
}

function fieldOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

function bodyAt(
  bytes: Buffer,
  at: number,
  start: string,
  fields: HeardMessage['fields'],
): { body: Buffer; next: number } {
  if (fieldValue({ fields }, 'transfer-encoding')?.toLowerCase() === 'chunked') return dechunked(bytes, at)
  const length = fieldValue({ fields }, 'content-length')
  // An answer without either runs to the end of the connection; a request without either has no content.
  const endless = start.startsWith('HTTP/') && !/^HTTP\/1\.\d (?:1\d\d|204|304)/.test(start)
  const next = length === undefined ? (endless ? bytes.length : at) : Math.min(bytes.length, at + Number(length))
  return { body: bytes.subarray(at, next), next }
}

function dechunked(bytes: Buffer, from: number): { body: Buffer; next: number } {
  const parts: Buffer[] = []
  let at = from
  for (;;) {
    const line = bytes.indexOf('\r\n', at)
    const size = line < 0 ? NaN : parseInt(bytes.toString('latin1', at, line), 16)
    if (Number.isNaN(size)) return { body: Buffer.concat(parts), next: bytes.length }
    if (size === 0) return { body: Buffer.concat(parts), next: afterTrailers(bytes, line) }
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
}

/** Trailers end in an empty line; mostly there are none and the empty line follows at once. */
function afterTrailers(bytes: Buffer, lastLine: number): number {
  const end = bytes.indexOf('\r\n\r\n', lastLine)
  return end < 0 ? bytes.length : end + 4
}
