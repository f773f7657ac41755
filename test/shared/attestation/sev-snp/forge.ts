/** A whole machine: a forged chip with its certificates, revocation list and report, and who asks about it. */
import type { KeyObject } from 'node:crypto'
import type { Evidence } from '../../../../shared/attestation/evidence.ts'
import type { EvidencePolicy } from '../../../../shared/attestation/policy.ts'
import { strictCrl, strictSnp, type CrlPolicy, type SnpPolicy } from '../../../../shared/attestation/sev-snp/policy.ts'
import type { LeafKind, Product } from '../../../../shared/attestation/sev-snp/products.ts'
import type { Question, Trust } from '../../../../shared/attestation/verdict.ts'
import { hex, latin1, type Bytes } from '../../../../shared/bytes.ts'
import { now } from '../makers.ts'
import { algorithms, keys, nameOf } from './forge-certificate.ts'
import * as x509 from '../x509/forge.ts'
import { forgeReport, type ReportFields } from './forge-report.ts'
import { bytes, digestOf } from '../values.ts'

const { day, extension, small } = x509

export const arc = '1.3.6.1.4.1.3704.1'

export const measurement = bytes(48, 0xaa)
export const reportData = bytes(64, 0xbb)
export const hwid = (product: Product): Bytes => bytes(product === 'Turin' ? 8 : 64, 0xcc)

/** TCB bytes as reports of that product have them; `bl` 9, `tee` 1, `snp` 23, `ucode` 72. */
export const tcb: Readonly<Record<Product, Bytes>> = {
  Milan: Uint8Array.of(9, 1, 0, 0, 0, 0, 23, 72),
  Genoa: Uint8Array.of(9, 1, 0, 0, 0, 0, 23, 72),
  Turin: Uint8Array.of(2, 9, 1, 23, 0, 0, 0, 72),
}
const cpu: Readonly<Record<Product, Bytes>> = {
  Milan: Uint8Array.of(0x19, 0x01, 1),
  Genoa: Uint8Array.of(0x19, 0x11, 1),
  Turin: Uint8Array.of(0x1a, 0x02, 1),
}

/** What a case changes about a machine that everybody would accept. */
export type Changes = {
  readonly product?: Product
  readonly kind?: LeafKind
  readonly report?: ReportFields
  readonly reportKey?: KeyObject
  /** the finished bytes */
  readonly mangle?: (report: Bytes) => Bytes
  readonly leaf?: Partial<x509.CertificateParts>
  readonly leafSigner?: KeyObject
  /** AMD extensions by the number behind the arc; null leaves one out */
  readonly claims?: Readonly<Record<string, Bytes | null>>
  readonly moreExtensions?: readonly Bytes[]
  readonly ask?: Partial<x509.CertificateParts>
  readonly askSigner?: KeyObject
  readonly ark?: Partial<x509.CertificateParts>
  readonly crl?: Partial<x509.CrlParts>
  readonly crlSigner?: KeyObject
  /** the finished list: leaf, ASK, ARK, CRL */
  readonly endorse?: (given: readonly Bytes[]) => readonly Bytes[]
  readonly evidence?: Partial<Evidence>
  readonly snp?: Partial<SnpPolicy>
  readonly collateral?: Partial<CrlPolicy>
  readonly policy?: Partial<EvidencePolicy>
  readonly trust?: Partial<Trust>
  readonly now?: number
  readonly seen?: Question['seen']
  readonly expected?: Bytes
}

export function ask(changes: Changes = {}): Question {
  const { product = 'Genoa' } = changes
  const chain = chainOf(changes)
  const report = forgeReport({ ...goodReport(changes), ...changes.report }, changes.reportKey ?? keys.leaf)
  return {
    evidence: {
      kind: 'sev-snp',
      report: changes.mangle?.(report) ?? report,
      endorsements: changes.endorse?.(chain) ?? chain,
      collateral: null,
      ...changes.evidence,
    },
    expected: { reportData: changes.expected ?? reportData },
    policy: {
      role: 'orchestrator-cvm',
      snp: { ...goodPolicy(product), ...changes.snp },
      collateral: { ...strictCrl, ...changes.collateral },
      ...changes.policy,
    },
    trust: { use: 'production', vendorRoots: [digestOf(chain[2])], ...changes.trust },
    now: changes.now ?? now,
    seen: changes.seen,
  }
}

/** Strict, with floors exactly at what the forged machine has. */
export function goodPolicy(product: Product): SnpPolicy {
  const floor = { bl: 9, tee: 1, snp: 23, ucode: 72, ...(product === 'Turin' ? { fmc: 2 } : {}) }
  return {
    ...strictSnp,
    products: [product],
    minTcb: { [product]: floor },
    minFw: { [product]: { major: 1, minor: 55, build: 49 } },
    requireMit: { [product]: 0x0bn },
    chips: { mode: 'allowlist', sha256: [digestOf(hwid(product))] },
    measurements: [{ digest: hex(measurement), minGuestSvn: 4, notAfter: now + 30 * day }],
  }
}

function goodReport({ product = 'Genoa', kind = 'VCEK' }: Changes): ReportFields {
  return {
    version: 5,
    guestSvn: 4,
    policy: 0x2_0000,
    signatureAlgorithm: 1,
    flags: kind === 'VCEK' ? 0 : 1 << 2,
    // The alias check ran; bit 6 is what real Turin machines set.
    platform: 0x60,
    reportData,
    measurement,
    reportIdMa: bytes(32, 0xff),
    reportId: bytes(32, 0x11),
    cpu: cpu[product],
    chipId: kind === 'VCEK' ? hwid(product) : bytes(64, 0),
    currentTcb: tcb[product],
    reportedTcb: tcb[product],
    committedTcb: tcb[product],
    launchTcb: tcb[product],
    current: Uint8Array.of(49, 55, 1),
    committed: Uint8Array.of(49, 55, 1),
    launchMitigations: 0x0b,
    currentMitigations: 0x0b,
  }
}

type Four = readonly [leaf: Bytes, ask: Bytes, ark: Bytes, crl: Bytes]

const untouched = new Map<string, Four>()
const touching = [
  'leaf',
  'leafSigner',
  'claims',
  'moreExtensions',
  'ask',
  'askSigner',
  'ark',
  'crl',
  'crlSigner',
] as const

/** RSA-4096 signs slowly, so a chain that nobody changes is made once. */
function chainOf(changes: Changes): Four {
  if (touching.some((name) => changes[name] !== undefined)) return makeChain(changes)
  const name = `${changes.product ?? 'Genoa'} ${changes.kind ?? 'VCEK'}`
  const made = untouched.get(name) ?? makeChain(changes)
  untouched.set(name, made)
  return made
}

function makeChain(changes: Changes): Four {
  const { product = 'Genoa', kind = 'VCEK' } = changes
  const times = { notBefore: now - 30 * day, notAfter: now + 365 * day }
  const root = nameOf(`ARK-${product}`)
  const issuer = nameOf(kind === 'VCEK' ? `SEV-${product}` : `SEV-VLEK-${product}`)
  const arkParts = {
    ...{ serial: Uint8Array.of(2, 0, 0), issuer: root, subject: root, ...times, key: keys.ark },
    ...{ algorithm: algorithms.pssWithTrailer, extensions: [x509.usage(0x06), x509.constraints()] },
    ...changes.ark,
  }
  const askParts = {
    ...{ serial: Uint8Array.of(2, 0, 2), issuer: root, subject: issuer, ...times, key: keys.ask },
    ...{ algorithm: algorithms.pssWithTrailer, extensions: [x509.constraints(0), x509.usage(0x04)] },
    ...changes.ask,
  }
  const leafParts = {
    ...{ serial: Uint8Array.of(0), issuer, subject: nameOf(`SEV-${kind}`), ...times, key: keys.leaf },
    ...{ algorithm: algorithms.pss, extensions: leafExtensions(changes) },
    ...changes.leaf,
  }
  const crlParts = {
    ...{ issuer: root, thisUpdate: now - 10 * day, nextUpdate: now + 20 * day, number: 4 },
    ...{ revoked: [Uint8Array.of(2, 0, 1)], algorithm: algorithms.pss },
    ...changes.crl,
  }
  return [
    x509.certificate(leafParts, changes.leafSigner ?? keys.ask),
    x509.certificate(askParts, changes.askSigner ?? keys.ark),
    x509.certificate(arkParts, keys.ark),
    x509.crl(crlParts, changes.crlSigner ?? keys.ark),
  ]
}

function leafExtensions({ product = 'Genoa', kind = 'VCEK', claims = {}, moreExtensions = [] }: Changes): Bytes[] {
  const own = product === 'Turin' ? { '3.9': small(2) } : { '3.4': small(0) }
  const owner = kind === 'VCEK' ? { '4': hwid(product) } : { '5': ia5('CN=cc-us-east-2.amazonaws.com') }
  const good = {
    ...{ '1': small(product === 'Turin' ? 1 : 0), '2': ia5(product) },
    ...{ '3.1': small(9), '3.2': small(1), '3.3': small(23), '3.5': small(0), '3.6': small(0), '3.7': small(0) },
    ...{ '3.8': small(72), ...own, ...owner },
  }
  const all: Readonly<Record<string, Bytes | null>> = { ...good, ...claims }
  const entries = Object.entries(all).flatMap(([id, value]) => (value ? [extension(`${arc}.${id}`, value)] : []))
  return [...entries, ...moreExtensions]
}

export function ia5(text: string): Bytes {
  return Uint8Array.of(0x16, text.length, ...latin1(text))
}

/** Who signs what is not theirs to sign. */
export const stranger = keys.ask
