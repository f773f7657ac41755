/** RFC 9292 §3.8, wire.md "Padding"; PADMÉ lengths recomputed by others. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucket, buckets, fitting, onGrid, padme, powerOfTwo } from '../../../shared/shaping/buckets.ts'
import { sharedVectors } from '../../vectors/shared.ts'

const vectors = sharedVectors('padme') as { cases: { length: number; padded: number }[] } | undefined

describe.skipIf(!vectors)('padme.json', () => {
  test.each(vectors?.cases ?? [])('$length becomes $padded', ({ length, padded }) => {
    expect(padme(length)).toBe(padded)
  })
})

describe('PADMÉ', () => {
  const lengths = fc.oneof(fc.nat(), fc.integer({ min: 0, max: 2 ** 52 }))

  test('is as defined: the low E - S bits are cleared upward', () => {
    const defined = (length: bigint): bigint => {
      const e = BigInt(length.toString(2).length - 1)
      const s = BigInt(e.toString(2).length)
      const mask = (1n << (e - s)) - 1n
      return (length + mask) & ~mask
    }
    fc.assert(
      fc.property(lengths, (length) => {
        if (length >= 2) expect(BigInt(padme(length))).toBe(defined(BigInt(length)))
      }),
    )
    for (const length of [2 ** 49 - 1, 2 ** 50 - 1, 2 ** 52 - 1])
      expect(BigInt(padme(length))).toBe(defined(BigInt(length)))
  })

  test('never shortens, adds at most 12 percent, and pads a padded size no more', () => {
    fc.assert(
      fc.property(lengths, (length) => {
        const padded = padme(length)
        expect(padded).toBeGreaterThanOrEqual(length)
        expect(padded).toBeLessThanOrEqual(length * 1.12)
        expect(padme(padded)).toBe(padded)
      }),
    )
  })

  test.each([-1, 1.5, NaN, 2 ** 53])('%d is no length', (length) => {
    expect(() => padme(length)).toThrow(TypeError)
    expect(() => bucket(length)).toThrow(TypeError)
  })
})

describe('buckets', () => {
  test.each([
    [0, 1024],
    [1024, 1024],
    [1025, 4096],
    [4097, 16_384],
    [16_385, 65_536],
    [65_537, 262_144],
    [262_144, 262_144],
    [262_145, 270_336],
    [1_048_577, 1_081_344],
  ])('%i octets travel as %i', (length, size) => {
    expect(bucket(length)).toBe(size)
  })

  test('the grid is the buckets, and PADMÉ sizes above the last', () => {
    expect(buckets.every(onGrid)).toBe(true)
    expect([270_336, 1_081_344].every(onGrid)).toBe(true)
    expect([0, 16, 1023, 1025, 8192, 262_145].some(onGrid)).toBe(false)
  })

  test.each([
    [[4, 16], 0, 4],
    [[4, 16], 4, 4],
    [[4, 16], 5, 16],
    [[4, 16], 17, undefined],
    [[65_536], 1, 65_536],
  ])('of the sizes %j the one for %i octets is %j', (sizes, length, size) => {
    expect(fitting(sizes, length)).toBe(size)
  })
})

describe('powers of two', () => {
  test.each([
    [0, 1],
    [1, 1],
    [2, 2],
    [3, 4],
    [4, 4],
    [5, 8],
    [1023, 1024],
    [1024, 1024],
    [1025, 2048],
    [2 ** 33 + 1, 2 ** 34],
  ])('%i cells end as %i', (needed, cells) => {
    expect(powerOfTwo(needed)).toBe(cells)
  })
})
