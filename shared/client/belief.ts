/**
 * The trust roots that a client believes, from the one the application ships to the newest it was ever led to, and what
 * it has seen under them. It grows and never shrinks: a bundle that leaves out a root does not unmake it. trust.md 1, 2.
 */
import * as seen from '../attestation/seen.ts'
import { newestRoot, verifyRoot, type TrustRoot } from '../attestation/trust-root.ts'
import type { Remembered } from './memory.ts'

export type Belief = seen.Seen & {
  readonly root: TrustRoot
  /** The chain of notes that leads to `root`, which is its last. */
  readonly roots: readonly string[]
}

export async function shippedBelief(trust: string): Promise<Belief> {
  return { ...seen.nothingSeen, root: await verifyRoot(trust), roots: [trust] }
}

/** With everything that somebody else knows more; a chain that contradicts ours is refused. */
export async function joined(own: Belief, other: Remembered): Promise<Belief> {
  const { roots } = other
  return grown({ ...own, ...seen.joined(own, other) }, await newestRoot(own.root, roots), roots)
}

/** `root` is what `notes` led to from ours: each version adds one, so the new ones are the last. */
export function grown(own: Belief, root: TrustRoot, notes: readonly string[]): Belief {
  const more = root.version - own.root.version
  return { ...own, root, roots: [...own.roots, ...notes.slice(notes.length - more)] }
}

/** True if `other` knows nothing that `own` does not. */
export function covers(own: Belief, other: Belief): boolean {
  return seen.covers(own, other) && own.root.version >= other.root.version
}

/** What is stored of it; the root itself is the last of its chain. */
export function remembered(belief: Belief): Remembered {
  const { serial, policies, checkpoints, newest, crlNumbers, tcbEvaluationDataNumber, roots } = belief
  return { serial, policies, checkpoints, newest, crlNumbers, tcbEvaluationDataNumber, roots }
}
