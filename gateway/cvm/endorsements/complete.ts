/**
 * From a heap of certificates and revocation lists to what a judge wants beside a SEV-SNP report: leaf, issuer, root,
 * list. Found by what the report says of its chip and firmware, and by names; whether they are true the judge finds
 * out. attestation.md a.3, a.6.
 */
import { type Bytes, equal, hex } from '../../../shared/bytes.ts'
import { readLeafClaims } from '../../../shared/attestation/sev-snp/leaf.ts'
import { commonName } from '../../../shared/attestation/sev-snp/name.ts'
import { type LeafKind, names, productOfCpu, type ProductRow } from '../../../shared/attestation/sev-snp/products.ts'
import type { SnpReport } from '../../../shared/attestation/sev-snp/report.ts'
import { counted, differs, readTcb } from '../../../shared/attestation/sev-snp/tcb.ts'
import { type Certificate, readCertificate } from '../../../shared/attestation/x509/certificate.ts'
import { type Crl, readCrl } from '../../../shared/attestation/x509/crl.ts'
import { Refusal } from '../../../shared/refusal.ts'

/** What a heap holds; anything else was refused when it was read. */
export type Pieces = {
  readonly certificates: readonly Certificate[]
  readonly lists: readonly (Crl & { readonly der: Bytes })[]
}

/** What was found for one report; a piece that is not there is undefined. */
export type Found = {
  readonly leaf: Bytes | undefined
  readonly issuer: Bytes | undefined
  readonly root: Bytes | undefined
  readonly list: Bytes | undefined
}

/** What a report demands of the certificate behind it. */
export type Signer = { readonly row: ProductRow; readonly kind: LeafKind; readonly report: SnpReport }

/** Refuses `bad-encoding` what is neither a certificate nor a revocation list. */
export function readPieces(ders: readonly Bytes[]): Pieces {
  const certificates: Certificate[] = []
  const lists: (Crl & { der: Bytes })[] = []
  for (const der of ders) {
    const certificate = attempt(() => readCertificate(der))
    if (certificate === undefined) lists.push({ ...readCrl(der), der })
    else certificates.push(certificate)
  }
  return { certificates, lists }
}

/** Version 2 does not tell its product, and hosts that hide the chip leave nothing to look a certificate up by. */
export function signerOf(report: SnpReport): Signer {
  const { version, cpu, flags } = report
  const row = version < 3 ? undefined : productOfCpu(cpu.family, cpu.model)
  if (row === undefined) throw new Refusal('platform-unsupported', 'the report does not say which product made it')
  const signingKey = (flags >> 2) & 0b111
  if (signingKey > 1) throw new Refusal('platform-unsupported', 'the report is not signed')
  return { row, kind: signingKey === 0 ? 'VCEK' : 'VLEK', report }
}

export function find(signer: Signer, { certificates, lists }: Pieces): Found {
  const { row, kind } = signer
  const named = (name: string) => certificates.find(({ subject }) => commonName(subject) === name)?.der
  const leaf = certificates.find((one) => commonName(one.subject) === names.leaf(kind) && isFor(one, signer))
  const lastFirst = lists.toSorted((a, b) => b.number - a.number)
  return {
    leaf: leaf?.der,
    issuer: named(names.issuer(row, kind)),
    root: named(names.root(row)),
    list: lastFirst.find(({ issuer }) => commonName(issuer) === names.root(row))?.der,
  }
}

/** In the order of evidence. Refuses `leaf-missing`, `chain-incomplete`, `crl-missing`, saying of what. */
export function complete(signer: Signer, { leaf, issuer, root, list }: Found): readonly Bytes[] {
  const { row, kind } = signer
  if (leaf === undefined) throw new Refusal('leaf-missing', `no ${kind} for ${describe(signer)}`)
  if (issuer === undefined) throw new Refusal('chain-incomplete', `no certificate of ${names.issuer(row, kind)}`)
  if (root === undefined) throw new Refusal('chain-incomplete', `no certificate of ${names.root(row)}`)
  if (list === undefined) throw new Refusal('crl-missing', `no revocation list of ${names.root(row)}`)
  return [leaf, issuer, root, list]
}

/** The chip's id as certificates and the vendor's addresses have it. */
export function hwidOf({ row, report }: Signer): Bytes {
  return report.chipId.slice(0, row.hwidLength)
}

/** After a firmware update hosts often hand over the certificate of before. */
function isFor(leaf: Certificate, { row, kind, report }: Signer): boolean {
  const claims = attempt(() => readLeafClaims(leaf, kind, row))
  if (claims === undefined || differs(readTcb(report.reportedTcb, row), claims.tcb, row) !== undefined) return false
  return claims.hwid === undefined || equal(claims.hwid, report.chipId.slice(0, row.hwidLength))
}

/** For the operator's eyes, at the start: it is their own machine. */
function describe(signer: Signer): string {
  const { row, kind, report } = signer
  const tcb = Object.entries(counted(readTcb(report.reportedTcb, row), row)).map(([part, value]) => `${part} ${value}`)
  const chip = kind === 'VCEK' ? ` chip ${hex(hwidOf(signer))}` : ''
  return `${row.name}${chip}, ${tcb.join(', ')}`
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof Refusal) return undefined
    throw cause
  }
}
