/**
 * Checks 8, 10 and 11 of attestation.md a.6 for TDX: how Intel rates this platform, its TDX module and its quoting enclave,
 * and whether policy bears the worst of it. Intel, TDX DCAP Quoting Library API, "Verification of a TD quote".
 */
import { equal, hex, type Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import type { Collateral } from './collateral.ts'
import type { PckClaims } from './pck.ts'
import type { TdxPolicy } from './policy.ts'
import type { QeIdentity } from './qe-identity.ts'
import type { QeReport } from './qe-report.ts'
import type { Quote } from './quote.ts'
import { worst, type TcbStatus } from './status.ts'
import type { ModuleIdentity, PlatformLevel, TcbInfo } from './tcb-info.ts'
import type { Rating, SvnLevel } from './vendor-json.ts'

export type Ratings = {
  readonly platform: TcbStatus
  readonly module: TcbStatus
  readonly quotingEnclave: TcbStatus
  /** the worst of them, taken together */
  readonly status: TcbStatus
  readonly advisories: readonly string[]
}

/** Check 8: the ratings are those of this kind of platform. */
export function checkPlatform({ fmspc, pceId }: PckClaims, { tcbInfo }: Collateral): void {
  if (tcbInfo.fmspc === fmspc && tcbInfo.pceId === pceId) return
  throw new Refusal('collateral-mismatch', `ratings of ${tcbInfo.fmspc} for a platform ${fmspc}`)
}

/** Check 10. Signed ratings stay well signed for ever, so their round has a floor. Gives the lower round of both. */
export function checkEvaluation({ tcbInfo, qeIdentity }: Collateral, least: number): number {
  const evaluation = Math.min(tcbInfo.evaluation, qeIdentity.evaluation)
  if (evaluation >= least) return evaluation
  throw new Refusal('collateral-rolled-back', `round ${evaluation} of ratings, after ${least}`)
}

/** Check 10: every part is one that Intel knows. */
export function rate(quote: Quote, claims: PckClaims, { tcbInfo, qeIdentity }: Collateral): Ratings {
  const platform = ratePlatform(quote, claims, tcbInfo)
  const module = rateModule(quote, tcbInfo)
  const quotingEnclave = [rateQuotingEnclave(quote.qe, qeIdentity)]
  const all = [...platform, ...module, ...quotingEnclave]
  return {
    platform: statusOf(platform),
    module: statusOf(module),
    quotingEnclave: statusOf(quotingEnclave),
    status: statusOf(all),
    advisories: [...new Set(all.flatMap(({ advisories }) => advisories))].toSorted(),
  }
}

/** Check 11. Each part on its own as well: a policy may bear two faults without bearing both at once. */
export function checkRatings({ advisories, ...statuses }: Ratings, policy: TdxPolicy): void {
  const unborne = Object.values(statuses).find((one) => !policy.statuses.includes(one))
  if (unborne !== undefined) throw new Refusal('tcb-status-refused', unborne)
  const advisory = advisories.find((one) => !policy.advisoriesAllowed.includes(one))
  if (advisory !== undefined) throw new Refusal('advisory-refused', advisory)
}

/** The module may be renewed under a running TD; neither that of its birth nor that of today may be unfit. */
function svnsOf({ teeTcbSvn, teeTcbSvn2 }: Quote): readonly Bytes[] {
  return teeTcbSvn2 === undefined ? [teeTcbSvn] : [teeTcbSvn, teeTcbSvn2]
}

function ratePlatform(quote: Quote, claims: PckClaims, { levels }: TcbInfo): readonly Rating[] {
  return svnsOf(quote).map((svn) => known(levels, 'platform', (level) => reaches(claims, svn, level)))
}

/** Above major version 0 the module has levels of its own, so its two counters are left out here. */
function reaches({ components, pceSvn }: PckClaims, svn: Bytes, level: PlatformLevel): boolean {
  const from = majorOf(svn) > 0 ? 2 : 0
  return (
    level.components.every((least, index) => (components[index] ?? 0) >= least) &&
    pceSvn >= level.pceSvn &&
    level.tdxComponents.every((least, index) => index < from || (svn[index] ?? 0) >= least)
  )
}

function rateModule(quote: Quote, info: TcbInfo): readonly Rating[] {
  return svnsOf(quote).map((svn) => {
    if (majorOf(svn) === 0) {
      checkModule(quote, info.module)
      return unrated
    }
    const id = `TDX_${hex(svn.subarray(1, 2))}`
    const module = info.modules.find((one) => one.id.toLowerCase() === id.toLowerCase())
    if (module === undefined) throw wrongModule(`no ${id} is known`)
    checkModule(quote, module)
    return atSvn(module.levels, id, svn[0] ?? 0)
  })
}

const unrated: Rating = { status: 'UpToDate', advisories: [] }

function majorOf(svn: Bytes): number {
  return svn[1] ?? 0
}

function checkModule({ mrSignerSeam, seamAttributes }: Quote, { mrSigner, attributes, mask }: ModuleIdentity): void {
  if (!equal(mrSignerSeam, mrSigner)) throw wrongModule('signed by another')
  if (!equalUnder(mask, seamAttributes, attributes)) throw wrongModule('other SEAMATTRIBUTES')
}

function rateQuotingEnclave(qe: QeReport, identity: QeIdentity): Rating {
  const { miscSelectMask, attributesMask } = identity
  if (!equal(qe.mrSigner, identity.mrSigner)) throw wrongEnclave('signed by another')
  if (qe.isvProdId !== identity.isvProdId) throw wrongEnclave(`product ${qe.isvProdId}`)
  if (!equalUnder(miscSelectMask, qe.miscSelect, identity.miscSelect)) throw wrongEnclave('other MISCSELECT')
  if (!equalUnder(attributesMask, qe.attributes, identity.attributes)) throw wrongEnclave('other ATTRIBUTES')
  return atSvn(identity.levels, 'quoting enclave', qe.isvSvn)
}

function atSvn(levels: readonly SvnLevel[], what: string, svn: number): Rating {
  return known(levels, what, ({ isvSvn }) => svn >= isvSvn)
}

/** The first that is reached, since the best stand first. */
function known<L extends Rating>(levels: readonly L[], what: string, isReached: (level: L) => boolean): L {
  const level = levels.find(isReached)
  if (level === undefined) throw new Refusal('tcb-unsupported', `${what} below every level`)
  return level
}

function statusOf(ratings: readonly Rating[]): TcbStatus {
  return worst(ratings.map(({ status }) => status))
}

function equalUnder(mask: Bytes, a: Bytes, b: Bytes): boolean {
  return equal(a.map(masked), b.map(masked))
  function masked(octet: number, index: number): number {
    return octet & (mask[index] ?? 0xff)
  }
}

function wrongModule(what: string): Refusal {
  return new Refusal('tdx-module-refused', what)
}

function wrongEnclave(what: string): Refusal {
  return new Refusal('quoting-enclave-refused', what)
}
