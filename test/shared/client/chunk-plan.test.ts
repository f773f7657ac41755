/** Chunked requests in memory: cut so that every size ends on a bucket, and no chunk is empty or too large. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucket, onGrid } from '../../../shared/bhttp/padding.ts'
import { varint } from '../../../shared/bhttp/varint.ts'
import { innerBucket } from '../../../shared/bhttp/sealed-padding.ts'
import { chunkPlan } from '../../../shared/client/chunk-plan.ts'
import { inner } from '../../../shared/client/layers.ts'

const heads = [7 + 32, 7 + 65, 7 + 1120]

/** As it will lie on the wire. */
function encapsulated({ plaintext, chunks }: ReturnType<typeof chunkPlan>, head: number): number {
  const inChunks = chunks.reduce((sum, chunk) => sum + chunk, 0)
  const framed = chunks.reduce((sum, chunk) => sum + varint(chunk + 16).length + chunk + 16, 0)
  return head + framed + 1 + (plaintext - inChunks) + 16
}

/** What is wrong with the plan for this length: nothing. One assertion for thousands of plans. */
function wrong(length: number, head: number): boolean {
  const plan = chunkPlan(length, head, 16)
  const size = encapsulated(plan, head)
  const final = plan.plaintext - plan.chunks.reduce((sum, chunk) => sum + chunk, 0)
  // Never a class larger than the message with its unavoidable framing needs.
  const unavoidable = head + 17 + 20 * (Math.floor(length / 16_384) + 1) + 20
  const sized = plan.chunks.every((chunk) => chunk > 0 && chunk <= 16_384) && final >= 0 && final <= 16_384
  return !(sized && onGrid(size) && plan.plaintext >= length && size <= bucket(length + unavoidable))
}

test.each(heads)('CHK-10: every length around a boundary, after a head of %i', (head) => {
  const near = [1024, 4096, 16_384, 65_536, 262_144].flatMap((size) => [size - head - 17, size - head, size, size + 17])
  const lengths = near.flatMap((middle) => Array.from({ length: 120 }, (_, i) => Math.max(0, middle - 60 + i)))
  expect(lengths.filter((length) => wrong(length, head))).toEqual([])
})

test('CHK-10: any length up to the largest request', () => {
  const length = fc.integer({ min: 0, max: 8 << 20 })
  fc.assert(
    fc.property(length, fc.constantFrom(...heads), (octets, head) => !wrong(octets, head)),
    { numRuns: 500 },
  )
  expect(wrong(1, 39)).toBe(false)
})

test('trust.md 5: an inner message fills its inner bucket with chunks of at most 15,872 octets', () => {
  const wrongs = Array.from({ length: 3_000 }, (_, n) => n * 37).filter((length) => {
    const plan = chunkPlan(length, 39, 16, inner)
    const size = encapsulated(plan, 39)
    const final = plan.plaintext - plan.chunks.reduce((sum, chunk) => sum + chunk, 0)
    const sized = [...plan.chunks, final].every((chunk) => chunk >= 0 && chunk <= 15_872)
    return !(sized && size === innerBucket(size) && plan.plaintext >= length)
  })
  expect(wrongs).toEqual([])
})
