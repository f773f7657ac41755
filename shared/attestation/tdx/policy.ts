/**
 * What is demanded of TDX evidence: the `tdx` part of attestation.md d.1. What a policy leaves unsaid is strict, and a
 * trust root only ever narrows what a policy says (trust.md 1).
 */
import { chipModes, type Bound, type ChipMode } from '../sev-snp/policy.ts'
import type { TcbStatus } from './status.ts'

export type AttributeRules = {
  readonly debug: Bound
  readonly septVeDisable: Bound
  readonly migratable: Bound
  readonly perfmon: Bound
}

/** RTMR0 to RTMR3, lower-case hex of 48 bytes each. */
export type Rtmrs = readonly [string, string, string, string]

export type TdMeasurement = {
  /** MRTD: lower-case hex, 48 bytes */
  readonly digest: string
  /** milliseconds since 1970 */
  readonly notAfter: number
  /** what goes with this image, where the policy's own are not meant */
  readonly rtmr?: Rtmrs | undefined
  readonly mrConfigId?: string | undefined
}

/** Digests, ids and masks in lower-case hex, octets in the order of the quote. */
export type TdxPolicy = {
  readonly quoteVersions: readonly number[]
  readonly statuses: readonly TcbStatus[]
  readonly advisoriesAllowed: readonly string[]
  /** the least tcbEvaluationDataNumber */
  readonly minTcbEval: number
  readonly attributes: AttributeRules
  /** bits that may be set at all; 8 bytes each */
  readonly tdAttributesMask: string
  readonly xfamMask: string
  readonly mrtd: readonly TdMeasurement[]
  /** the firmware that MRTD names measures everything else into these: without them, any image would do */
  readonly rtmr: readonly Rtmrs[]
  readonly deny: readonly string[]
  readonly mrConfigId: string
  /** `null` asks nothing */
  readonly mrOwner: string | null
  readonly mrOwnerConfig: string | null
  readonly mrSeam: readonly string[] | null
  /** `sha256`: of each platform's PPID */
  readonly chips: { readonly mode: ChipMode; readonly sha256: readonly string[] }
}

const zeros = '00'.repeat(48)

/** No image is listed: a policy must name one before anything is accepted. Platforms are for the trust root to narrow. */
export const strictTdx: TdxPolicy = {
  quoteVersions: [4, 5],
  statuses: ['UpToDate'],
  advisoriesAllowed: [],
  minTcbEval: 0,
  attributes: { debug: 0, septVeDisable: 1, migratable: 0, perfmon: 0 },
  // SEPT_VE_DISABLE (28), MIGRATABLE (29), PKS (30), KL (31), PERFMON (63) and DEBUG (0): others mean nothing yet.
  tdAttributesMask: '010000f000000080',
  // What the TDX module lets through: x87, SSE, AVX, AVX-512, PT, PKU, CET, UINTR, LBR, AMX.
  xfamMask: 'e7db060000000000',
  mrtd: [],
  rtmr: [],
  deny: [],
  mrConfigId: zeros,
  mrOwner: zeros,
  mrOwnerConfig: zeros,
  mrSeam: null,
  chips: { mode: 'any', sha256: [] },
}

/** The policy as far as the trust root lets it go. In production nothing opens a TD to its host. */
export function narrowedTdx(
  policy: TdxPolicy,
  use: 'production' | 'development',
  chips: ChipMode = 'allowlist',
): TdxPolicy {
  const mode = chipModes.find((one) => one === chips || one === policy.chips.mode) ?? 'allowlist'
  const narrow = { ...policy, chips: { ...policy.chips, mode } }
  if (use === 'development') return narrow
  return { ...narrow, attributes: { ...policy.attributes, debug: 0, migratable: 0 } }
}
