/** RFC 9000 §16 and Appendix A.1. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, fromHex, hex } from '../../../shared/bytes.ts'
import { Feed } from '../../../shared/bhttp/feed.ts'
import { maxVarint, varint, varintAt, varintSize } from '../../../shared/bhttp/varint.ts'

/** Published examples: RFC 9000 A.1. */
const examples: [string, bigint][] = [
  ['c2197c5eff14e88c', 151_288_809_941_952_652n],
  ['9d7f3e7d', 494_878_333n],
  ['7bbd', 15_293n],
  ['25', 37n],
  ['4025', 37n],
]

const edges = [0, 1, 63, 64, 16_383, 16_384, 2 ** 30 - 1, 2 ** 30, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]

describe('B-2: variable-length integers', () => {
  test.each(examples)('%s is %i', (encoded, value) => {
    expect(varintAt(fromHex(encoded), 0)).toBe(value)
  })

  test.each(edges)('%i comes back as it went', (value) => {
    expect(varintAt(varint(value), 0)).toBe(BigInt(value))
  })

  test.each([
    [63, '3f'],
    [64, '4040'],
    [16_383, '7fff'],
    [16_384, '80004000'],
    [2 ** 30 - 1, 'bfffffff'],
    [2 ** 30, 'c000000040000000'],
    [maxVarint, 'ffffffffffffffff'],
  ])('%i is written on as few bytes as it needs', (value, encoded) => {
    expect(hex(varint(value))).toBe(encoded)
  })

  test('B-18: every value of 62 bits is exact, in every size that holds it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: maxVarint }), fc.nat(3), (value, wide) => {
        const size = 1 << wide
        if (value >= 1n << BigInt(8 * size - 2)) return
        const bits = (BigInt(wide) << BigInt(8 * size - 2)) | value
        expect(varintAt(fromHex(bits.toString(16).padStart(2 * size, '0')), 0)).toBe(value)
        expect(varintAt(varint(value), 0)).toBe(value)
      }),
    )
  })

  test.each([-1, -1n, maxVarint + 1n, 0.5, NaN, Infinity])('%s is none: a mistake of ours', (value) => {
    expect(() => varint(value)).toThrow(TypeError)
  })

  test('one that is not all there is not read', () => {
    expect(() => varintAt(fromHex('4000'), 1)).not.toThrow()
    expect(() => varintAt(fromHex('0040'), 1)).toThrow(TypeError)
    expect([0x3f, 0x40, 0x80, 0xc0].map(varintSize)).toEqual([1, 2, 4, 8])
  })
})

describe('a feed', () => {
  test('gives an integer when its last byte is here, not before', () => {
    const feed = new Feed()
    for (const byte of fromHex('c2197c5eff14e8')) {
      feed.push(Uint8Array.of(byte))
      feed.keep()
      expect(feed.varint()).toBeUndefined()
    }
    feed.push(fromHex('8c25'))
    expect([feed.varint(), feed.varint(), feed.varint()]).toEqual([151_288_809_941_952_652n, 37n, undefined])
  })

  test('gives back what went in, and never writes over what it gave', () => {
    const sizes = fc.array(fc.record({ push: fc.nat(40), take: fc.nat(40) }), { maxLength: 40 })
    fc.assert(
      fc.property(sizes, (steps) => {
        const feed = new Feed()
        const given: Uint8Array[] = []
        let next = 0
        for (const { push, take } of steps) {
          const piece = Uint8Array.from({ length: push }, () => next++)
          feed.push(piece)
          const taken = feed.take(take)
          feed.keep()
          // What was given out may be a view of the piece itself, so it is copied before the piece is reused.
          given.push(taken?.slice() ?? new Uint8Array(0))
          if (taken !== undefined && taken.buffer !== piece.buffer) given.splice(-1, 1, taken)
          piece.fill(0xee)
        }
        const all = concat(...given, feed.some(feed.waiting))
        expect(hex(all)).toBe(hex(Uint8Array.from({ length: next }, (_, i) => i)))
      }),
    )
  })
})
