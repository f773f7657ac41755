/**
 * Simulated evidence: reports signed by a platform key that a root endorsed, as hardware vendors do it, but from
 * software keys of one run. It proves nothing about a machine; it lets every check be exercised. trust.md 7.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, equal, fromUtf8, hex, Reader, uint16, uint64, utf8, type Bytes } from '../bytes.ts'
import { Refusal, refuseAs } from '../refusal.ts'
import { ed25519FromSeed, ed25519Lengths } from '../tlog/ed25519.ts'
import type { Evidence } from './evidence.ts'
import { isRole, reportDataLength } from './report-data.ts'

export const measurementLength = 48

/** Times are milliseconds since 1970 here, whole seconds on the wire. `signed` is what `signature` covers. */
export type SimulatedReport = {
  readonly measurement: Bytes
  readonly reportData: Bytes
  readonly notAfter: number
  readonly role: string
  readonly signed: Bytes
  readonly signature: Bytes
}

export type SimulatedEndorsement = {
  readonly rootKey: Bytes
  readonly platformKey: Bytes
  readonly notAfter: number
  readonly signed: Bytes
  readonly signature: Bytes
}

export type SimulatedRoot = {
  /** lower-case hex, for AllowSimulated */
  readonly rootSha256: string
  /** the endorsement of the platform that lives by `platformSeed` */
  endorse(platform: { readonly platformSeed: Uint8Array; readonly notAfter: number }): Promise<Bytes>
}

/** Everything that one simulated machine is given: a seed of 32 bytes, the root's endorsement, what it runs and as what. */
export type SimulatedPlatformOptions = {
  readonly platformSeed: Uint8Array
  readonly endorsement: Uint8Array
  readonly measurement: Uint8Array
  readonly role: string
}

export type SimulatedPlatform = {
  evidence(claim: { readonly reportData: Uint8Array; readonly notAfter: number }): Promise<Evidence>
}

const reportLabel = utf8('asunder simulated report v1\0')
const endorsementLabel = utf8('asunder simulated endorsement v1\0')

export async function createSimulatedRoot(seed: Uint8Array): Promise<SimulatedRoot> {
  const root = await ed25519FromSeed(seed)
  return {
    rootSha256: simulatedRootSha256(root.publicKey),
    async endorse({ platformSeed, notAfter }) {
      const { publicKey } = await ed25519FromSeed(platformSeed)
      const signed = concat(endorsementLabel, root.publicKey, publicKey, seconds(notAfter))
      return concat(signed, await root.sign(signed))
    },
  }
}

export async function createSimulatedPlatform(options: SimulatedPlatformOptions): Promise<SimulatedPlatform> {
  const { platformSeed, endorsement, measurement, role } = options
  if (measurement.length !== measurementLength) throw new TypeError('a measurement has 48 bytes')
  if (!isRole(role)) throw new TypeError('not a role')
  const platform = await ed25519FromSeed(platformSeed)
  return {
    async evidence({ reportData, notAfter }) {
      if (reportData.length !== reportDataLength) throw new TypeError('report_data has 64 bytes')
      const name = utf8(role)
      const signed = concat(reportLabel, measurement, reportData, seconds(notAfter), uint16(name.length), name)
      const report = concat(signed, await platform.sign(signed))
      return { kind: 'simulated', report, endorsements: [concat(endorsement)], collateral: null }
    },
  }
}

export function simulatedRootSha256(rootKey: Uint8Array): string {
  return hex(sha256(rootKey))
}

export function readSimulatedReport(bytes: Uint8Array): SimulatedReport {
  return layout(bytes, reportLabel, (from) => ({
    measurement: from.take(measurementLength),
    reportData: from.take(reportDataLength),
    notAfter: time(from.uint64()),
    role: readRole(from),
  }))
}

export function readSimulatedEndorsement(bytes: Uint8Array): SimulatedEndorsement {
  return layout(bytes, endorsementLabel, (from) => ({
    rootKey: from.take(ed25519Lengths.publicKey),
    platformKey: from.take(ed25519Lengths.publicKey),
    notAfter: time(from.uint64()),
  }))
}

/** Label, the body in wire order, and a signature over all of that; not one byte more. */
function layout<T>(bytes: Uint8Array, label: Uint8Array, body: (from: Reader) => T) {
  return refuseAs('bad-evidence', () => {
    const from = new Reader(bytes)
    if (!equal(from.take(label.length), label)) throw new Refusal('bad-evidence', 'not the label of this layout')
    const fields = body(from)
    const signed = concat(bytes.subarray(0, from.position))
    const signature = from.take(ed25519Lengths.signature)
    from.end()
    return { ...fields, signed, signature }
  })
}

function readRole(from: Reader): string {
  const role = fromUtf8(from.take(from.uint16()))
  if (!isRole(role)) throw new Refusal('bad-evidence', 'not a role')
  return role
}

function time(value: bigint): number {
  const ms = Number(value) * 1000
  if (!Number.isSafeInteger(ms)) throw new Refusal('bad-evidence', 'a time beyond all clocks')
  return ms
}

function seconds(ms: number): Bytes {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new TypeError('not a time')
  return uint64(Math.floor(ms / 1000))
}
