/** What a verdict on TDX evidence says beyond its measurement. */
import type { TcbStatus } from './status.ts'

/** Bytes as lower-case hex. */
export type TdxFacts = {
  readonly quoteVersion: number
  /** the kind of platform */
  readonly fmspc: string
  readonly chip: { readonly ppid: string; readonly sha256: string }
  readonly tcb: {
    readonly platform: TcbStatus
    readonly module: TcbStatus
    readonly quotingEnclave: TcbStatus
    readonly status: TcbStatus
    readonly advisories: readonly string[]
  }
  /** for whoever remembers: the next collateral must not have a lower one */
  readonly tcbEvaluationDataNumber: number
  readonly teeTcbSvn: string
  readonly mrSeam: string
}
