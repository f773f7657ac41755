/**
 * What a ClientHello tells without any key: the session id, and the choices that make a fingerprint (versions, suites,
 * extensions in order, groups, signature algorithms, protocols), as JA3 and JA4 take them. RFC 8446 §4.1.2, §4.2.
 */
import { createHash } from 'node:crypto'
import { Reader } from '../../../shared/bytes.ts'

export type Hello = {
  readonly sessionId: Buffer
  readonly fingerprint: string
  readonly resumes: boolean
  /** RFC 6066 §3 */
  readonly serverName: string | undefined
}

/** Values that say something beyond which extension it is: groups, signature algorithms, protocols, versions. */
const telling = new Set([10, 13, 16, 43])
const preSharedKey = 41

/** Undefined for octets that do not begin with a whole ClientHello. */
export function readHello(octets: Uint8Array): Hello | undefined {
  try {
    const record = new Reader(octets)
    if (record.uint8() !== 22) return undefined
    record.uint16()
    const hello = new Reader(record.take(record.uint16()))
    if (hello.uint8() !== 1) return undefined
    hello.take(3)
    const version = hello.uint16()
    hello.take(32)
    const sessionId = Buffer.from(hello.take(hello.uint8()))
    const suites = hello.take(hello.uint16())
    hello.take(hello.uint8())
    const extensions = readExtensions(new Reader(hello.take(hello.uint16())))
    // That a session is resumed is told apart, and says nothing about which client it is.
    const chosen = extensions.filter(({ type }) => type !== preSharedKey)
    const parts = chosen.map(({ type, value }) => `${type}${telling.has(type) ? `:${hexOf(value)}` : ''}`)
    const fingerprint = digestOf([String(version), hexOf(suites), ...parts].join('|'))
    const resumes = extensions.some(({ type }) => type === preSharedKey)
    return { sessionId, fingerprint, resumes, serverName: nameIn(extensions.find(({ type }) => type === 0)?.value) }
  } catch {
    return undefined
  }
}

function readExtensions(from: Reader): { type: number; value: Uint8Array }[] {
  const out: { type: number; value: Uint8Array }[] = []
  while (!from.done) out.push({ type: from.uint16(), value: from.take(from.uint16()) })
  return out
}

/** A list of one name: its length, its kind, the length of the name. */
function nameIn(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value.subarray(5)).toString('latin1')
}

function hexOf(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
