/** What a verdict on SEV-SNP evidence says beyond its measurement. */
import type { LeafKind, Product } from './products.ts'
import type { Firmware } from './report.ts'
import type { Tcb } from './tcb.ts'

/** Bytes as lower-case hex. */
export type SnpFacts = {
  readonly product: Product
  readonly reportVersion: number
  readonly leaf: LeafKind
  /** from the certificate, equal to the report's */
  readonly tcb: Tcb
  readonly firmware: Firmware
  /** null: signed with a provider's key, so no chip is named */
  readonly chip: { readonly hwid: string; readonly sha256: string } | null
  readonly provider: string | null
  readonly hostData: string
  readonly guestSvn: number
  readonly vmpl: number
  /** for whoever remembers: the next list must not have a lower one */
  readonly crlNumber: number
}
