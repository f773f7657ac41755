/** The development log: what it signs and proves holds before the verifiers that the foreign vectors pass. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { equal, fromHex, hex, utf8 } from '../../../shared/bytes.ts'
import { createDevelopmentLog, openDevelopmentLog } from '../../../shared/development-log/log.ts'
import { anchorOf } from '../../../shared/tlog/anchor.ts'
import { leafHash, rootOf, verifyConsistency } from '../../../shared/tlog/merkle.ts'
import { verifyCheckpoint, verifySignatures } from '../../../shared/tlog/policy.ts'
import { parseProof, verifyProof } from '../../../shared/tlog/proof.ts'
import { readTile, tilePath, tilesOf } from '../../../shared/tlog/tiles.ts'
import { codeOf } from '../tlog/code-of.ts'
import { sharedVectors } from '../../vectors/shared.ts'
import { fill, hour, leaf, noon, trusting, yard } from './folder.ts'

const clock = { now: noon + hour, skew: 120_000 }

test('a leaf is added, a quorum cosigns, and the proof verifies offline', async () => {
  const place = yard()
  const log = await place.log()
  const witnesses = [await place.witness('ada', log), await place.witness('bob', log, 'mldsaCosignature')]
  fill(log, 0, 5)
  const note = await log.checkpoint(witnesses)
  const trust = trusting(log, witnesses, 2)
  const logged = await verifyProof(log.prove(leafHash(leaf(3))), leafHash(leaf(3)), trust, clock)
  expect(logged).toMatchObject({ index: 3, size: 5, origin: 'development-log.invalid/example', oldest: noon })
  expect(logged.operators).toEqual(expect.arrayContaining(['development ada', 'development bob']))
  expect(anchorOf(await verifyCheckpoint(note, trust, clock))).toHaveLength(40)
})

test('an unchanged tree is cosigned again, later', async () => {
  const place = yard()
  const log = await place.log()
  const witnesses = [await place.witness('ada', log)]
  fill(log, 0, 2)
  await log.checkpoint(witnesses)
  place.clock += hour
  const { oldest, size } = await verifyCheckpoint(await log.checkpoint(witnesses), trusting(log, witnesses, 1), clock)
  expect([oldest, size]).toEqual([noon + hour, 2])
})

test('a leaf keeps the place that it has, and is proved only once a checkpoint holds it', async () => {
  const log = await yard().log()
  expect([log.add(leaf(0)), log.add(leaf(1)), log.add(leaf(0))]).toEqual([0, 1, 0])
  expect(await codeOf(() => log.prove(leafHash(leaf(0))))).toBe('no-proof')
  await log.checkpoint([])
  log.add(leaf(2))
  expect(parseProof(log.prove(leafHash(leaf(1)))).index).toBe(1)
  expect(await codeOf(() => log.prove(leafHash(leaf(2))))).toBe('no-proof')
  expect(await codeOf(() => log.add(new Uint8Array(65_536)))).toBe('body-too-large')
})

test('everything survives a restart, and two handles on one folder are one log', async () => {
  const place = yard()
  const log = await place.log()
  const ada = await place.witness('ada', log)
  fill(log, 0, 3)
  const note = await log.checkpoint([ada])
  const other = await place.reopened(log)
  expect(other.latest()).toBe(note)
  expect([other.add(leaf(3)), log.add(leaf(4)), other.add(leaf(4))]).toEqual([3, 4, 4])
  const notes = await Promise.all([log.checkpoint([ada]), other.checkpoint([await place.again('ada')])])
  for (const one of notes) expect((await verifySignatures(one, trusting(log, [ada], 1))).size).toBe(5)
})

test('of two that sign at once the larger tree stays published', async () => {
  const place = yard()
  const log = await place.log()
  const other = await place.reopened(log)
  fill(log, 0, 2)
  const slow = {
    operator: 'slow',
    seen: () => 0,
    async cosign() {
      fill(other, 2, 4)
      await other.checkpoint([])
      return ''
    },
  }
  const { size } = await verifySignatures(await log.checkpoint([slow]), trusting(log, [], 1))
  expect(size).toBe(4)
  expect(readFileSync(join(log.published, 'checkpoint'), 'utf8')).toBe(other.latest())
})

test('TL-5: nothing is signed over leaves that were changed or taken away, and the database resists', async () => {
  const place = yard()
  const log = await place.log()
  fill(log, 0, 3)
  await log.checkpoint([])
  const db = new DatabaseSync(join(log.published, '../log.db'))
  expect(() => db.exec("UPDATE leaves SET data = x'00' WHERE at = 1")).toThrow('append-only')
  expect(() => db.exec('DELETE FROM leaves WHERE at = 2')).toThrow('append-only')
  db.exec('DROP TRIGGER no_change; DROP TRIGGER no_removal')
  db.exec('UPDATE leaves SET hash = zeroblob(32) WHERE at = 1')
  log.add(leaf(3))
  expect(await codeOf(() => log.checkpoint([]))).toBe('old-root-mismatch')
  db.exec('DELETE FROM leaves WHERE at > 1')
  expect(await codeOf(() => log.checkpoint([]))).toBe('checkpoint-rolled-back')
  db.close()
})

test('what is published are the tiles of the signed tree, and old ones stay', async () => {
  const log = await yard().log()
  for (const size of [3, 300]) {
    fill(log, 0, size)
    await log.checkpoint([])
  }
  const read = (path: string) => readFileSync(join(log.published, path))
  const hashes = tilesOf(300).flatMap((tile) => readTile(read(tilePath(0, tile)), tile.width))
  const { root } = await verifySignatures(read('checkpoint').toString(), trusting(log, [], 1))
  expect(hex(rootOf(hashes))).toBe(hex(root))
  expect(readTile(read('tile/0/000.p/3'), 3)).toEqual(hashes.slice(0, 3))
})

describe('the key', () => {
  test('is for its owner alone, and one that is open to others is refused', async () => {
    const place = yard()
    const log = await place.log()
    const folder = join(log.published, '..')
    for (const name of ['log.key', 'log.db']) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
    writeFileSync(join(place.folder, 'log.key'), readFileSync(join(folder, 'log.key')), { mode: 0o644 })
    expect(await codeOf(() => openDevelopmentLog(place.folder))).toBe('insecure-configuration')
  })

  test('is never made over another', async () => {
    const place = yard()
    const { key } = await place.log()
    const folder = join(place.folder, 'example')
    await expect(createDevelopmentLog({ folder, name: 'other' })).rejects.toMatchObject({ code: 'EEXIST' })
    expect((await place.reopened(await openDevelopmentLog(folder))).key.text).toBe(key.text)
  })

  test.each([
    [
      'another host',
      (text: string) => text.replace('development-log.invalid', 'log.example'),
      'insecure-configuration',
    ],
    ['another use', (text: string) => text.replace('"development"', '"production"'), 'bad-encoding'],
    ['the key of a witness', (text: string) => text.replace('"note"', '"cosignature"'), 'bad-encoding'],
    ['a short seed', (text: string) => text.replace(/"seed":".*"/, '"seed":"AAAA"'), 'bad-encoding'],
    ['noise', () => 'secret noise', 'bad-encoding'],
  ])('%s in its file: %s', async (_, damage, code) => {
    const place = yard()
    const file = join((await place.log()).published, '../log.key')
    writeFileSync(file, damage(readFileSync(file, 'utf8')))
    const error = await openDevelopmentLog(join(place.folder, 'example')).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code })
    expect(String(error)).not.toContain('secret noise')
  })

  test.each(['', 'Upper', 'log.example/x', 'a b', '-a', 'a'.repeat(64)])('a log is not named %j', async (name) => {
    const { folder } = yard()
    await expect(createDevelopmentLog({ folder: join(folder, 'x'), name })).rejects.toThrow(TypeError)
  })
})

type Case = {
  id: string
  kind: string
  source: string
  expect: string
  leaves?: string[]
  root: string
  proof: string[]
  leaf_index: number
  tree_size: number
  leaf_hash: string
  size1: number
  size2?: number
  root1: string
  root2: string
}
const cases = (sharedVectors('merkle-rfc6962') as { cases: Case[] } | undefined)?.cases ?? []
const good = cases.filter((one) => one.expect === 'accept')

describe.skipIf(cases.length === 0)('against the trees of others', () => {
  const reference = good.find(({ id }) => id === 'mk-root-8')?.leaves?.map(fromHex) ?? []
  const digests = Array.from({ length: 70 }, (_, at) => utf8(`image-digest-${at}`))
  const leavesOf = ({ source }: Case) => (source.startsWith('transparency-dev') ? reference : digests)
  const inOurTree = ({ tree_size, size2, source }: Case) =>
    !source.startsWith('transparency-dev') || (size2 ?? tree_size) <= reference.length

  async function logOf(leaves: readonly Uint8Array[], size: number) {
    const log = await yard().log()
    for (const data of leaves.slice(0, size)) log.add(data)
    const { root } = await verifySignatures(await log.checkpoint([]), trusting(log, [], 1))
    return { log, root }
  }

  const roots = good.filter(({ kind, leaves }) => kind === 'root' && leaves !== undefined)
  const inclusions = good.filter((one) => one.kind === 'inclusion' && inOurTree(one))
  const consistencies = good.filter((one) => one.kind === 'consistency' && inOurTree(one))

  test('there are enough of each', () => {
    expect(roots.length).toBeGreaterThanOrEqual(6)
    expect(inclusions.length).toBeGreaterThanOrEqual(8)
    expect(consistencies.length).toBeGreaterThanOrEqual(9)
  })

  test.each(roots)('$id: the checkpoint has the same root', async ({ leaves = [], root }) => {
    // A log keeps one of equal leaves, and these are all different.
    expect(hex((await logOf(leaves.map(fromHex), leaves.length)).root)).toBe(root)
  })

  test.each(inclusions)('TL-2: $id: the same path', async (one) => {
    const { log, root } = await logOf(leavesOf(one), one.tree_size)
    const { index, hashes } = parseProof(log.prove(fromHex(one.leaf_hash)))
    expect([index, hex(root), hashes.map(hex)]).toEqual([one.leaf_index, one.root, one.proof])
  })

  test.each(consistencies)('TL-2: $id: the same path', async (one) => {
    const { log, root } = await logOf(leavesOf(one), one.size2 ?? 0)
    expect([hex(root), log.consistency(one.size1).map(hex)]).toEqual([one.root2, one.proof])
  })

  test.each(consistencies.filter(({ size1, size2 = 0 }) => size1 < size2))(
    '$id: a fork of it is found',
    async (one) => {
      const { size2 = 0 } = one
      const [first, ...rest] = leavesOf(one)
      const forked = await logOf([...rest, first ?? utf8('')], size2)
      const proof = forked.log.consistency(one.size1)
      const claim = { oldSize: one.size1, newSize: size2, oldRoot: fromHex(one.root1), newRoot: forked.root, proof }
      expect(equal(forked.root, fromHex(one.root2))).toBe(false)
      expect(await codeOf(() => verifyConsistency(claim))).toMatch(/^(old|new)-root-mismatch$/)
      const theirs = { ...claim, proof: one.proof.map(fromHex) }
      expect(await codeOf(() => verifyConsistency(theirs))).toBe('new-root-mismatch')
    },
  )
})
