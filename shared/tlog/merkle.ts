/** Merkle trees over SHA-256: roots, and proofs that a leaf is in a tree or that one tree grew from another. RFC 9162 §2.1, RFC 6962 §2.1. */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, equal, uint8, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'

export const hashLength = 32

export type Inclusion = {
  readonly index: number
  readonly size: number
  readonly leaf: Uint8Array
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

export type Consistency = {
  readonly oldSize: number
  readonly newSize: number
  readonly oldRoot: Uint8Array
  readonly newRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}

// RFC 9162 §2.1.1: the prefixes keep an inner node from passing as a leaf.
const prefixes = { leaf: uint8(0x00), node: uint8(0x01) }

export function leafHash(data: Uint8Array): Bytes {
  return digest(prefixes.leaf, data)
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Bytes {
  return digest(prefixes.node, left, right)
}

/** The root of a tree of these leaf hashes; of none, SHA-256 of nothing. */
export function rootOf(leaves: readonly Uint8Array[]): Bytes {
  const [only, second] = leaves
  if (only === undefined) return digest()
  if (second === undefined) return new Uint8Array(only)
  const at = split(leaves.length)
  return nodeHash(rootOf(leaves.slice(0, at)), rootOf(leaves.slice(at)))
}

/** RFC 9162 §2.1.3.2. A mismatch does not tell another leaf from a damaged path: both end at another root. */
export function verifyInclusion({ index, size, leaf, proof, root }: Inclusion): void {
  if (!isCount(index) || !isCount(size) || index >= size) {
    throw new Refusal('index-out-of-range', `index ${index} in a tree of ${size}`)
  }
  checkLengths([leaf, root, ...proof])
  const climb = new Climb(index, size - 1)
  let hash = leaf
  for (const sibling of proof) hash = climb.next() === 'left' ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
  climb.end()
  if (!equal(hash, root)) throw new Refusal('root-mismatch', `leaf ${index} does not lead to this root`)
}

/** RFC 9162 §2.1.4.2. */
export function verifyConsistency({ oldSize, newSize, oldRoot, newRoot, proof }: Consistency): void {
  if (!isCount(oldSize) || !isCount(newSize) || oldSize > newSize) {
    throw new Refusal('sizes-out-of-order', `from ${oldSize} to ${newSize}`)
  }
  checkLengths([oldRoot, newRoot, ...proof])
  if (oldSize === newSize || oldSize === 0) {
    checkTrivial({ oldSize, newSize, oldRoot, newRoot, proof })
    return
  }
  const roots = climbBoth(oldSize, newSize, oldRoot, proof)
  if (!equal(roots.old, oldRoot)) throw new Refusal('old-root-mismatch', `not the tree of ${oldSize}`)
  if (!equal(roots.new, newRoot)) throw new Refusal('new-root-mismatch', `not the tree of ${newSize}`)
}

/** RFC 9162 §2.1.3.1. For logs: `leaves` are all leaf hashes of the tree. */
export function inclusionProof(leaves: readonly Uint8Array[], index: number): Bytes[] {
  if (!isCount(index) || index >= leaves.length) throw new TypeError(`no leaf ${index} in a tree of ${leaves.length}`)
  if (leaves.length === 1) return []
  const at = split(leaves.length)
  const [left, right] = [leaves.slice(0, at), leaves.slice(at)]
  return index < at
    ? [...inclusionProof(left, index), rootOf(right)]
    : [...inclusionProof(right, index - at), rootOf(left)]
}

/** RFC 9162 §2.1.4.1, from the tree of the first `oldSize` leaves. */
export function consistencyProof(leaves: readonly Uint8Array[], oldSize: number): Bytes[] {
  if (!isCount(oldSize) || oldSize > leaves.length) throw new TypeError(`${oldSize} of ${leaves.length} leaves`)
  return oldSize === 0 ? [] : subProof(leaves, oldSize, true)
}

function subProof(leaves: readonly Uint8Array[], oldSize: number, known: boolean): Bytes[] {
  if (oldSize === leaves.length) return known ? [] : [rootOf(leaves)]
  const at = split(leaves.length)
  const [left, right] = [leaves.slice(0, at), leaves.slice(at)]
  return oldSize <= at
    ? [...subProof(left, oldSize, known), rootOf(right)]
    : [...subProof(right, oldSize - at, false), rootOf(left)]
}

/**
 * The way from a leaf to the root, level by level: RFC 9162's fn and sn. Plain numbers, not bits: a 32-bit shift
 * would be wrong from 2^32 leaves on.
 */
class Climb {
  #index: number
  #last: number

  constructor(index: number, last: number) {
    this.#index = index
    this.#last = last
  }

  /** On which side the next sibling stands. */
  next(): 'left' | 'right' {
    if (this.#last === 0) throw new Refusal('proof-too-long', 'hashes left over at the root')
    const side = odd(this.#index) || this.#index === this.#last ? 'left' : 'right'
    // At the ragged edge a node has no sibling for some levels and rises as it is.
    if (side === 'left') while (!odd(this.#index) && this.#index !== 0) this.#up()
    this.#up()
    return side
  }

  /** To the largest full tree that ends with this leaf. */
  toFullTree(): void {
    while (odd(this.#index)) this.#up()
  }

  end(): void {
    if (this.#last !== 0) throw new Refusal('proof-too-short', 'the root is not reached')
  }

  #up(): void {
    this.#index = Math.floor(this.#index / 2)
    this.#last = Math.floor(this.#last / 2)
  }
}

function climbBoth(oldSize: number, newSize: number, oldRoot: Uint8Array, proof: readonly Uint8Array[]) {
  // An old tree of a power of two is itself a node of the new one; the proof need not repeat its root.
  const [start, ...path] = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : proof
  if (start === undefined) throw new Refusal('proof-too-short', 'an empty proof')
  const climb = new Climb(oldSize - 1, newSize - 1)
  climb.toFullTree()
  let roots = { old: start, new: start }
  for (const hash of path) {
    roots =
      climb.next() === 'left'
        ? { old: nodeHash(hash, roots.old), new: nodeHash(hash, roots.new) }
        : { old: roots.old, new: nodeHash(roots.new, hash) }
  }
  climb.end()
  return roots
}

/** Nothing is proved by hashes here: equal sizes are one tree, and every tree begins empty. */
function checkTrivial({ oldSize, newSize, oldRoot, newRoot, proof }: Consistency): void {
  if (proof.length > 0) throw new Refusal('proof-too-long', 'nothing is to be proved here')
  if (oldSize === 0 && !equal(oldRoot, rootOf([]))) throw new Refusal('old-root-mismatch', 'not the empty tree')
  if (oldSize === newSize && !equal(oldRoot, newRoot)) throw new Refusal('new-root-mismatch', 'one size, two roots')
}

function checkLengths(hashes: readonly Uint8Array[]): void {
  if (hashes.some((hash) => hash.length !== hashLength)) throw new Refusal('bad-hash-length', 'a hash has 32 bytes')
}

function digest(...parts: readonly Uint8Array[]): Bytes {
  return new Uint8Array(sha256(concat(...parts)))
}

/** The largest power of two below `size`. */
function split(size: number): number {
  let at = 1
  while (at * 2 < size) at *= 2
  return at
}

function isPowerOfTwo(size: number): boolean {
  return size === 1 || split(size) * 2 === size
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function odd(value: number): boolean {
  return value % 2 === 1
}
