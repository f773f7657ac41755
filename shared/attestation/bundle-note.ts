/** The bundle as a signed note: writing it, and reading what it says before anybody has judged it. trust.md 1 and 2. */
import { fromUtf8, utf8 } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { noteLimits, parseNote, signNote } from '../tlog/note.ts'
import { makeText, readText } from '../tlog/signed-text.ts'
import type { Signer } from '../tlog/signer.ts'
import { bundleJson, readBundleFields, type Bundle } from './bundle-fields.ts'

/** Octets. */
export const maxBundle = 4 * 1024 * 1024
export const bundleNoteLimits = { ...noteLimits, bytes: maxBundle }

/** The text to sign. A bundle that clients would refuse to read is refused here. */
export function makeBundle(bundle: Bundle): string {
  const text = makeText('bundle', bundleJson(bundle))
  readBundleFields(readText('bundle', text))
  return text
}

export async function signBundle(bundle: Bundle, signers: readonly Signer[]): Promise<string> {
  const note = await signNote(makeBundle(bundle), signers)
  if (utf8(note).length > maxBundle) throw new Refusal('body-too-large', 'the bundle is larger than clients take')
  return note
}

/** What a bundle says, unverified: for those who only serve it, or are about to follow it. */
export function readBundle(note: Uint8Array | string): Bundle {
  return readBundleFields(readText('bundle', parseNote(bundleText(note), bundleNoteLimits).text))
}

export function bundleText(note: Uint8Array | string): string {
  if (note.length > maxBundle) throw new Refusal('body-too-large', 'the bundle is larger than 4 MiB')
  return typeof note === 'string' ? note : fromUtf8(note)
}
