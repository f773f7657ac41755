/**
 * What a cell looks like from outside, in numbers: the one size that all chunks of a `paced` stream have on the wire, and
 * what of it is left for a message inside a message. wire.md "Cells", draft-ietf-ohai-chunked-ohttp-08 §3 to §5.
 * Arithmetic on lengths, which stand in the clear: a relay may hold this room.
 */
import { powerOfTwo } from './buckets.ts'

/** The tag of each AEAD of ours, and a length of two octets (RFC 9000 §16) as chunks and Binary HTTP content have it. */
const [tag, length] = [16, 2]

/** Plaintext octets of a chunk that is a cell. */
export const cellSize = 512

/** Octets of every cell on the wire, the last one too: its mark, a zero, is one octet shorter than a length. */
export const cellOnWire = length + cellSize + tag

/** What every cell but the last one begins with: its length (RFC 9000 §16). */
export const cellPrefix = [0x40 | ((cellSize + tag) >> 8), (cellSize + tag) & 0xff] as const

export type CellForm = {
  readonly size: number
  readonly finalSize: number
  /** how many cells there are in all when `count` would do */
  readonly end: (count: number) => number
}

/** Oblivious HTTP itself. */
export const outerCells: CellForm = { size: cellSize, finalSize: cellSize + 1, end: powerOfTwo }

/** An inner chunk as it is carried: framed as content, it fills an outer cell. */
export const innerOnWire = cellSize - length

/**
 * The last inner chunk as it is carried: an octet less, since the outer message's own end, two zeros, goes into the same
 * outer chunk, which has room for one octet more.
 */
export const innerFinalOnWire = innerOnWire - 1

/** The message inside, for one CVM: one cell fewer, since the outer message begins with one of its own. */
export const innerCells: CellForm = {
  size: innerOnWire - length - tag,
  finalSize: innerFinalOnWire - 1 - tag,
  end: (count) => powerOfTwo(count + 1) - 1,
}
