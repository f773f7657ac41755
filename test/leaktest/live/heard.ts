/**
 * What was said on a tapped link, as the party at its end knows it: HTTP messages with the times at which their first and
 * last octets passed. TLS is read with secrets that the lab's own clients and the recorded gateway gave.
 */
import { readHttp, type HeardMessage } from '../../../deploy/local/seen/http-log.ts'
import { readTlsRecords, type Carried, type KeyLog } from '../../../deploy/local/seen/tls-log.ts'
import type { Piece } from '../types.ts'
import { joined, timeAt, type Connection, type Passed } from './tap.ts'

export type Message = HeardMessage & {
  /** the octets of the head, as they were */
  readonly head: Buffer
  /** when its first and its last octet passed */
  readonly first: number
  readonly last: number
  /** of one that came in chunks of the transfer coding: each, and when its last octet passed */
  readonly pieces: readonly Piece[]
}

export type Exchange = {
  readonly connection: number
  readonly request: Message
  readonly response: Message | undefined
}

export type Heard = {
  readonly connection: Connection
  /** after TLS, if there was any; undefined where it cannot be read */
  readonly forward: Buffer | undefined
  readonly backward: Buffer | undefined
  readonly exchanges: readonly Exchange[]
}

export function hear(connection: Connection, log: KeyLog): Heard {
  const raw = { forward: joined(connection.forward), backward: joined(connection.backward) }
  const tls = raw.forward[0] === handshakeRecord
  const records = tls ? readTlsRecords(raw, log) : { forward: bare(raw.forward), backward: bare(raw.backward) }
  if (records === undefined) return { connection, forward: undefined, backward: undefined, exchanges: [] }
  const asked = messages(records.forward, connection.forward)
  const told = messages(records.backward, connection.backward).filter(({ start }) => !/^HTTP\/1\.1 1\d\d/.test(start))
  const exchanges = asked.map((request, i) => ({ connection: connection.id, request, response: told[i] }))
  return { connection, forward: whole(records.forward), backward: whole(records.backward), exchanges }
}

const handshakeRecord = 0x16

function bare(octets: Buffer): Carried[] {
  return octets.length === 0 ? [] : [{ data: octets, recordEnd: octets.length }]
}

function whole(records: readonly Carried[]): Buffer {
  return Buffer.concat(records.map(({ data }) => data))
}

function messages(records: readonly Carried[], passed: readonly Passed[]): Message[] {
  const plain = whole(records)
  const at = clockOf(records, passed)
  return readHttp(plain).map((message) => ({
    ...message,
    head: plain.subarray(message.from, message.headEnd),
    first: at(message.from),
    last: at(Math.max(message.from, message.to - 1)),
    pieces: piecesOf(plain, message, at),
  }))
}

/** RFC 9112 §7.1 */
function piecesOf(plain: Buffer, { fields, headEnd, to }: HeardMessage, at: (offset: number) => number): Piece[] {
  if (!fields.some(([name, value]) => name === 'transfer-encoding' && value.toLowerCase() === 'chunked')) return []
  const pieces: Piece[] = []
  for (let from = headEnd; from < to;) {
    const line = plain.indexOf('\r\n', from)
    const octets = parseInt(plain.toString('latin1', from, line), 16)
    if (line < 0 || !(octets > 0)) break
    pieces.push({ octets, t: at(line + 1 + octets) })
    from = line + 2 + octets + 2
  }
  return pieces
}

/** When an octet of the content passed: a record can be read when its last octet is there. */
function clockOf(records: readonly Carried[], passed: readonly Passed[]): (offset: number) => number {
  const ends: { readonly upTo: number; readonly t: number }[] = []
  let upTo = 0
  for (const { data, recordEnd } of records) {
    upTo += data.length
    ends.push({ upTo, t: timeAt(passed, recordEnd - 1) })
  }
  // Without TLS there is one record, and each octet has its own time.
  if (records.length === 1 && records[0]?.recordEnd === records[0]?.data.length)
    return (offset) => timeAt(passed, offset)
  return (offset) => ends.find((end) => offset < end.upTo)?.t ?? Number.NaN
}

/** The body as it stood on the wire is the same on both sides of a relay that keeps its hands off it. */
export function bodyKey({ body }: Pick<HeardMessage, 'body'>): string {
  return body.toString('latin1', 0, 96)
}
