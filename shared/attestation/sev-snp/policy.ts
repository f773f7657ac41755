/**
 * What is demanded of SEV-SNP evidence: the `snp` and `collateral` parts of attestation.md d.1. What a policy leaves
 * unsaid is strict, and a trust root only ever narrows what a policy says (trust.md 1).
 */
import type { Firmware } from './report.ts'
import type { Product } from './products.ts'
import type { TcbFloor } from './tcb.ts'

/** From the narrowest to the widest: chips by list, chips in a log that the caller asks, chips of anybody. */
export const chipModes = ['allowlist', 'log', 'any'] as const
export type ChipMode = (typeof chipModes)[number]

/** A bound for one bit: `null` asks nothing; else at most this for a danger, at least this for a protection. */
export type Bound = 0 | 1 | null
export type ByProduct<T> = Readonly<Partial<Record<Product, T>>>

export type GuestRules = {
  readonly debug: Bound
  readonly migrateMa: Bound
  readonly smt: Bound
  readonly cxl: Bound
  readonly singleSocket: Bound
  readonly aes256xts: Bound
  readonly raplDis: Bound
  readonly ciphertextHiding: Bound
}

export type PlatformRules = {
  readonly smt: Bound
  readonly aliasCheck: Bound
  readonly tsme: Bound
  readonly ecc: Bound
  readonly raplDis: Bound
  readonly ciphertextHiding: Bound
}

export type Measurement = {
  /** lower-case hex, 48 bytes */
  readonly digest: string
  readonly minGuestSvn: number
  /** milliseconds since 1970 */
  readonly notAfter: number
  /** lower-case hex, 32 bytes: the settings that go with this image, where the policy's own are not meant */
  readonly hostData?: string | undefined
  /** lower-case hex, 32 bytes: SHA-256 of the artifact that it was built from, as the log's leaf has it */
  readonly build?: string | undefined
}

/** Digests and ids in lower-case hex. */
export type SnpPolicy = {
  readonly products: readonly Product[]
  readonly reportVersions: readonly number[]
  readonly allowVlek: boolean
  readonly vmpl: readonly number[]
  readonly minTcb: ByProduct<TcbFloor>
  /** where absent, minTcb holds for the launch as well */
  readonly minLaunchTcb: ByProduct<TcbFloor>
  readonly minFw: ByProduct<Firmware>
  readonly requireMit: ByProduct<bigint>
  readonly allowProvisional: boolean
  readonly guestPolicy: GuestRules
  readonly platform: PlatformRules
  readonly hostData: string
  /** `sha256`: of each HWID as its certificate has it */
  readonly chips: { readonly mode: ChipMode; readonly sha256: readonly string[] }
  /** for whoever chooses among several machines; the judge sees one at a time */
  readonly minCvms: number
  readonly minChips: number
  readonly measurements: readonly Measurement[]
  readonly deny: readonly string[]
  /** `null` asks nothing */
  readonly idKeys: readonly string[] | null
  readonly authorKeys: readonly string[] | null
  readonly familyId: string | null
  readonly imageId: string | null
}

/** Durations in milliseconds. */
export type CrlPolicy = {
  /** since thisUpdate; AMD's own lists live for a year */
  readonly crlMaxAge: number
  readonly crlGrace: number
  readonly minCrlNumber: ByProduct<number>
  /** of Intel's ratings and lists of platforms, since they were issued */
  readonly tdxMaxAge: number
}

/** No measurement and no chip is listed: a policy must name them before anything is accepted. */
export const strictSnp: SnpPolicy = {
  products: ['Genoa', 'Turin'],
  reportVersions: [3, 4, 5],
  allowVlek: false,
  vmpl: [0],
  minTcb: {},
  minLaunchTcb: {},
  minFw: {},
  requireMit: {},
  allowProvisional: false,
  guestPolicy: {
    debug: 0,
    migrateMa: 0,
    smt: 0,
    cxl: 0,
    singleSocket: null,
    aes256xts: null,
    raplDis: null,
    ciphertextHiding: null,
  },
  platform: { smt: 0, aliasCheck: 1, tsme: null, ecc: null, raplDis: null, ciphertextHiding: null },
  hostData: '00'.repeat(32),
  chips: { mode: 'allowlist', sha256: [] },
  minCvms: 1,
  minChips: 1,
  measurements: [],
  deny: [],
  idKeys: null,
  authorKeys: null,
  familyId: null,
  imageId: null,
}

export const strictCrl: CrlPolicy = { crlMaxAge: Infinity, crlGrace: 0, minCrlNumber: {}, tdxMaxAge: 30 * 86_400_000 }
export const defaultSkew = 120_000

/**
 * The policy as far as the trust root lets it go. In production nothing opens a guest to its host, and Milan, whose
 * chip secrets were drawn out by software (arXiv 2605.12990), counts only chip by chip.
 */
export function narrowed(
  policy: SnpPolicy,
  use: 'production' | 'development',
  chips: ChipMode = 'allowlist',
): SnpPolicy {
  const mode = chipModes.find((one) => one === chips || one === policy.chips.mode) ?? 'allowlist'
  const narrow = { ...policy, chips: { ...policy.chips, mode } }
  if (use === 'development') return narrow
  return {
    ...narrow,
    products: policy.products.filter((product) => product !== 'Milan' || mode === 'allowlist'),
    guestPolicy: { ...policy.guestPolicy, debug: 0, migrateMa: 0 },
  }
}
