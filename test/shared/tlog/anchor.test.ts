/** Anchors change whenever witnesses speak, even of an unchanged tree. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { hex } from '../../../shared/bytes.ts'
import { anchorOf } from '../../../shared/tlog/anchor.ts'
import { verifyCheckpoint } from '../../../shared/tlog/policy.ts'
import { clock, hour, noon, noteOf, trust, witnesses } from './small-log.ts'

const { a, b } = await witnesses()
const verified = async (size: number, time: number) =>
  verifyCheckpoint(
    await noteOf(size, [
      [a, time],
      [b, time],
    ]),
    await trust(2),
    clock,
  )

test('an anchor is the digest of the whole note, then the size in eight bytes', async () => {
  const checkpoint = await verified(7, noon)
  expect(checkpoint.note).toContain('— b.example/w ')
  const digest = createHash('sha256').update(checkpoint.note).digest('hex')
  expect(hex(anchorOf(checkpoint))).toBe(`${digest}0000000000000007`)
})

test('the same tree cosigned again is another anchor, with another time', async () => {
  const [first, second] = [await verified(7, noon - hour), await verified(7, noon)]
  expect(first.text).toBe(second.text)
  expect(anchorOf(first)).not.toEqual(anchorOf(second))
  expect([first.oldest, second.oldest]).toEqual([noon - hour, noon])
})
