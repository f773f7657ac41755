/** Names that are asked for, and the plainest answers to them. RFC 1035 §4.1. */

export type Question = { readonly id: number; readonly name: string; readonly type: number; readonly end: number }

const header = 12
export const typeA = 1

/** The first question of a query; undefined for an answer, or for what is no message at all. */
export function readQuestion(message: Buffer): Question | undefined {
  if (message.length < header + 5 || ((message[2] ?? 0) & 0x80) !== 0 || message.readUInt16BE(4) === 0) return undefined
  const labels: string[] = []
  for (let at = header; at < message.length;) {
    const length = message[at] ?? 0
    const end = at + 1 + length
    if (length > 63 || end + 4 > message.length) return undefined
    if (length === 0) {
      return {
        id: message.readUInt16BE(0),
        name: labels.join('.').toLowerCase(),
        type: message.readUInt16BE(end),
        end: end + 4,
      }
    }
    labels.push(message.toString('latin1', at + 1, end))
    at = end
  }
  return undefined
}

/** An answer with that address, none of that type (`null`), or no such name (undefined). */
export function answerTo(query: Buffer, { end }: Question, address: string | null | undefined): Buffer {
  const code = address === undefined ? 3 : 0
  const head = Buffer.from(query.subarray(0, header))
  // An answer that speaks for the name (QR, AA), with recursion if it was asked for.
  head.writeUInt16BE(0x8480 | (((query[2] ?? 0) & 1) << 8) | code, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(typeof address === 'string' ? 1 : 0, 6)
  head.fill(0, 8, header)
  const parts = [head, query.subarray(header, end)]
  if (typeof address === 'string') {
    // The name is the one at octet 12; class IN, for a minute, four octets.
    const record = Buffer.from('c00c000100010000003c0004', 'hex')
    parts.push(record, Buffer.from(address.split('.').map(Number)))
  }
  return Buffer.concat(parts)
}
