/** Signed notes: a text, a blank line, and one line for each signature. C2SP signed-note; conformance.md TL-3. */
import { base64, concat, fromBase64, fromHex, hex, utf8, type Bytes } from '../bytes.ts'
import { Refusal, refuseAs } from '../refusal.ts'
import { ed25519Verifies } from './ed25519.ts'
import { isKeyName, type VerifierKey } from './key.ts'
import type { Signer } from './signer.ts'

export type NoteSignature = {
  readonly name: string
  /** eight lower-case hex digits */
  readonly id: string
  readonly signature: Bytes
}

export type Note = {
  /** what is signed: ends in LF, without the blank line */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** Verified: `signers` are distinct keys of the caller's list, in its order, each with a good signature. */
export type VerifiedNote = { readonly text: string; readonly signers: readonly VerifierKey[] }

export type NoteLimits = { readonly bytes: number; readonly signatures: number }

/** The specification demands at least 16 signatures; a post-quantum one has nearly 5 kB. */
export const noteLimits: NoteLimits = { bytes: 1 << 20, signatures: 64 }

const controlOtherThanLF = /[\u0000-\u0009\u000b-\u001f]/u
const signatureLine = /^— (\S+) (\S+)$/u

export function parseNote(note: string, limits: NoteLimits = noteLimits): Note {
  if (note.length > limits.bytes || utf8(note).length > limits.bytes) throw malformed('longer than allowed')
  if (!note.isWellFormed()) throw malformed('a lone surrogate')
  if (controlOtherThanLF.test(note)) throw malformed('a control character')
  // The text may hold empty lines itself: the last one in the note is the separator.
  const blank = note.lastIndexOf('\n\n')
  if (blank < 0 || !note.endsWith('\n')) throw malformed('no blank line, or no LF at the end')
  const lines = note
    .slice(blank + 2)
    .split('\n')
    .slice(0, -1)
  if (lines.length === 0 || lines.length > limits.signatures) throw malformed(`${lines.length} signature lines`)
  return { text: note.slice(0, blank + 1), signatures: lines.map(readSignature) }
}

/**
 * Verifies every line of a known key; one bad line refuses the whole note, unknown keys are ignored.
 * A key counts once, however many lines it has. Only Ed25519 note keys (type 0x01) sign this way.
 */
export async function verifyNote(
  note: string,
  keys: readonly VerifierKey[],
  limits?: NoteLimits,
): Promise<VerifiedNote> {
  const other = keys.find((key) => key.kind !== 'note')
  if (other !== undefined) throw new TypeError(`${other.name} is not a key for plain notes`)
  const parsed = parseNote(note, limits)
  const message = utf8(parsed.text)
  const signers = new Set<VerifierKey>()
  for (const { key, signature } of linesOf(parsed, keys)) {
    if (!(await ed25519Verifies(key.publicKey, signature, message))) {
      throw new Refusal('bad-signature', `the signature of ${key.name} does not verify`)
    }
    signers.add(key)
  }
  if (signers.size === 0) throw new Refusal('unsigned', 'no signature of a known key')
  return { text: parsed.text, signers: keys.filter((key) => signers.has(key)) }
}

/** As verifyNote, and at least `threshold` distinct public keys must have signed: one key under two names is one. */
export async function verifyThreshold(
  note: string,
  keys: readonly VerifierKey[],
  threshold: number,
  limits?: NoteLimits,
): Promise<VerifiedNote> {
  if (!Number.isSafeInteger(threshold) || threshold < 1) throw new TypeError('a threshold is at least 1')
  const verified = await verifyNote(note, keys, limits)
  const distinct = new Set(verified.signers.map((key) => hex(key.publicKey)))
  if (distinct.size < threshold) throw new Refusal('unsigned', `${distinct.size} of ${threshold} signatures`)
  return verified
}

/**
 * The lines of these keys, each with its key; not verified. Others are ignored, even where name or id alone agree.
 * Ids have 32 bits, so two keys that share both name and id would make every answer a guess.
 */
export function linesOf<K extends VerifierKey>(
  note: Note,
  keys: readonly K[],
): readonly { readonly key: K; readonly signature: Bytes }[] {
  const known = new Map(keys.map((key) => [`${key.name}+${key.id}`, key]))
  if (known.size < keys.length) throw new TypeError('two keys share name and id')
  return note.signatures.flatMap(({ name, id, signature }) => {
    const key = known.get(`${name}+${id}`)
    return key === undefined ? [] : [{ key, signature }]
  })
}

export async function signNote(text: string, signers: readonly Signer[]): Promise<string> {
  const lines: string[] = []
  for (const { key, sign } of signers) {
    lines.push(`— ${key.name} ${base64(concat(fromHex(key.id), await sign(utf8(text))))}\n`)
  }
  const note = `${text}\n${lines.join('')}`
  if (!text.endsWith('\n') || parseNote(note, { ...noteLimits, bytes: Infinity }).text !== text) {
    throw new TypeError('not a text that a note can carry')
  }
  return note
}

function readSignature(line: string): NoteSignature {
  const [, name = '', encoded = ''] = signatureLine.exec(line) ?? []
  if (!isKeyName(name)) throw malformed('not a signature line')
  const bytes = refuseAs('malformed-note', () => fromBase64(encoded))
  if (bytes.length < 5) throw malformed('a signature without bytes')
  return { name, id: hex(bytes.subarray(0, 4)), signature: bytes.subarray(4) }
}

function malformed(why: string): Refusal {
  return new Refusal('malformed-note', why)
}
