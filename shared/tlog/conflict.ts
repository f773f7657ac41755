/** Two notes that no honest log could both have signed, kept byte for byte for whoever must be shown. TL-9. */
import { sha256 } from '@noble/hashes/sha2.js'
import { hex, utf8 } from '../bytes.ts'
import type { RefusalCode } from '../refusal.ts'
import { consistencyText } from './witness-request.ts'

export type Conflict = {
  /** `split-view`: one size, two roots; otherwise what the proof from the first to the second failed with */
  readonly code: RefusalCode
  /** complete notes: the one that was known, and the one that contradicts it */
  readonly notes: readonly [string, string]
  /** the proof of consistency that was offered, if any */
  readonly proof?: readonly Uint8Array[] | undefined
}

/** JSON for people and tools; every signature can be verified again from it. */
export function conflictText({ code, notes, proof }: Conflict): string {
  const [known, contradicting] = notes
  const offered = proof === undefined ? null : consistencyText(proof)
  return `${JSON.stringify({ evidence: 'asunder log conflict v1', code, known, contradicting, proof: offered }, null, 2)}\n`
}

/** One file for each pair, so that nothing found earlier is ever written over. */
export function conflictName({ notes }: Conflict): string {
  return `log-conflict-${hex(sha256(utf8(notes.join('\0')))).slice(0, 16)}.json`
}
