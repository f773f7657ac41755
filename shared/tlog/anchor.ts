/** Anchors: how evidence shows that it is no older than a public moment, the same for everybody. trust.md 4. */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, uint64, utf8, type Bytes } from '../bytes.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { parseNote } from './note.ts'
import type { VerifiedCheckpoint } from './policy.ts'

/**
 * SHA-256 of the complete note, then the tree's size. The cosignature lines must be inside: witnesses sign an
 * unchanged tree again and again, so its text alone could be years old. Only a checkpoint that a quorum has
 * cosigned can be given here; its `oldest` is the anchor's time.
 */
export function anchorOf({ note, size }: Pick<VerifiedCheckpoint, 'note' | 'size' | 'oldest'>): Bytes {
  return concat(sha256(utf8(note)), uint64(size))
}

/**
 * For a CVM, which binds what it is given and knows no witness to judge it by: whoever reads its evidence does. Refuses
 * what is no checkpoint note.
 */
export function anchorOfNote(note: string): Bytes {
  const { text } = parseNote(note)
  const { size } = parseCheckpoint(text, [text.slice(0, text.indexOf('\n'))])
  return anchorOf({ note, size, oldest: 0 })
}
