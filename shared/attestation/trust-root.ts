/**
 * The trust root: shipped with the application, signed by its own threshold, and followed only by a version that
 * a threshold of the old one signed. trust.md 1.
 */
import { Refusal } from '../refusal.ts'
import { parseNote, signNote, verifyThreshold } from '../tlog/note.ts'
import { makeText, readText } from '../tlog/signed-text.ts'
import type { Signer } from '../tlog/signer.ts'
import { readRootFields, rootJson, type RootFields } from './root-fields.ts'

export type { ChipMode, Log, Placement, RootFields, Witness } from './root-fields.ts'

/** A verified root, with the note that it came in for whoever must remember it. Made by verifyRoot and nextRoot. */
export type TrustRoot = RootFields & { readonly note: string }

/** The longest chain of roots that a bundle may carry. */
export const maxRoots = 64

/** Signed by the old and the new signers together, this follows an older version. */
export async function signRoot(fields: RootFields, signers: readonly Signer[]): Promise<string> {
  const text = makeText('root', rootJson(fields))
  readRootFields(readText('root', text))
  return signNote(text, signers)
}

/** A root that vouches for itself: only for one that the application ships, or that we remembered. */
export async function verifyRoot(note: string): Promise<TrustRoot> {
  const fields = readRoot(note)
  await verifyThreshold(note, fields.rootKeys, fields.rootThreshold)
  return { ...fields, note }
}

/** The next version: a threshold of the old says who follows, a threshold of the new shows that its keys work. */
export async function nextRoot(current: RootFields, note: string): Promise<TrustRoot> {
  const fields = readRoot(note)
  checkSuccession(current, fields)
  await verifyThreshold(note, current.rootKeys, current.rootThreshold)
  await verifyThreshold(note, fields.rootKeys, fields.rootThreshold)
  return { ...fields, note }
}

/**
 * Walks the chain that a bundle carries. Everybody gets the same bundle, so it begins with versions that some of
 * us already hold; those are skipped. Whether the newest is still alive is the caller's to ask: as an old root
 * may have ended before its successor reached us, only the last one's end counts.
 */
export async function newestRoot(current: TrustRoot, notes: readonly string[]): Promise<TrustRoot> {
  let newest = current
  for (const note of notes) {
    if (newest === current && isHeld(current, note)) continue
    newest = await nextRoot(newest, note)
  }
  return newest
}

function isHeld(current: TrustRoot, note: string): boolean {
  const { version } = readRoot(note)
  if (version === current.version && parseNote(note).text !== parseNote(current.note).text) {
    throw new Refusal('bad-trust-root', `two different roots of version ${version}`)
  }
  return version <= current.version
}

/** The rules of the next version, whoever signed it. */
export function checkSuccession(current: RootFields, next: RootFields): void {
  if (next.version !== current.version + 1) {
    throw new Refusal('bad-trust-root', `version ${next.version} does not follow ${current.version}`)
  }
  if (next.use !== current.use) throw new Refusal('bad-trust-root', 'a root does not change its use')
  if (next.minPolicySerial < current.minPolicySerial) throw new Refusal('bad-trust-root', 'minPolicySerial falls')
}

function readRoot(note: string): RootFields {
  return readRootFields(readText('root', parseNote(note).text))
}
