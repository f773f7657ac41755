/**
 * TDX quotes, versions 4 and 5: integers little-endian, and every length told again by what it holds. attestation.md a.4;
 * Intel, TDX DCAP Quoting Library API, appendix A. Reading takes every field where it lies and judges none, except that
 * all must fit exactly and that version and algorithm are of those whose layout this is.
 */
import type { Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import { LittleEndian } from '../little-endian.ts'
import { readQeReport, qeReportLength, type QeReport } from './qe-report.ts'

/** Measurements and ids as they lie; SVNs, attributes and features of their own length. */
export type QuoteBody = {
  readonly teeTcbSvn: Bytes
  readonly mrSeam: Bytes
  readonly mrSignerSeam: Bytes
  readonly seamAttributes: Bytes
  readonly tdAttributes: bigint
  readonly xfam: bigint
  readonly mrTd: Bytes
  readonly mrConfigId: Bytes
  readonly mrOwner: Bytes
  readonly mrOwnerConfig: Bytes
  readonly rtmr: readonly [Bytes, Bytes, Bytes, Bytes]
  readonly reportData: Bytes
  /** TDX 1.5: the module as it runs now; the first is that of the TD's birth */
  readonly teeTcbSvn2: Bytes | undefined
  /** TDX 1.5: the service TDs, such as a migration agent, that are bound to this one */
  readonly mrServiceTd: Bytes | undefined
}

export type Quote = QuoteBody & {
  readonly version: number
  readonly vendorId: Bytes
  /** what the attestation key signed */
  readonly signed: Bytes
  /** r ‖ s, big-endian */
  readonly signature: Bytes
  /** x ‖ y of the P-256 key that the quoting enclave made */
  readonly attestationKey: Bytes
  readonly qe: QeReport
  /** 5 is a chain of PCK certificates as PEM */
  readonly certification: { readonly type: number; readonly data: Bytes }
  /** what follows in the platform's fixed buffer: covered by nothing */
  readonly tail: Bytes
}

const teeTdx = 0x81
const ecdsaP256 = 2
const qeCertification = 6
/** Version 5 names its body. Version 4 has the first of them and does not say so. */
const bodies: Readonly<Record<number, { readonly length: number } | undefined>> = {
  2: { length: 584 },
  3: { length: 648 },
}
const tdx10 = 2
const tdx15 = 3

export function readQuote(bytes: Uint8Array): Quote {
  const from = new LittleEndian(bytes)
  const version = laidOut(() => from.uint16())
  if (version !== 4 && version !== 5) throw new Refusal('report-version-refused', `a quote of version ${version}`)
  const algorithm = laidOut(() => from.uint16())
  if (algorithm !== ecdsaP256) throw new Refusal('report-algorithm-refused', `attestation key of type ${algorithm}`)
  return laidOut(() => {
    const head = readHeader(from)
    const body = readBody(from, version === 4 ? tdx10 : readBodyType(from))
    const signed = bytes.slice(0, from.position)
    const signature = readSignature(new LittleEndian(from.take(from.uint32())))
    return { version, ...head, ...body, signed, ...signature, tail: from.rest() }
  })
}

function readHeader(from: LittleEndian) {
  if (from.uint32() !== teeTdx) throw unfit('not a quote of a TD')
  return {
    // SVNs of PCE and QE in some quotes of version 4, reserved in others; signed, and read by nobody.
    ...from.skip(4),
    vendorId: from.take(16),
    // Of the quoting enclave's own use.
    ...from.skip(20),
  }
}

function readBodyType(from: LittleEndian): number {
  const type = from.uint16()
  const length = from.uint32()
  if (bodies[type]?.length !== length) throw unfit(`a body of type ${type} and ${length} bytes`)
  return type
}

function readBody(from: LittleEndian, type: number): QuoteBody {
  return {
    teeTcbSvn: from.take(16),
    mrSeam: from.take(48),
    mrSignerSeam: from.take(48),
    seamAttributes: from.take(8),
    tdAttributes: from.uint64(),
    xfam: from.uint64(),
    mrTd: from.take(48),
    mrConfigId: from.take(48),
    mrOwner: from.take(48),
    mrOwnerConfig: from.take(48),
    rtmr: [from.take(48), from.take(48), from.take(48), from.take(48)],
    reportData: from.take(64),
    teeTcbSvn2: type === tdx15 ? from.take(16) : undefined,
    mrServiceTd: type === tdx15 ? from.take(48) : undefined,
  }
}

function readSignature(from: LittleEndian) {
  const signature = from.take(64)
  const attestationKey = from.take(64)
  const type = from.uint16()
  if (type !== qeCertification) throw unfit(`certification data of type ${type}`)
  const certified = readCertification(new LittleEndian(from.take(from.uint32())))
  from.end()
  return { signature, attestationKey, ...certified }
}

function readCertification(from: LittleEndian) {
  const report = from.take(qeReportLength)
  const signature = from.take(64)
  const authentication = from.take(from.uint16())
  const type = from.uint16()
  const data = from.take(from.uint32())
  from.end()
  return { qe: { ...readQeReport(report), signature, authentication }, certification: { type, data } }
}

function laidOut<T>(read: () => T): T {
  return refuseAs('bad-evidence', read)
}

function unfit(what: string): Refusal {
  return new Refusal('bad-evidence', what)
}
