/** Tiles: a log as files that never change, which anybody may serve, mirror and check. C2SP tlog-tiles. */
import { concat, uint16, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { hashLength, rootOf } from './merkle.ts'

/** Hashes in a full tile, entries in a full bundle of entries. */
export const tileWidth = 256

/** The longest leaf that a bundle of entries can carry. */
export const maxEntry = 0xffff

/** Where the checkpoint lies, beside the tiles. */
export const checkpointPath = 'checkpoint'

/** `width` is below 256 only for the last tile of a level. */
export type Tile = { readonly index: number; readonly width: number }

/** The tiles of a level that has `count` hashes, in order. */
export function tilesOf(count: number): Tile[] {
  const index = Math.floor(count / tileWidth)
  const full = Array.from({ length: index }, (_, at) => ({ index: at, width: tileWidth }))
  return count % tileWidth === 0 ? full : [...full, { index, width: count % tileWidth }]
}

/** Below the log's prefix. Level 0 holds leaf hashes, `entries` the leaves themselves. */
export function tilePath(level: number | 'entries', { index, width }: Tile): string {
  const groups =
    String(index)
      .padStart(Math.ceil(String(index).length / 3) * 3, '0')
      .match(/.{3}/g) ?? []
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return `tile/${level}/${name}${width < tileWidth ? `.p/${width}` : ''}`
}

/** The first `width` hashes: a log may have only the full tile left where a partial one is asked for. */
export function readTile(bytes: Uint8Array, width: number): Bytes[] {
  const count = bytes.length / hashLength
  if (!Number.isInteger(count) || count > tileWidth || count < width) {
    throw new Refusal('bad-hash-length', `a tile of ${bytes.length} bytes where ${width} hashes are wanted`)
  }
  return Array.from({ length: width }, (_, at) => bytes.slice(at * hashLength, (at + 1) * hashLength))
}

/** For logs: every file of a tree of these leaves, `entries` being their data. */
export function* tileFiles(entries: readonly Uint8Array[], hashes: readonly Uint8Array[]): Generator<[string, Bytes]> {
  for (const tile of tilesOf(entries.length)) yield [tilePath('entries', tile), entryBundle(within(entries, tile))]
  let [level, row] = [0, hashes]
  while (row.length > 0) {
    for (const tile of tilesOf(row.length)) yield [tilePath(level, tile), concat(...within(row, tile))]
    const source = row
    row = tilesOf(source.length)
      .filter(({ width }) => width === tileWidth)
      .map((tile) => rootOf(within(source, tile)))
    level += 1
  }
}

function entryBundle(entries: readonly Uint8Array[]): Bytes {
  return concat(...entries.flatMap((entry) => [uint16(entry.length), entry]))
}

function within<T>(row: readonly T[], { index, width }: Tile): readonly T[] {
  return row.slice(index * tileWidth, index * tileWidth + width)
}
