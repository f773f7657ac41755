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
  /** lower-case hex, 32 bytes: SHA-256 of the artifact that it was built from, as the log's leaf has it */
  readonly build?: string | undefined
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
  /** `null`: as the trust root has it */
  readonly chips: PlatformRules | null
}

/** `sha256`: of each platform's PPID. */
export type PlatformRules = { readonly mode: ChipMode; readonly sha256: readonly string[] }

/** What a trust root has narrowed. */
export type NarrowTdxPolicy = TdxPolicy & { readonly chips: PlatformRules }

const zeros = '00'.repeat(48)

/** No image is listed: a policy must name one before anything is accepted. */
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
  chips: null,
}

/** The part of an identity that TDX measures, as `verdict.identity` has it. */
export type TdIdentity = { readonly measurement: string; readonly rtmr: Rtmrs; readonly mrConfigId: string }

/**
 * The entries that this TD is: firmware, image and settings together. One firmware carries many images, so a digest may be
 * listed several times.
 */
export function entriesFor(policy: TdxPolicy, identity: TdIdentity): readonly TdMeasurement[] {
  return policy.mrtd.filter(({ digest, rtmr, mrConfigId = policy.mrConfigId }) => {
    const images = rtmr === undefined ? policy.rtmr : [rtmr]
    const measured = images.some((one) => isSameImage(one, identity.rtmr))
    return digest === identity.measurement && measured && mrConfigId === identity.mrConfigId
  })
}

export function isSameImage(a: Rtmrs, b: Rtmrs): boolean {
  return a.every((register, index) => register === b[index])
}

/** The policy as far as the trust root lets it go. In production nothing opens a TD to its host. */
export function narrowedTdx(
  policy: TdxPolicy,
  use: 'production' | 'development',
  chips: ChipMode = 'allowlist',
): NarrowTdxPolicy {
  const said = policy.chips ?? { mode: chips, sha256: [] }
  const mode = chipModes.find((one) => one === chips || one === said.mode) ?? 'allowlist'
  const narrow = { ...policy, chips: { ...said, mode } }
  if (use === 'development') return narrow
  return { ...narrow, attributes: { ...policy.attributes, debug: 0, migratable: 0 } }
}
