/**
 * What a client believes of a bundle, and in which words it refuses one: first who signed it and when, then what its keys
 * rest on. trust.md 2, 3 and 6.
 */
import { appraise } from '../attestation/appraisal.ts'
import { verifySigned, type BundleQuestion, type VerifiedBundle } from '../attestation/bundle.ts'
import type { TrustRoot } from '../attestation/trust-root.ts'
import { Refusal, type RefusalCode } from '../refusal.ts'
import { ObliviousError, type ObliviousErrorCode } from './errors.ts'

export type Looking = Omit<BundleQuestion, 'note' | 'root' | 'lastSerial' | 'now'> & {
  /** milliseconds since 1970 */
  readonly now: () => number
}

type Words = Partial<Record<RefusalCode, ObliviousErrorCode>>

const signedWords: Words = {
  'placement-mismatch': 'placement-mismatch',
  'rolled-back': 'bundle-rolled-back',
  'root-expired': 'trust-unusable',
}

/** Whatever is not among these is evidence, a policy or a proof that does not hold: the reason says which rule. */
const appraisedWords: Words = {
  'rolled-back': 'bundle-rolled-back',
  'checkpoint-rolled-back': 'bundle-rolled-back',
  'split-view': 'log-forked',
  'cosignature-from-future': 'clock-wrong',
  'statement-from-future': 'clock-wrong',
  'statement-too-old': 'bundle-outdated',
  'cosignature-too-old': 'bundle-outdated',
  'policy-expired': 'bundle-outdated',
  'key-expired': 'bundle-outdated',
  'root-expired': 'trust-unusable',
}

/** Refuses with the typed errors of this client. For monitors too. */
export async function checked(
  note: string,
  root: TrustRoot,
  lastSerial: number,
  { now, ...looking }: Looking,
): Promise<VerifiedBundle> {
  const question = { ...looking, note, root, lastSerial, now: now() }
  const signed = await inWords(signedWords, 'bundle-unverified', () => verifySigned(question))
  const { bundle } = signed
  if (bundle.placement === 'front') return { bundle, root: signed.root }
  const appraised = { ...question, bundle, root: signed.root }
  const appraisal = await inWords(appraisedWords, 'evidence-refused', () => appraise(appraised))
  return { bundle, root: signed.root, appraisal }
}

async function inWords<T>(words: Words, otherwise: ObliviousErrorCode, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new ObliviousError(words[cause.code] ?? otherwise, { cause })
  }
}
