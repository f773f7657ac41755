/**
 * Pins: the public keys that the other operator may show on this hop, each until its own end. trust.md 1, row "mTLS
 * pins"; RFC 7469 §2.4 for what is hashed. Two pins at a time are how a key is replaced without a gap.
 */
import type { TLSSocket } from 'node:tls'
import { Refusal } from '../refusal.ts'
import { pinOf } from './certificate.ts'

export type Pin = {
  /** SHA-256 over SubjectPublicKeyInfo, lower-case hex */
  readonly sha256: string
  /** milliseconds since 1970; from then on it is as if it were not there */
  readonly notAfter: number
}

/** How far away the end of a pin may be, ms. A key that leaves its machine unseen is believed for no longer. */
export const longestPin = 90 * 86_400_000

const form = /^([0-9a-f]{64})\s+(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/

/**
 * Reads a file of pins: a line `HEX YYYY-MM-DDThh:mm:ssZ` for each, `#` begins a comment. Pins that ended are among what
 * comes back: see `lives`. Refuses `bad-encoding` what is not that, and `insecure-configuration` a file without a pin and
 * an end that is too far away.
 */
export function readPins(text: string, now: number): readonly Pin[] {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*$/, '').trim())
  const pins = lines.flatMap((line, at) => (line === '' ? [] : [readPin(line, `line ${at + 1}`, now)]))
  if (pins.length === 0) throw new Refusal('insecure-configuration', 'no pin is in it; nobody could connect')
  return pins
}

function readPin(line: string, where: string, now: number): Pin {
  const [, sha256, end = ''] = form.exec(line) ?? []
  const notAfter = Date.parse(end)
  const demand = '64 lower-case hex digits, and an end such as 2026-12-31T00:00:00Z'
  if (sha256 === undefined || Number.isNaN(notAfter)) throw new Refusal('bad-encoding', `${where} is not ${demand}`)
  if (notAfter - now <= longestPin) return { sha256, notAfter }
  throw new Refusal('insecure-configuration', `${where} ends more than 90 days from now`)
}

/** Whether one of them has not ended. */
export function lives(pins: readonly Pin[], now: number): boolean {
  return pins.some(({ notAfter }) => now < notAfter)
}

/** The pin that this peer's key has now, if it has one. The handshake must be over: it proves that the peer holds the key. */
export function pinnedBy(socket: TLSSocket, pins: readonly Pin[], now: number): Pin | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const sha256 = pinOf(certificate.publicKey)
  return pins.find((pin) => pin.sha256 === sha256 && now < pin.notAfter)
}
