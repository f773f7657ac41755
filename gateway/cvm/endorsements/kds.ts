/** Where AMD's key distribution service, or a cache in front of it, keeps what belongs to a report. attestation.md a.3; AMD 57230. */
import { hex } from '../../../shared/bytes.ts'
import type { TcbPart } from '../../../shared/attestation/sev-snp/products.ts'
import { readTcb } from '../../../shared/attestation/sev-snp/tcb.ts'
import { hwidOf, type Signer } from './complete.ts'

/** The counters by which a VCEK is asked for, as they are called there. */
const counters = [
  ['fmc', 'fmcSPL'],
  ['bl', 'blSPL'],
  ['tee', 'teeSPL'],
  ['snp', 'snpSPL'],
  ['ucode', 'ucodeSPL'],
] as const satisfies readonly (readonly [TcbPart, string])[]

/** Paths and queries below the base address. A VLEK is handed out to providers only, so it has no place. */
export type KdsPlaces = { readonly leaf: string | undefined; readonly issuers: string; readonly list: string }

export function kdsPlaces(signer: Signer): KdsPlaces {
  const { row, kind } = signer
  const base = `${kind.toLowerCase()}/v1/${row.name}`
  return {
    leaf: kind === 'VCEK' ? `${base}/${hex(hwidOf(signer))}?${query(signer)}` : undefined,
    issuers: `${base}/cert_chain`,
    list: `${base}/crl`,
  }
}

function query({ row, report }: Signer): string {
  const tcb = readTcb(report.reportedTcb, row)
  return counters.flatMap(([part, name]) => (row.layout.includes(part) ? [`${name}=${tcb[part] ?? 0}`] : [])).join('&')
}
