/** trust.md 5: inner messages fill a bucket less 512 octets. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucket, buckets, onGrid } from '../../../shared/bhttp/padding.ts'
import { innerBucket, innerPaddingFor, outerRoom } from '../../../shared/bhttp/sealed-padding.ts'

describe('inner sizes', () => {
  test.each([
    [0, 512],
    [512, 512],
    [513, 3584],
    [3584, 3584],
    [3585, 15_872],
    [65_024, 65_024],
    [65_025, 261_632],
  ])('%i octets become %i', (length, size) => expect(innerBucket(length)).toBe(size))

  test('are a bucket less 512, whatever the length, and the smallest that holds it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (length) => {
        const size = innerBucket(length)
        expect(size).toBeGreaterThanOrEqual(length)
        expect(onGrid(size + outerRoom)).toBe(true)
        expect(bucket(length + outerRoom)).toBe(size + outerRoom)
      }),
    )
    expect(buckets.map((size) => innerBucket(size - outerRoom) + outerRoom)).toEqual([...buckets])
  })

  test.each([0, 100, 456, 457, 4000, 300_000])('padding counts what sealing adds: %i octets', (length) => {
    const padding = innerPaddingFor(length, 55)
    expect(innerBucket(length + padding + 55)).toBe(length + padding + 55)
  })
})
