/** Our own proofs verify, every change to one is refused, and big trees count as small ones do. */
import { describe, expect, test } from 'vitest'
import { equal, hex, utf8, type Bytes } from '../../../shared/bytes.ts'
import { consistencyProof, inclusionProof, leafHash, nodeHash, rootOf } from '../../../shared/tlog/merkle.ts'
import { verifyConsistency, verifyInclusion, type Consistency, type Inclusion } from '../../../shared/tlog/merkle.ts'
import { codeOf } from './code-of.ts'
import { leaves } from './small-log.ts'

const sizes = Array.from({ length: 20 }, (_, at) => at + 1)

function inclusionOf(index: number, size: number): Inclusion {
  const all = leaves(size)
  return { index, size, leaf: all[index] ?? utf8(''), proof: inclusionProof(all, index), root: rootOf(all) }
}

function consistencyOf(oldSize: number, newSize: number): Consistency {
  const all = leaves(newSize)
  const [oldRoot, newRoot] = [rootOf(all.slice(0, oldSize)), rootOf(all)]
  return { oldSize, newSize, oldRoot, newRoot, proof: consistencyProof(all, oldSize) }
}

function flipped(bytes: Uint8Array): Bytes {
  const out = new Uint8Array(bytes)
  out[31] = (out[31] ?? 0) ^ 1
  return out
}

describe('inclusion', () => {
  test.each(sizes)('TL-2: every leaf of a tree of %i is in it, and in no other place', async (size) => {
    for (let index = 0; index < size; index++) {
      verifyInclusion(inclusionOf(index, size))
      for (let other = 0; other < size; other++) {
        const code = await codeOf(() => verifyInclusion({ ...inclusionOf(index, size), index: other }))
        expect(code === 'accepted').toBe(other === index)
      }
    }
  })

  test.each([
    ['the leaf', (it: Inclusion) => ({ leaf: flipped(it.leaf) }), 'root-mismatch'],
    ['the root', (it: Inclusion) => ({ root: flipped(it.root) }), 'root-mismatch'],
    ['a hash', (it: Inclusion) => ({ proof: it.proof.map(flipped) }), 'root-mismatch'],
    ['the order', (it: Inclusion) => ({ proof: it.proof.toReversed() }), 'root-mismatch'],
    ['a hash too many', (it: Inclusion) => ({ proof: [...it.proof, it.root] }), 'proof-too-long'],
    ['a hash too few', (it: Inclusion) => ({ proof: it.proof.slice(1) }), 'proof-too-short'],
    ['a short hash', (it: Inclusion) => ({ proof: it.proof.map((hash) => hash.subarray(1)) }), 'bad-hash-length'],
    ['a short leaf', (it: Inclusion) => ({ leaf: it.leaf.subarray(1) }), 'bad-hash-length'],
    ['a long root', () => ({ root: new Uint8Array(33) }), 'bad-hash-length'],
    ['the index after the last', () => ({ index: 13 }), 'index-out-of-range'],
    ['a negative index', () => ({ index: -1 }), 'index-out-of-range'],
    ['half an index', () => ({ index: 0.5 }), 'index-out-of-range'],
    ['a size that is not exact', () => ({ size: 2 ** 53 }), 'index-out-of-range'],
    ['an empty tree', () => ({ index: 0, size: 0 }), 'index-out-of-range'],
  ])('TL-2: %s changed', async (_, change, code) => {
    const good = inclusionOf(5, 13)
    expect(await codeOf(() => verifyInclusion({ ...good, ...change(good) }))).toBe(code)
  })

  test('TL-1: an inner node is no leaf', async () => {
    const [a, b] = leaves(2) as [Bytes, Bytes]
    const four = inclusionOf(0, 4)
    const forged = { ...four, size: 2, leaf: nodeHash(a, b), proof: four.proof.slice(1) }
    // As a hash it fits: only the prefix of leaf data keeps it from being one.
    expect(await codeOf(() => verifyInclusion(forged))).toBe('accepted')
    const data = new Uint8Array([...a, ...b])
    expect(await codeOf(() => verifyInclusion({ ...forged, leaf: leafHash(data) }))).toBe('root-mismatch')
  })

  test('beyond 2^32 leaves sides are counted as before', () => {
    const [index, size] = [2 ** 40 + 2 ** 33 + 5, 2 ** 41]
    const leaf = leafHash(utf8('far away'))
    const proof = Array.from({ length: 41 }, (_, at) => leafHash(utf8(`sibling ${at}`)))
    const root = proof.reduce((hash, sibling, level) => {
      return (BigInt(index) >> BigInt(level)) & 1n ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
    }, leaf)
    expect(() => verifyInclusion({ index, size, leaf, proof, root })).not.toThrow()
  })
})

describe('consistency', () => {
  test.each(sizes)('TL-2: every smaller tree grew into the tree of %i', (newSize) => {
    for (let oldSize = 0; oldSize <= newSize; oldSize++) {
      expect(() => verifyConsistency(consistencyOf(oldSize, newSize))).not.toThrow()
    }
  })

  test.each(sizes.slice(1))('TL-2: a tree of %i with one old leaf replaced did not grow from it', async (newSize) => {
    for (let oldSize = 1; oldSize < newSize; oldSize++) {
      const good = consistencyOf(oldSize, newSize)
      const forged = [leafHash(utf8('forged')), ...leaves(newSize).slice(1)]
      const bad = { ...good, newRoot: rootOf(forged), proof: consistencyProof(forged, oldSize) }
      expect(await codeOf(() => verifyConsistency(bad))).toMatch(/^(old|new)-root-mismatch$/)
    }
  })

  test.each([
    ['the old root', 6, 13, (it: Consistency) => ({ oldRoot: flipped(it.oldRoot) }), 'old-root-mismatch'],
    ['the new root', 6, 13, (it: Consistency) => ({ newRoot: flipped(it.newRoot) }), 'new-root-mismatch'],
    ['a hash too many', 6, 13, (it: Consistency) => ({ proof: [...it.proof, it.newRoot] }), 'proof-too-long'],
    ['a hash too few', 6, 13, (it: Consistency) => ({ proof: it.proof.slice(0, -1) }), 'proof-too-short'],
    ['no hash at all', 6, 13, () => ({ proof: [] }), 'proof-too-short'],
    ['no hash at all, from a power of two', 8, 13, () => ({ proof: [] }), 'proof-too-short'],
    [
      'a short hash',
      6,
      13,
      (it: Consistency) => ({ proof: it.proof.map((one) => one.subarray(1)) }),
      'bad-hash-length',
    ],
    ['a short old root', 6, 13, (it: Consistency) => ({ oldRoot: it.oldRoot.subarray(1) }), 'bad-hash-length'],
    ['a short new root', 6, 13, (it: Consistency) => ({ newRoot: it.newRoot.subarray(1) }), 'bad-hash-length'],
    ['the sizes', 6, 13, () => ({ oldSize: 13, newSize: 6 }), 'sizes-out-of-order'],
    ['half a size', 6, 13, () => ({ oldSize: 5.5 }), 'sizes-out-of-order'],
    ['one size, two roots', 6, 6, (it: Consistency) => ({ newRoot: flipped(it.newRoot) }), 'new-root-mismatch'],
    ['one size, a hash', 6, 6, (it: Consistency) => ({ proof: [it.newRoot] }), 'proof-too-long'],
    ['from nothing, a hash', 0, 6, (it: Consistency) => ({ proof: [it.newRoot] }), 'proof-too-long'],
    ['from nothing, a root', 0, 6, (it: Consistency) => ({ oldRoot: it.newRoot }), 'old-root-mismatch'],
  ])('TL-2: %s changed', async (_, oldSize, newSize, change, code) => {
    const good = consistencyOf(oldSize, newSize)
    expect(await codeOf(() => verifyConsistency({ ...good, ...change(good) }))).toBe(code)
  })
})

test('TL-1: RFC 6962: the empty tree, the empty leaf, and one leaf is its own root', () => {
  const nothing = utf8('')
  expect(hex(rootOf([]))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(hex(leafHash(nothing))).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
  expect(equal(rootOf([leafHash(nothing)]), leafHash(nothing))).toBe(true)
})

test('proofs of what a log does not have are our own mistake', () => {
  expect(() => inclusionProof(leaves(3), 3)).toThrow(TypeError)
  expect(() => consistencyProof(leaves(3), 4)).toThrow(TypeError)
})
