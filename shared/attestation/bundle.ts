/** The bundle: the one resource from which a client takes keys, signed by the operator's publisher. trust.md 2 and 3. */
import { fromUtf8, utf8 } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { noteLimits, parseNote, signNote, verifyThreshold } from '../tlog/note.ts'
import { makeText, readText } from '../tlog/signed-text.ts'
import type { Signer } from '../tlog/signer.ts'
import { bundleJson, readBundleFields, type Bundle, type FrontBundle } from './bundle-fields.ts'
import type { Placement } from './root-fields.ts'
import { newestRoot, type TrustRoot } from './trust-root.ts'

export type { AttestedBundle, Bundle, CvmEntry, FrontBundle } from './bundle-fields.ts'

export const maxBundle = 4 * 1024 * 1024
const limits = { ...noteLimits, bytes: maxBundle }

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
}

/** `root` is the newest version that the bundle led to; remember `root.note` beside `bundle.serial`. */
export type VerifiedBundle = { readonly bundle: FrontBundle; readonly root: TrustRoot }

/** The text to sign. A bundle that clients would refuse to read is refused here. */
export function makeBundle(bundle: Bundle): string {
  const text = makeText('bundle', bundleJson(bundle))
  readBundleFields(readText('bundle', text))
  return text
}

/** What a bundle says, unverified: for those who only serve it, or are about to follow it. */
export function readBundle(note: Uint8Array | string): Bundle {
  return readBundleFields(readText('bundle', parseNote(capped(note), limits).text))
}

export async function signBundle(bundle: Bundle, signers: readonly Signer[]): Promise<string> {
  const note = await signNote(makeBundle(bundle), signers)
  if (utf8(note).length > maxBundle) throw new Refusal('body-too-large', 'the bundle is larger than clients take')
  return note
}

/**
 * Read first, believe later: the roots that say whose signature counts travel inside the bundle, each proving
 * itself against the one before it. Nothing is returned before the signature and every rule held.
 */
export async function verifyBundle(question: BundleQuestion): Promise<VerifiedBundle> {
  const note = capped(question.note)
  const bundle = readBundle(note)
  const root = await newestRoot(question.root, bundle.roots)
  await verifyThreshold(note, root.bundleKeys, 1, limits)
  checkPlacement(bundle, root, question.placement)
  checkTimes(bundle, root, question.now)
  if (bundle.serial < (question.lastSerial ?? 0)) {
    throw new Refusal('rolled-back', `serial ${bundle.serial} after ${question.lastSerial ?? 0}`)
  }
  if (bundle.placement === 'front') return { bundle, root }
  throw new Refusal('evidence-refused', 'this version judges no evidence of published keys')
}

function capped(note: Uint8Array | string): string {
  if (note.length > maxBundle) throw new Refusal('body-too-large', 'the bundle is larger than 4 MiB')
  return typeof note === 'string' ? note : fromUtf8(note)
}

function checkPlacement(bundle: Bundle, root: TrustRoot, placement: Placement): void {
  if (bundle.placement !== placement) {
    throw new Refusal('placement-mismatch', `the bundle is for ${bundle.placement}, not for ${placement}`)
  }
  if (!root.placements.includes(placement)) {
    throw new Refusal('placement-mismatch', `the trust root does not allow ${placement}`)
  }
}

function checkTimes(bundle: Bundle, root: TrustRoot, now: number): void {
  if (now >= root.notAfter) throw new Refusal('root-expired', 'the newest trust root ended')
  if (now < bundle.notBefore) throw new Refusal('bundle-expired', 'the bundle is not valid yet')
  if (now >= bundle.notAfter) throw new Refusal('bundle-expired', 'the bundle ended')
}
