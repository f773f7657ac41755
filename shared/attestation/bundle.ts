/** The bundle: the one resource from which a client takes keys, signed by the operator's publisher. trust.md 2 and 3. */
import { Refusal } from '../refusal.ts'
import { verifyThreshold } from '../tlog/note.ts'
import { appraise, type Appraisal } from './appraisal.ts'
import type { AttestedBundle, Bundle, FrontBundle } from './bundle-fields.ts'
import { bundleNoteLimits, bundleText, readBundle } from './bundle-note.ts'
import type { AllowSimulated } from './policy.ts'
import type { Placement } from './root-fields.ts'
import type { Seen } from './seen.ts'
import type { Proven } from './proven.ts'
import { newestRoot, type TrustRoot } from './trust-root.ts'

export type { AttestedBundle, Bundle, CvmEntry, FrontBundle } from './bundle-fields.ts'
export { makeBundle, maxBundle, readBundle, signBundle } from './bundle-note.ts'

export type BundleQuestion = {
  /** the resource as it was received */
  readonly note: Uint8Array | string
  /** shipped with the application, or the newest that we remember */
  readonly root: TrustRoot
  /** what the caller named: never inferred, never lowered */
  readonly placement: Placement
  /** milliseconds since 1970 */
  readonly now: number
  /** the highest serial seen, if any */
  readonly lastSerial?: number | undefined
  /** what else is remembered; `inside` and `sealed` only, as is all that follows */
  readonly seen?: Seen | undefined
  /** the caller's own word (trust.md 7) */
  readonly allowSimulated?: AllowSimulated | undefined
  /** the role that the caller means, where it knows */
  readonly role?: string | undefined
  readonly proven?: Proven | undefined
}

/**
 * `root` is the newest version that the bundle led to; remember it, `bundle.serial` and what the appraisal has seen. In
 * `front` there is nothing to appraise: the operator's signature is all that there is.
 */
export type VerifiedBundle =
  | { readonly bundle: FrontBundle; readonly root: TrustRoot; readonly appraisal?: undefined }
  | { readonly bundle: AttestedBundle; readonly root: TrustRoot; readonly appraisal: Appraisal }

/** Nothing is returned before the signature and every rule held. */
export async function verifyBundle(question: BundleQuestion): Promise<VerifiedBundle> {
  const { bundle, root } = await verifySigned(question)
  if (bundle.placement === 'front') return { bundle, root }
  return { bundle, root, appraisal: await appraise({ ...question, bundle, root }) }
}

/** Everything but the appraisal: who signed it, for which placement, when, and that it is not an older one. */
export async function verifySigned(
  question: BundleQuestion,
): Promise<{ readonly bundle: Bundle; readonly root: TrustRoot }> {
  const { bundle, root } = await signedBundle(question)
  checkPlacement(bundle, root, question.placement)
  checkTimes(bundle, root, question.now)
  if (bundle.serial < (question.lastSerial ?? 0)) {
    throw new Refusal('rolled-back', `serial ${bundle.serial} after ${question.lastSerial ?? 0}`)
  }
  return { bundle, root }
}

/**
 * What the publisher signed, whatever it is worth. Read first, believe later: the roots that say whose signature counts
 * travel inside the bundle, each proving itself against the one before it. For monitors, which also look into what
 * clients refuse.
 */
export async function signedBundle(
  question: Pick<BundleQuestion, 'note' | 'root'>,
): Promise<{ readonly bundle: Bundle; readonly root: TrustRoot }> {
  const note = bundleText(question.note)
  const bundle = readBundle(note)
  const root = await newestRoot(question.root, bundle.roots)
  await verifyThreshold(note, root.bundleKeys, 1, bundleNoteLimits)
  return { bundle, root }
}

export function checkPlacement(bundle: Bundle, root: TrustRoot, placement: Placement): void {
  if (bundle.placement !== placement) {
    throw new Refusal('placement-mismatch', `the bundle is for ${bundle.placement}, not for ${placement}`)
  }
  if (!root.placements.includes(placement)) {
    throw new Refusal('placement-mismatch', `the trust root does not allow ${placement}`)
  }
}

export function checkTimes(bundle: Bundle, root: TrustRoot, now: number): void {
  if (now >= root.notAfter) throw new Refusal('root-expired', 'the newest trust root ended')
  if (now < bundle.notBefore) throw new Refusal('bundle-expired', 'the bundle is not valid yet')
  if (now >= bundle.notAfter) throw new Refusal('bundle-expired', 'the bundle ended')
}
