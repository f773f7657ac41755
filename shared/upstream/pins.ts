/**
 * Pins: the public keys that the other operator may show on this hop, each until its own end, if it has one. trust.md 1,
 * row "mTLS pins"; RFC 7469 §2.4 for what is hashed. Two pins at a time are how a key is replaced without a gap.
 */
import type { TLSSocket } from 'node:tls'
import { Refusal } from '../refusal.ts'
import { pinOf } from './certificate.ts'

export type Pin = {
  /** SHA-256 over SubjectPublicKeyInfo, lower-case hex */
  readonly sha256: string
  /** milliseconds since 1970; from then on it is as if it were not there. Infinity: until it is taken out of the file */
  readonly notAfter: number
}

const form = /^([0-9a-f]{64})(?:\s+(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ))?$/

/**
 * Reads a file of pins: a line `HEX` or `HEX YYYY-MM-DDThh:mm:ssZ` for each, `#` begins a comment. `source` names it in
 * messages. Refuses `bad-encoding` what is not that, and `insecure-configuration` a file without a living pin.
 */
export function readPins(text: string, source: string, now: number): readonly Pin[] {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*$/, '').trim())
  const pins = lines.flatMap((line, at) => (line === '' ? [] : [readPin(line, `${source} line ${at + 1}`)]))
  if (pins.some(({ notAfter }) => now < notAfter)) return pins
  throw new Refusal('insecure-configuration', `${source}: no pin that has not ended; nobody could connect`)
}

function readPin(line: string, where: string): Pin {
  const [, sha256, end] = form.exec(line) ?? []
  const notAfter = end === undefined ? Infinity : Date.parse(end)
  if (sha256 !== undefined && !Number.isNaN(notAfter)) return { sha256, notAfter }
  const demand = '64 lower-case hex digits, and an end such as 2026-12-31T00:00:00Z or none'
  throw new Refusal('bad-encoding', `${where}: not ${demand}`)
}

/** The pin that this peer's key has now, if it has one. The handshake must be over: it proves that the peer holds the key. */
export function pinnedBy(socket: TLSSocket, pins: readonly Pin[], now: number): Pin | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const sha256 = pinOf(certificate.publicKey)
  return pins.find((pin) => pin.sha256 === sha256 && now < pin.notAfter)
}
