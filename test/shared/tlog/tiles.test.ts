/** Tiles: the numbers that C2SP tlog-tiles gives, and that what is written leads to the root that is signed. */
import { expect, test } from 'vitest'
import { concat, hex, Reader, utf8, type Bytes } from '../../../shared/bytes.ts'
import { leafHash, rootOf } from '../../../shared/tlog/merkle.ts'
import { readTile, tileFiles, tilePath, tilesOf } from '../../../shared/tlog/tiles.ts'
import { codeOf } from './code-of.ts'
import { leaves } from './small-log.ts'

test.each([
  [0, 0, 256, 'tile/0/000'],
  [0, 999, 256, 'tile/0/999'],
  [2, 1000, 256, 'tile/2/x001/000'],
  [0, 1_234_067, 256, 'tile/0/x001/x234/067'],
  [1, 273, 112, 'tile/1/273.p/112'],
  ['entries' as const, 5, 1, 'tile/entries/005.p/1'],
])('level %s, tile %i, %i hashes wide: %s', (level, index, width, path) => {
  expect(tilePath(level, { index, width })).toBe(path)
})

test('the tree of 70,000 that the specification counts', () => {
  const tiles = tilesOf(70_000)
  expect(tiles.filter(({ width }) => width === 256)).toHaveLength(273)
  expect(tiles.at(-1)).toEqual({ index: 273, width: 112 })
  expect(tilesOf(273)).toEqual([
    { index: 0, width: 256 },
    { index: 1, width: 17 },
  ])
  expect(tilesOf(0)).toEqual([])
})

test.each([0, 1, 255, 256, 257, 600])('the files of a tree of %i give back its leaves and its root', (size) => {
  const entries = Array.from({ length: size }, (_, at) => utf8(`leaf ${at}`))
  const files = new Map(tileFiles(entries, entries.map(leafHash)))
  const hashes = tilesOf(size).flatMap((tile) => readTile(files.get(tilePath(0, tile)) ?? utf8(''), tile.width))
  expect(hex(rootOf(hashes))).toBe(hex(rootOf(leaves(size))))
  expect(tilesOf(size).flatMap((tile) => entriesOf(files.get(tilePath('entries', tile))))).toEqual(entries)
})

test('each hash of the second level stands for a full tile below', () => {
  const entries = Array.from({ length: 600 }, (_, at) => utf8(`leaf ${at}`))
  const files = new Map(tileFiles(entries, entries.map(leafHash)))
  const [first, second] = readTile(files.get('tile/1/000.p/2') ?? utf8(''), 2)
  expect(first).toEqual(rootOf(leaves(256)))
  expect(second).toEqual(rootOf(leaves(512).slice(256)))
  expect([...files.keys()].filter((path) => path.startsWith('tile/2'))).toEqual([])
})

test.each([
  ['a full tile in place of a partial one', 256 * 32, 3, 'accepted'],
  ['too few hashes', 2 * 32, 3, 'bad-hash-length'],
  ['too many for any tile', 257 * 32, 3, 'bad-hash-length'],
  ['part of a hash', 100, 3, 'bad-hash-length'],
])('%s: %s', async (_, length, width, code) => {
  expect(await codeOf(() => readTile(new Uint8Array(length), width))).toBe(code)
})

function entriesOf(bundle: Uint8Array = new Uint8Array()): Bytes[] {
  const from = new Reader(concat(bundle))
  const entries: Bytes[] = []
  while (!from.done) entries.push(from.take(from.uint16()))
  return entries
}
