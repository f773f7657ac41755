/**
 * What tells one layer of encapsulation from the other: names on the wire, labels, sizes, and what is said of a message
 * that does not open. The life of a request is the same in both. wire.md, trust.md 5.
 */
import { paddingFor } from '../shared/bhttp/padding.ts'
import { innerPaddingFor } from '../shared/bhttp/sealed-padding.ts'
import { families, sealedFamilies, type Family, type FamilyTypes } from '../shared/http/media-types.ts'
import { cannotOpen, type Problem } from '../shared/http/problem.ts'
import { chunkSize, innerChunkSize } from '../shared/ohttp/chunked.ts'
import { chunked, sealed, sealedChunked, standard, type Labels } from '../shared/ohttp/labels.ts'
import { innerCells, outerCells, type CellForm } from '../shared/shaping/grid.ts'

export type Layer = {
  readonly types: FamilyTypes
  readonly labels: Readonly<Record<Family, Labels>>
  /** zeros to append to a plaintext that sealing makes `overhead` octets longer */
  readonly padding: (plaintextLength: number, overhead: number) => number
  /** plaintext octets of one chunk at most, in both directions */
  readonly chunk: number
  /** the chunks of an answer that is sent in cells */
  readonly cells: CellForm
  /** the plain answer to a request that did not get as far as being opened */
  readonly unopened: (problem: Problem) => Problem
}

/** Oblivious HTTP as RFC 9458 has it. */
export const outer: Layer = {
  types: families,
  labels: { standard, chunked },
  padding: paddingFor,
  chunk: chunkSize,
  cells: outerCells,
  unopened: (problem) => problem,
}

/** The message inside, for one CVM. Whoever carries it learns one thing alone: that it was not opened. */
export const inner: Layer = {
  types: sealedFamilies,
  labels: { standard: sealed, chunked: sealedChunked },
  padding: innerPaddingFor,
  chunk: innerChunkSize,
  cells: innerCells,
  unopened: () => cannotOpen,
}
