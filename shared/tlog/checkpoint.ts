/** Checkpoints: what a log says of its tree, as the text of a signed note. C2SP tlog-checkpoint; conformance.md TL-4. */
import { base64, equal, fromBase64, type Bytes } from '../bytes.ts'
import { Refusal, refuseAs } from '../refusal.ts'
import { hashLength, rootOf, verifyConsistency } from './merkle.ts'

/** What somebody must remember of a log: the next checkpoint is held against it. */
export type TreeHead = { readonly origin: string; readonly size: number; readonly root: Bytes }

export type Checkpoint = TreeHead & {
  /** the whole text that is signed */
  readonly text: string
  /** opaque: no witness vouches for them, and a cosignature of type 0x06 does not even cover them */
  readonly extensions: readonly string[]
}

/** `origins` are the logs that the caller expects; a checkpoint of any other is refused, however well signed. */
export function parseCheckpoint(text: string, origins: readonly string[]): Checkpoint {
  if (!text.endsWith('\n')) throw malformed('no LF at the end')
  const lines = text.slice(0, -1).split('\n')
  if (lines.includes('')) throw malformed('an empty line')
  const [origin, count, encoded, ...extensions] = lines
  if (origin === undefined || count === undefined || encoded === undefined) throw malformed('not three lines')
  const checkpoint = { text, origin, size: readDecimal('bad-checkpoint', count), root: readRoot(encoded), extensions }
  if (checkpoint.size === 0 && !equal(checkpoint.root, rootOf([]))) throw malformed('an empty tree has one root')
  if (!origins.includes(origin)) throw new Refusal('wrong-origin', 'not a checkpoint of the log that was expected')
  return checkpoint
}

/** For logs: the text to sign. */
export function checkpointText({ origin, size, root }: TreeHead, extensions: readonly string[] = []): string {
  const text = `${[origin, String(size), base64(root), ...extensions].join('\n')}\n`
  if (parseCheckpoint(text, [origin]).extensions.length !== extensions.length) {
    throw new TypeError('a line feed inside a line')
  }
  return text
}

/**
 * Holds a verified checkpoint against the last one seen of its log. Without a proof a larger tree is taken at its
 * word, which is all that one who is offline can do; with one it must contain the tree that was seen.
 */
export function checkSuccession(seen: TreeHead, next: TreeHead, proof?: readonly Uint8Array[]): void {
  if (seen.origin !== next.origin) throw new TypeError('two logs have nothing to do with each other')
  if (next.size < seen.size) throw new Refusal('checkpoint-rolled-back', `${next.size} after ${seen.size}`)
  if (next.size === seen.size && !equal(next.root, seen.root)) {
    throw new Refusal('split-view', `two trees of ${seen.size}: keep both checkpoints as evidence`)
  }
  if (proof === undefined) return
  verifyConsistency({ oldSize: seen.size, newSize: next.size, oldRoot: seen.root, newRoot: next.root, proof })
}

/** ASCII decimal without leading zeros, exact as a number; no log has 2^53 entries. */
export function readDecimal(code: 'bad-checkpoint' | 'malformed-proof', text: string): number {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : NaN
  if (!Number.isSafeInteger(value)) throw new Refusal(code, 'not a decimal number')
  return value
}

function readRoot(encoded: string): Bytes {
  const root = refuseAs('bad-checkpoint', () => fromBase64(encoded))
  if (root.length !== hashLength) throw malformed(`a root of ${root.length} bytes`)
  return root
}

function malformed(why: string): Refusal {
  return new Refusal('bad-checkpoint', why)
}
