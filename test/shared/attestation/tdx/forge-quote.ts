/** Forges quotes: attestation.md a.4 by offsets, written apart from the reader that it tests. */
import { createHash, sign, type KeyObject } from 'node:crypto'
import { concat, latin1, type Bytes } from '../../../../shared/bytes.ts'
import { spkiOf } from '../x509/forge.ts'

/** [offset, length] of each field, in the header, the body and the report of the quoting enclave. Numbers are little-endian. */
const header = {
  version: [0, 2],
  keyType: [2, 2],
  teeType: [4, 4],
  svns: [8, 4],
  vendorId: [12, 16],
  userData: [28, 20],
} as const
const body = {
  teeTcbSvn: [0, 16],
  mrSeam: [16, 48],
  mrSignerSeam: [64, 48],
  seamAttributes: [112, 8],
  tdAttributes: [120, 8],
  xfam: [128, 8],
  mrTd: [136, 48],
  mrConfigId: [184, 48],
  mrOwner: [232, 48],
  mrOwnerConfig: [280, 48],
  rtmr0: [328, 48],
  rtmr1: [376, 48],
  rtmr2: [424, 48],
  rtmr3: [472, 48],
  reportData: [520, 64],
  teeTcbSvn2: [584, 16],
  mrServiceTd: [600, 48],
} as const
const enclave = {
  cpuSvn: [0, 16],
  miscSelect: [16, 4],
  attributes: [48, 16],
  mrEnclave: [64, 32],
  mrSigner: [128, 32],
  isvProdId: [256, 2],
  isvSvn: [258, 2],
  reportData: [320, 64],
} as const

type Layout = Readonly<Record<string, readonly [number, number]>>
type Fields<L extends Layout> = { readonly [K in keyof L]?: Bytes | number | bigint }
export type HeaderFields = Fields<typeof header>
export type BodyFields = Fields<typeof body>
export type EnclaveFields = Fields<typeof enclave>

export type QuoteParts = {
  readonly header: HeaderFields
  /** version 5 names its body; `length` is what is said, not what is written */
  readonly bodyType: number
  readonly bodyLength?: number
  readonly body: BodyFields
  readonly enclave: EnclaveFields
  readonly authentication: Bytes
  /** PEM */
  readonly chain: string
  /** said more (or less) than there is */
  readonly lies: Partial<Record<'signature' | 'certification' | 'authentication' | 'chain', number>>
  readonly certificationType: number
  readonly chainType: number
  /** written at the end of a part, where nothing may be */
  readonly more: Partial<Record<'signature' | 'certification', Bytes>>
  readonly tail: Bytes
  readonly keys: { readonly attestation: KeyObject; readonly signer: KeyObject; readonly pck: KeyObject }
  /** written over what was signed */
  readonly signature?: Bytes
  readonly enclaveSignature?: Bytes
  readonly attestationKey?: Bytes
}

export function forgeQuote(parts: QuoteParts): Bytes {
  const signed = concat(write(48, header, parts.header), described(parts), writtenBody(parts))
  const signature = parts.signature ?? p1363(signed, parts.keys.signer)
  const key = parts.attestationKey ?? coordinates(parts.keys.attestation)
  const certification = certificationOf(parts, key)
  const { lies, more, certificationType, tail } = parts
  const inner = concat(
    ...[signature, key, little(certificationType, 2), little(certification.length + (lies.certification ?? 0), 4)],
    ...[certification, more.signature ?? nothing],
  )
  return concat(signed, little(inner.length + (lies.signature ?? 0), 4), inner, tail)
}

export const nothing = new Uint8Array(0)

function described({ header: { version }, bodyType, bodyLength = bodyType === 3 ? 648 : 584 }: QuoteParts): Bytes {
  return version === 4 ? nothing : concat(little(bodyType, 2), little(bodyLength, 4))
}

function writtenBody({ header: { version }, bodyType, body: fields }: QuoteParts): Bytes {
  return write(648, body, fields).slice(0, version === 4 || bodyType === 2 ? 584 : 648)
}

function certificationOf({ enclave: fields, authentication, chain, ...parts }: QuoteParts, key: Bytes): Bytes {
  const bound = Uint8Array.from(createHash('sha256').update(key).update(authentication).digest())
  const report = write(384, enclave, { reportData: bound, ...fields })
  const pem = latin1(chain)
  return concat(
    ...[report, parts.enclaveSignature ?? p1363(report, parts.keys.pck)],
    ...[little(authentication.length + (parts.lies.authentication ?? 0), 2), authentication],
    ...[little(parts.chainType, 2), little(pem.length + (parts.lies.chain ?? 0), 4), pem],
    parts.more.certification ?? nothing,
  )
}

export function p1363(message: Bytes, key: KeyObject): Bytes {
  return Uint8Array.from(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }))
}

/** x ‖ y: what an uncompressed point is after its first octet. */
export function coordinates(key: KeyObject): Bytes {
  return spkiOf(key).slice(-64)
}

function write<L extends Layout>(length: number, layout: L, fields: Fields<L>): Bytes {
  const bytes = new Uint8Array(length)
  for (const [name, value] of Object.entries(fields) as [keyof L, Bytes | number | bigint | undefined][]) {
    const [offset, size] = layout[name] ?? [0, 0]
    if (value !== undefined)
      bytes.set(typeof value === 'object' ? value.subarray(0, size) : little(value, size), offset)
  }
  return bytes
}

function little(value: number | bigint, length: number): Bytes {
  const word = BigInt.asUintN(8 * length, BigInt(value))
  return Uint8Array.from({ length }, (_, index) => Number((word >> BigInt(8 * index)) & 0xffn))
}
