/**
 * Reads recorded TLS 1.3 bytes with the session secrets that one end logged (node --tls-keylog, NSS key log format).
 * So the report speaks of what a process received after its TLS, while nothing on the way ends TLS. RFC 8446 §5, §7.3.
 */
import { createDecipheriv, createHmac } from 'node:crypto'
import type { Recording } from './recorder.ts'

/** label + client random -> traffic secret */
export type KeyLog = ReadonlyMap<string, Buffer>

export function readKeyLog(text: string): KeyLog {
  const log = new Map<string, Buffer>()
  for (const line of text.split('\n')) {
    const [label, random, secret] = line.trim().split(' ')
    if (label !== undefined && random !== undefined && secret !== undefined) {
      log.set(`${label} ${random}`, Buffer.from(secret, 'hex'))
    }
  }
  return log
}

/** What one record carried, and where that record ends in the recorded bytes. */
export type Carried = { readonly data: Buffer; readonly recordEnd: number }

/** The application data of both directions; undefined where the bytes are no TLS 1.3 that the log explains. */
export function readTls(
  recording: Pick<Recording, 'forward' | 'backward'>,
  log: KeyLog,
): { forward: Buffer; backward: Buffer } | undefined {
  const read = readTlsRecords(recording, log)
  const whole = (parts: readonly Carried[]): Buffer => Buffer.concat(parts.map(({ data }) => data))
  return read && { forward: whole(read.forward), backward: whole(read.backward) }
}

/** The same, record for record. */
export function readTlsRecords(
  { forward, backward }: Pick<Recording, 'forward' | 'backward'>,
  log: KeyLog,
): { forward: Carried[]; backward: Carried[] } | undefined {
  const hello = handshakeOf(forward, clientHello)
  const answer = handshakeOf(backward, serverHello)
  if (hello === undefined || answer === undefined) return undefined
  const random = hello.subarray(6, 38).toString('hex')
  // version, random, session id with its length, then the suite
  const suite = suites.get(answer.readUInt16BE(39 + answer.readUInt8(38)))
  if (suite === undefined) return undefined
  const read = (side: 'CLIENT' | 'SERVER', bytes: Buffer): Carried[] | undefined => {
    const handshake = log.get(`${side}_HANDSHAKE_TRAFFIC_SECRET ${random}`)
    const traffic = log.get(`${side}_TRAFFIC_SECRET_0 ${random}`)
    return handshake && traffic && opened(bytes, suite, handshake, traffic)
  }
  const [there, back] = [read('CLIENT', forward), read('SERVER', backward)]
  return there && back && { forward: there, backward: back }
}

/** Whether a TLS client got as far as a first encrypted record; one that was let go before has said nothing but hello. */
export function speaks(forward: Buffer): boolean {
  return [...records(forward)].some(({ type }) => type === content.applicationData)
}

type Suite = {
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'
  readonly key: number
  readonly hash: string
}

// RFC 8446 §B.4
const suites: ReadonlyMap<number, Suite> = new Map<number, Suite>([
  [0x1301, { cipher: 'aes-128-gcm', key: 16, hash: 'sha256' }],
  [0x1302, { cipher: 'aes-256-gcm', key: 32, hash: 'sha384' }],
  [0x1303, { cipher: 'chacha20-poly1305', key: 32, hash: 'sha256' }],
])
const clientHello = 1
const serverHello = 2
const finished = 20
const content = { handshake: 22, applicationData: 23 } as const

type RecordOf = { readonly type: number; readonly header: Buffer; readonly body: Buffer; readonly end: number }

function* records(bytes: Buffer): Generator<RecordOf> {
  let at = 0
  while (at + 5 <= bytes.length) {
    const end = at + 5 + bytes.readUInt16BE(at + 3)
    if (end > bytes.length) return
    yield { type: bytes.readUInt8(at), header: bytes.subarray(at, at + 5), body: bytes.subarray(at + 5, end), end }
    at = end
  }
}

/** The last plain handshake message of that type: after a HelloRetryRequest the second one counts. */
function handshakeOf(bytes: Buffer, type: number): Buffer | undefined {
  let found: Buffer | undefined
  for (const record of records(bytes)) {
    if (record.type === content.applicationData) break
    if (record.type === content.handshake && record.body[0] === type && record.body.length >= 40) found = record.body
  }
  return found
}

function opened(bytes: Buffer, suite: Suite, handshake: Buffer, traffic: Buffer): Carried[] | undefined {
  const out: Carried[] = []
  let keys = new RecordKeys(suite, handshake)
  let pending = Buffer.alloc(0)
  let shaking = true
  for (const record of records(bytes)) {
    if (record.type !== content.applicationData) continue
    const inner = keys.open(record)
    if (inner === undefined) return undefined
    if (inner.type === content.applicationData) out.push({ data: inner.data, recordEnd: record.end })
    if (!shaking || inner.type !== content.handshake) continue
    pending = Buffer.concat([pending, inner.data])
    if (!endsHandshake(pending)) continue
    shaking = false
    keys = new RecordKeys(suite, traffic)
  }
  return out
}

/** Whether the handshake messages so far include Finished, after which this direction changes its keys. */
function endsHandshake(messages: Buffer): boolean {
  let at = 0
  while (at + 4 <= messages.length) {
    const end = at + 4 + messages.readUIntBE(at + 1, 3)
    if (messages[at] === finished && end <= messages.length) return true
    at = end
  }
  return false
}

class RecordKeys {
  readonly #suite: Suite
  readonly #key: Buffer
  readonly #iv: Buffer
  #sequence = 0n

  constructor(suite: Suite, secret: Buffer) {
    this.#suite = suite
    this.#key = expandLabel(suite.hash, secret, 'key', suite.key)
    this.#iv = expandLabel(suite.hash, secret, 'iv', 12)
  }

  open({ header, body }: Pick<RecordOf, 'header' | 'body'>): { type: number; data: Buffer } | undefined {
    const nonce = Buffer.from(this.#iv)
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.#sequence++, 4)
    // The three ciphers share one shape; the types know only pairs of names.
    const decipher = createDecipheriv(this.#suite.cipher as 'aes-128-gcm', this.#key, nonce, { authTagLength: 16 })
    decipher.setAAD(header).setAuthTag(body.subarray(-16))
    try {
      return unpadded(Buffer.concat([decipher.update(body.subarray(0, -16)), decipher.final()]))
    } catch {
      return undefined
    }
  }
}

/** TLSInnerPlaintext: content, its type, zeros. RFC 8446 §5.2. */
function unpadded(inner: Buffer): { type: number; data: Buffer } | undefined {
  const last = inner.findLastIndex((octet) => octet !== 0)
  return last < 0 ? undefined : { type: inner.readUInt8(last), data: inner.subarray(0, last) }
}

/** HKDF-Expand-Label with an empty context, for outputs of at most one hash. RFC 8446 §7.1. */
function expandLabel(hash: string, secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`)
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0])])
  return createHmac(hash, secret)
    .update(info)
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, length)
}
