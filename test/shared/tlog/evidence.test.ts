/**
 * Real logs: transparency-dev's files, the Go checksum database, Rekor of both generations. Rekor's own envelopes
 * (signed entry timestamps, ECDSA checkpoints, certificates) are not ours to read: here only its trees and notes are.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fromHex, hex, type Bytes } from '../../../shared/bytes.ts'
import { parseCheckpoint } from '../../../shared/tlog/checkpoint.ts'
import { parseKey, verifierKey } from '../../../shared/tlog/key.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../../../shared/tlog/merkle.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { verifySignatures, type LogKey } from '../../../shared/tlog/policy.ts'
import { sharedDir } from '../../vectors/shared.ts'
import { codeOf } from './code-of.ts'

const dir = join(sharedDir, 'evidence')
const there = existsSync(join(dir, 'MANIFEST.json'))
if (!there) process.stderr.write(`skipped: no evidence at ${dir} (set SHARED_DIR)\n`)
const text = (file: string) => readFileSync(join(dir, file), 'utf8')
const json = (file: string): unknown => JSON.parse(text(file))
const bytes = (encoded: string): Bytes => Uint8Array.fromBase64(encoded)

type Entry = {
  file: string
  kind: string
  set: string
  expected: Record<string, unknown>
  fields: Record<string, string>
}
const entries = there ? (json('MANIFEST.json') as { entries: Entry[] }).entries : []
const ofKind = (kind: string) => entries.filter((entry) => entry.kind === kind)

describe.skipIf(!there)('transparency-dev', () => {
  type Inclusion = { leafIdx: number; treeSize: number; root: string; leafHash: string; proof: string[] | null }
  type Consistency = { size1: number; size2: number; root1: string; root2: string; proof: string[] | null }

  test('there are as many files as the manifest promised', () => {
    expect([ofKind('rfc6962-inclusion').length, ofKind('rfc6962-consistency').length]).toEqual([22, 27])
  })

  test.each(ofKind('rfc6962-inclusion'))('TL-2: $file: $expected.verdict', async ({ file, expected }) => {
    const { leafIdx: index, treeSize: size, ...rest } = json(file) as Inclusion
    const proof = (rest.proof ?? []).map(bytes)
    const work = () => verifyInclusion({ index, size, leaf: bytes(rest.leafHash), root: bytes(rest.root), proof })
    expect((await codeOf(work)) === 'accepted').toBe(expected['verdict'] === 'accept')
  })

  test.each(ofKind('rfc6962-consistency'))('TL-2: $file: $expected.verdict', async ({ file, expected }) => {
    const { size1: oldSize, size2: newSize, root1, root2, ...rest } = json(file) as Consistency
    const proof = (rest.proof ?? []).map(bytes)
    const work = () => verifyConsistency({ oldSize, newSize, oldRoot: bytes(root1), newRoot: bytes(root2), proof })
    expect((await codeOf(work)) === 'accepted').toBe(expected['verdict'] === 'accept')
  })
})

test.skipIf(!there)('TL-3, TL-4: the Go checksum database: its origin is not the name of its key', async () => {
  const [{ file, fields } = { file: '', fields: {} as Entry['fields'] }] = ofKind('signed-note-checkpoint')
  const key = parseKey(fields['vkey'] ?? '')
  const log = { origin: fields['origin'] ?? '', key }
  const checkpoint = await verifySignatures(text(file), { logs: [log], witnesses: [] })
  expect(checkpoint).toMatchObject({ origin: 'go.sum database tree', size: fields['size'], log })
  const named = { logs: [{ origin: key.name, key }], witnesses: [] }
  expect(await codeOf(() => verifySignatures(text(file), named))).toBe('wrong-origin')
})

test.skipIf(!there)('Rekor v1: the entry is the leaf of its id, and in the tree that the checkpoint names', () => {
  type Proof = { logIndex: number; treeSize: number; rootHash: string; hashes: string[]; checkpoint: string }
  type Log = Record<string, { body: string; verification: { inclusionProof: Proof } }>
  const [[id, entry] = []] = Object.entries(json('tlog/rekor_v1_logentry.json') as Log)
  if (id === undefined || entry === undefined) throw new TypeError('no entry')
  const { logIndex: index, treeSize: size, rootHash, hashes, checkpoint } = entry.verification.inclusionProof
  const leaf = leafHash(bytes(entry.body))
  expect(id.endsWith(hex(leaf))).toBe(true)
  const head = parseCheckpoint(parseNote(checkpoint).text, ['rekor.sigstore.dev - 1193050959916656506'])
  expect([head.size, hex(head.root)]).toEqual([size, rootHash])
  expect(() => verifyInclusion({ index, size, leaf, proof: hashes.map(fromHex), root: head.root })).not.toThrow()
})

describe.skipIf(!there)('Sigstore bundles, as far as notes and trees go', () => {
  type Proof = { logIndex: string; hashes: string[]; checkpoint: { envelope: string } }
  type Bundle = {
    verificationMaterial: { tlogEntries: { canonicalizedBody: string; inclusionProof?: Partial<Proof> }[] }
  }
  type Root = { tlogs: { baseUrl: string; publicKey: { rawBytes: string; keyDetails: string } }[] }

  /** Rekor v2 signs with Ed25519 note keys; its trusted root has them as SubjectPublicKeyInfo. */
  function logsOf(root: Root): LogKey[] {
    const ed25519 = root.tlogs.filter(({ publicKey }) => publicKey.keyDetails === 'PKIX_ED25519')
    return ed25519.map(({ baseUrl, publicKey }) => {
      const origin = new URL(baseUrl).host
      return { origin, key: verifierKey(origin, 'note', bytes(publicKey.rawBytes).subarray(-32)) }
    })
  }

  async function verify(set: string): Promise<void> {
    const { tlogEntries } = (json(`tlog/sigstore/${set}.bundle.sigstore.json`) as Bundle).verificationMaterial
    const [entry] = tlogEntries
    const { logIndex = '', hashes = [], checkpoint } = entry?.inclusionProof ?? {}
    const logs = logsOf(json('tlog/sigstore/rekor2-happy-path.trusted_root.json') as Root)
    const { size, root } = await verifySignatures(checkpoint?.envelope ?? '', { logs, witnesses: [] })
    const leaf = leafHash(bytes(entry?.canonicalizedBody ?? ''))
    verifyInclusion({ index: Number(logIndex), size, leaf, proof: hashes.map(bytes), root })
  }

  test.each([
    ['rekor2-happy-path', 'accepted'],
    ['rekor2-checkpoint-multiple-cosigs', 'accepted'],
    ['rekor2-checkpoint-no-matching-signature_fail', 'wrong-origin'],
    ['rekor2-checkpoint-missing-root-hash_fail', 'bad-checkpoint'],
    ['rekor2-no-inclusion-proof_fail', 'malformed-note'],
  ])('%s: %s', async (set, code) => {
    const [entry] = entries.filter((one) => one.set === set)
    expect(entry?.expected['verdict']).toBe(code === 'accepted' ? 'accept' : 'reject')
    expect(await codeOf(() => verify(set))).toBe(code)
  })

  test.each([
    ['happy-path-v0.3', 'rekor.sigstore.dev - 2605736670972794746', 'accepted'],
    ['checkpoint-wrong-roothash_fail', 'rekor.sigstore.dev - 2605736670972794746', 'proof-too-short'],
  ])('%s of Rekor v1, whose signature we cannot read: %s', async (set, origin, code) => {
    const { tlogEntries } = (json(`tlog/sigstore/${set}.bundle.sigstore.json`) as Bundle).verificationMaterial
    const [entry] = tlogEntries
    const { logIndex = '', hashes = [], checkpoint } = entry?.inclusionProof ?? {}
    const { size, root } = parseCheckpoint(parseNote(checkpoint?.envelope ?? '').text, [origin])
    const leaf = leafHash(bytes(entry?.canonicalizedBody ?? ''))
    const work = () => verifyInclusion({ index: Number(logIndex), size, leaf, proof: hashes.map(bytes), root })
    expect(await codeOf(work)).toBe(code)
  })
})
