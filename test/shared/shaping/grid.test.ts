/** wire.md "Cells": the lengths of both layers, against what the sealers and the codec really write. */
import { describe, expect, test } from 'vitest'
import { encodeContent, encodeEnd } from '../../../shared/bhttp/encode.ts'
import { chunkPrefix, finalPrefix } from '../../../shared/ohttp/chunk-frames.ts'
import { aeads } from '../../../shared/hpke/suites.ts'
import { cellOnWire, innerCells, innerFinalOnWire, innerOnWire, outerCells } from '../../../shared/shaping/grid.ts'

describe.each(aeads)('with $name', ({ tagLength: tag }) => {
  const onWire = (size: number): number => chunkPrefix(size + tag).length + size + tag
  const finalOnWire = (size: number): number => finalPrefix.length + size + tag

  test('every outer cell is as long as the last one', () => {
    expect([onWire(outerCells.size), finalOnWire(outerCells.finalSize)]).toEqual([cellOnWire, cellOnWire])
    expect(outerCells.size).toBe(512)
  })

  test('an inner cell fills an outer one, and the last inner one the last outer one', () => {
    expect([onWire(innerCells.size), finalOnWire(innerCells.finalSize)]).toEqual([innerOnWire, innerFinalOnWire])
    expect(encodeContent(new Uint8Array(innerOnWire))).toHaveLength(outerCells.size)
    expect(encodeContent(new Uint8Array(innerFinalOnWire)).length + encodeEnd().length).toBe(outerCells.finalSize)
  })
})

test.each([
  [1, 1, 1],
  [2, 2, 3],
  [3, 4, 3],
  [4, 4, 7],
  [7, 8, 7],
  [8, 8, 15],
])('a message of %i cells is sent as %i, or as %i with one in front of them', (needed, alone, inside) => {
  expect([outerCells.end(needed), innerCells.end(needed)]).toEqual([alone, inside])
  expect(Math.log2(innerCells.end(needed) + 1) % 1).toBe(0)
})
