/** A whole machine: a forged platform with its certificates, ratings and quote, and who asks about it. */
import type { KeyObject } from 'node:crypto'
import type { Evidence } from '../../../../shared/attestation/evidence.ts'
import type { EvidencePolicy } from '../../../../shared/attestation/policy.ts'
import { strictCrl, type CrlPolicy } from '../../../../shared/attestation/sev-snp/policy.ts'
import { strictTdx, type TdxPolicy } from '../../../../shared/attestation/tdx/policy.ts'
import type { Question, Trust } from '../../../../shared/attestation/verdict.ts'
import { base64, hex, utf8, type Bytes } from '../../../../shared/bytes.ts'
import { now } from '../makers.ts'
import { bytes, digestOf } from '../values.ts'
import * as x509 from '../x509/forge.ts'
import { forgeQuote, nothing, p1363, type BodyFields, type EnclaveFields, type QuoteParts } from './forge-quote.ts'
import { enclaveSigner, qeIdentity, tcbInfo, type Json } from './forge-ratings.ts'
import { algorithms, furniture, keys, nameOf, noCa, pckExtension, ppid, type PckChanges } from './forge-vendor.ts'

const { day, usage, constraints } = x509

export const mrTd = bytes(48, 0xaa)
export const rtmrs = [1, 2, 3, 4].map((value) => bytes(48, value)) as [Bytes, Bytes, Bytes, Bytes]
export const reportData = bytes(64, 0xbb)
export const rtmrText = rtmrs.map(hex) as [string, string, string, string]
const vendorId = Uint8Array.fromHex('939a7233f79c4ca9940a0db3957f0607')

/** What a case changes about a machine that everybody would accept. */
export type Changes = {
  readonly quote?: Partial<Omit<QuoteParts, 'body' | 'enclave' | 'keys'>>
  readonly body?: BodyFields
  readonly enclave?: EnclaveFields
  readonly keys?: Partial<QuoteParts['keys']>
  /** the PEM in the quote, and the finished bytes */
  readonly pem?: (chain: string) => string
  readonly mangle?: (quote: Bytes) => Bytes
  readonly leaf?: Partial<x509.CertificateParts>
  readonly leafSigner?: KeyObject
  readonly pck?: PckChanges
  readonly morePck?: readonly Bytes[]
  readonly ca?: Partial<x509.CertificateParts>
  readonly caSigner?: KeyObject
  readonly root?: Partial<x509.CertificateParts>
  readonly signer?: Partial<x509.CertificateParts>
  readonly signerSigner?: KeyObject
  readonly tcbInfo?: Json
  readonly qeIdentity?: Json
  /** who signs the ratings */
  readonly ratingKey?: KeyObject
  readonly pckCrl?: Partial<x509.CrlParts>
  readonly pckCrlSigner?: KeyObject
  readonly rootCrl?: Partial<x509.CrlParts>
  readonly rootCrlSigner?: KeyObject
  /** the fields of the collateral, and its finished text */
  readonly collateral?: (fields: Readonly<Record<string, string>>) => unknown
  readonly blob?: (text: string) => Bytes
  readonly evidence?: Partial<Evidence>
  readonly tdx?: Partial<TdxPolicy>
  readonly age?: Partial<CrlPolicy>
  readonly policy?: Partial<EvidencePolicy>
  readonly trust?: Partial<Trust>
  readonly now?: number
  readonly seen?: Question['seen']
  readonly expected?: Bytes
}

export function ask(changes: Changes = {}): Question {
  const chain = makeChain(changes)
  const quote = forgeQuote(quoteParts(changes, pemOf(...chain)))
  const collateral = JSON.stringify(changes.collateral?.(collateralOf(changes, chain)) ?? collateralOf(changes, chain))
  return {
    evidence: {
      kind: 'tdx',
      report: changes.mangle?.(quote) ?? quote,
      endorsements: [],
      collateral: changes.blob?.(collateral) ?? utf8(collateral),
      ...changes.evidence,
    },
    expected: { reportData: changes.expected ?? reportData },
    policy: {
      role: 'orchestrator-cvm',
      tdx: { ...goodPolicy, ...changes.tdx },
      collateral: { ...strictCrl, ...changes.age },
      ...changes.policy,
    },
    trust: { use: 'production', vendorRoots: [digestOf(chain[2])], ...changes.trust },
    now: changes.now ?? now,
    seen: changes.seen,
  }
}

/** Strict, with a floor exactly at what the forged ratings have. */
export const goodPolicy: TdxPolicy = {
  ...strictTdx,
  minTcbEval: 18,
  mrtd: [{ digest: hex(mrTd), notAfter: now + 30 * day }],
  rtmr: [rtmrText],
  chips: { mode: 'allowlist', sha256: [digestOf(ppid)] },
}

function quoteParts(changes: Changes, chain: string): QuoteParts {
  const [rtmr0, rtmr1, rtmr2, rtmr3] = rtmrs
  const header = { version: 5, keyType: 2, teeType: 0x81, vendorId, userData: bytes(20, 7), ...changes.quote?.header }
  return {
    ...{ bodyType: 3, authentication: bytes(32, 8), lies: {}, certificationType: 6, chainType: 5, more: {} },
    tail: nothing,
    chain: changes.pem?.(chain) ?? `${chain}\0`,
    ...changes.quote,
    header,
    body: {
      ...{ teeTcbSvn: svn(6, 1, 3), teeTcbSvn2: svn(7, 1, 3), mrSeam: bytes(48, 9), mrTd, reportData },
      ...{ tdAttributes: 1n << 28n, xfam: 0x602e7, rtmr0, rtmr1, rtmr2, rtmr3 },
      ...changes.body,
    },
    enclave: {
      ...{ attributes: svn(0x15, 0, 0, 0, 0, 0, 0, 0, 0xe7), mrEnclave: bytes(32, 6), mrSigner: enclaveSigner },
      ...{ isvProdId: 2, isvSvn: 4 },
      ...changes.enclave,
    },
    keys: { attestation: keys.attestation, signer: keys.attestation, pck: keys.pck, ...changes.keys },
  }
}

/** Sixteen octets that begin with these. */
export function svn(...first: readonly number[]): Bytes {
  return Uint8Array.from({ length: 16 }, (_, index) => first[index] ?? 0)
}

type Chain = readonly [leaf: Bytes, ca: Bytes, root: Bytes]
const times = { notBefore: now - 100 * day, notAfter: now + 1000 * day, algorithm: algorithms.ecdsa }
const [rootName, caName] = [nameOf('Intel SGX Root CA'), nameOf('Intel SGX PCK Platform CA')]
const ending = [usage(0xc0, 6), noCa]

function makeChain(changes: Changes): Chain {
  const leaf = {
    ...{ serial: Uint8Array.of(7), issuer: caName, subject: nameOf('Intel SGX PCK Certificate'), key: keys.pck },
    ...{ ...times, extensions: [...furniture, ...ending, pckExtension(changes.pck ?? {}, changes.morePck)] },
    ...changes.leaf,
  }
  const ca = {
    ...{ serial: Uint8Array.of(2), issuer: rootName, subject: caName, key: keys.ca },
    ...{ ...times, extensions: [...furniture, usage(0x06), constraints(0)] },
    ...changes.ca,
  }
  const root = {
    ...{ serial: Uint8Array.of(1), issuer: rootName, subject: rootName, key: keys.root },
    ...{ ...times, extensions: [...furniture, usage(0x06), constraints(1)] },
    ...changes.root,
  }
  return [
    x509.certificate(leaf, changes.leafSigner ?? keys.ca),
    x509.certificate(ca, changes.caSigner ?? keys.root),
    x509.certificate(root, keys.root),
  ]
}

function collateralOf(changes: Changes, [, ca, root]: Chain): Readonly<Record<string, string>> {
  const signer = {
    ...{ serial: Uint8Array.of(3), issuer: rootName, subject: nameOf('Intel SGX TCB Signing'), key: keys.tcb },
    ...{ ...times, extensions: [...furniture, ...ending] },
    ...changes.signer,
  }
  const signers = pemOf(x509.certificate(signer, changes.signerSigner ?? keys.root), root)
  const [info, identity] = [JSON.stringify(tcbInfo(changes.tcbInfo)), JSON.stringify(qeIdentity(changes.qeIdentity))]
  const signature = (text: string) => hex(p1363(utf8(text), changes.ratingKey ?? keys.tcb))
  return {
    ...{ tcb_info: info, tcb_info_signature: signature(info), tcb_info_issuer_chain: signers },
    ...{ qe_identity: identity, qe_identity_signature: signature(identity), qe_identity_issuer_chain: signers },
    ...{ pck_crl: hex(pckCrl(changes)), pck_crl_issuer_chain: pemOf(ca, root), root_ca_crl: hex(rootCrl(changes)) },
  }
}

const listed = { thisUpdate: now - 10 * day, nextUpdate: now + 20 * day, number: 1, algorithm: algorithms.ecdsa }
const reason = { entryExtensions: [x509.extension('2.5.29.21', Uint8Array.of(0x0a, 1, 1))] }

function pckCrl({ pckCrl: parts, pckCrlSigner = keys.ca }: Changes): Bytes {
  return x509.crl({ ...listed, ...reason, issuer: caName, revoked: [Uint8Array.of(8)], ...parts }, pckCrlSigner)
}

/** The root renews its list once a year. */
function rootCrl({ rootCrl: parts, rootCrlSigner = keys.root }: Changes): Bytes {
  const yearly = { thisUpdate: now - 100 * day, nextUpdate: now + 265 * day }
  return x509.crl({ ...listed, ...yearly, issuer: rootName, revoked: [], ...parts }, rootCrlSigner)
}

export function pemOf(...ders: readonly Bytes[]): string {
  const block = (der: Bytes) => {
    const lines = base64(der).match(/.{1,64}/g) ?? []
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
  }
  return ders.map(block).join('')
}

/** Who signs what is not theirs to sign. */
export const stranger = keys.stranger
