/** RFC 9292 §3.8, wire.md "Padding". The sizes themselves: test/shared/shaping/buckets.test.ts. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onGrid, paddingFor } from '../../../shared/bhttp/padding.ts'

test.each([55, 7 + 1120 + 16, 48])('with %i octets of overhead the sealed size is on the grid', (overhead) => {
  fc.assert(
    fc.property(fc.nat(2_000_000), (length) => {
      const padding = paddingFor(length, overhead)
      expect(padding).toBeGreaterThanOrEqual(0)
      expect(onGrid(length + padding + overhead)).toBe(true)
    }),
  )
})
