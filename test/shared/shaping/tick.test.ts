/** wire.md `mixed`, privacy.md 4.2. */
import { describe, expect, test } from 'vitest'
import { below, shuffled } from '../../../shared/shaping/shuffle.ts'
import { Batch, nextTick } from '../../../shared/shaping/tick.ts'

/** Dice that show these numbers, one after the other, and then begin again. */
function showing(...numbers: number[]): () => number {
  let at = 0
  return () => numbers[at++ % numbers.length] ?? 0
}

/** Marsaglia's xorshift32: enough to see a bias of a few percent. */
function tumbling(): () => number {
  let state = 2_463_534_242
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>>= 0)
  }
}

const options = { period: 50, most: 3, octets: 1000, dice: showing(0) }

describe('ticks', () => {
  test.each([
    [0, 50],
    [1, 50],
    [49.9, 50],
    [50, 100],
    [1_764_000_000_123, 1_764_000_000_150],
    [1_764_000_000_150, 1_764_000_000_200],
  ])('what arrives at %d leaves at %d', (now, tick) => {
    expect(nextTick(now, 50)).toBe(tick)
  })

  test('a batch leaves on its tick and not before', () => {
    const batch = new Batch<string>(options)
    expect(batch.wait(1000)).toBeUndefined()
    batch.add('a', 1, 1010)
    expect([1010, 1049, 1050, 1080].map((now) => batch.wait(now))).toEqual([40, 1, 0, 0])
    expect(batch.release(1049)).toEqual([])
    expect(batch.release(1050)).toEqual(['a'])
    expect(batch.release(1050)).toEqual([])
    expect(batch.wait(1050)).toBeUndefined()
  })

  test('a timer that fires late leaves what came after the tick to the next one', () => {
    const batch = new Batch<string>(options)
    batch.add('before', 1, 1049)
    batch.add('after', 1, 1051)
    expect(batch.release(1055)).toEqual(['before'])
    expect(batch.wait(1055)).toBe(45)
    expect(batch.release(1100)).toEqual(['after'])
  })

  test('batches missed by a long stall leave as one', () => {
    const batch = new Batch<string>(options)
    for (const [item, now] of [
      ['a', 10],
      ['b', 60],
      ['c', 110],
    ] as const)
      batch.add(item, 1, now)
    expect(batch.release(200).sort()).toEqual(['a', 'b', 'c'])
  })

  test('a clock set back by an hour keeps nothing back for an hour', () => {
    const hour = 3_600_000
    const batch = new Batch<string>(options)
    batch.add('a', 1, hour + 10)
    expect(batch.wait(10)).toBe(0)
    expect(batch.release(10)).toEqual(['a'])
  })

  test('a clock set back by less than a period does not hold up what comes after', () => {
    const batch = new Batch<string>(options)
    batch.add('a', 1, 1060)
    batch.add('b', 1, 1040)
    expect(batch.release(1050)).toEqual(['b'])
    expect(batch.release(1100)).toEqual(['a'])
  })
})

describe('a full batch', () => {
  test('takes no more items than it may, and what it took stays until its tick', () => {
    const batch = new Batch<number>(options)
    expect([1, 2, 3, 4].map((item) => batch.add(item, 1, 0))).toEqual([true, true, true, false])
    expect(batch.release(49)).toEqual([])
    expect(batch.release(50)).toHaveLength(3)
    expect(batch.add(5, 1, 50)).toBe(true)
  })

  test('takes no more octets than it may, and has room again when some have left', () => {
    const batch = new Batch<number>(options)
    expect([600, 401, 400, 0].map((octets) => batch.add(octets, octets, 0))).toEqual([true, false, true, true])
    expect(batch.release(50).sort()).toEqual([0, 400, 600])
    expect(batch.add(1, 1000, 50)).toBe(true)
    expect(batch.size).toBe(1)
  })

  test.each([
    [{ period: 0 }],
    [{ period: Number.NaN }],
    [{ most: 0 }],
    [{ octets: -1 }],
    [{ octets: Number.POSITIVE_INFINITY }],
  ])('%j is wired wrong', (wrong) => {
    expect(() => new Batch({ ...options, ...wrong })).toThrow(TypeError)
  })

  test.each([-1, Number.NaN])('an item of %d octets is wired wrong', (octets) => {
    expect(() => new Batch(options).add('a', octets, 0)).toThrow(TypeError)
  })
})

describe('the order of a batch', () => {
  test.each([
    // Each throw names the place that the last unsettled item goes to.
    [
      [0, 0, 0],
      ['b', 'c', 'd', 'a'],
    ],
    [
      [3, 2, 1],
      ['a', 'b', 'c', 'd'],
    ],
    [
      [1, 1, 1],
      ['a', 'c', 'd', 'b'],
    ],
  ])('is what the dice %j say', (numbers, order) => {
    expect(shuffled(['a', 'b', 'c', 'd'], showing(...numbers))).toEqual(order)
    const batch = new Batch<string>({ ...options, most: 4, dice: showing(...numbers) })
    for (const item of ['a', 'b', 'c', 'd']) batch.add(item, 1, 0)
    expect(batch.release(50)).toEqual(order)
  })

  test('is each of the 24 of four items equally often', () => {
    const dice = tumbling()
    const counts = new Map<string, number>()
    for (let i = 0; i < 24_000; i++) {
      const order = shuffled(['a', 'b', 'c', 'd'], dice).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    const statistic = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    expect(counts.size).toBe(24)
    // The 0.999 quantile of chi-square with 23 degrees of freedom. Drawing from all places each time gives about 2,000.
    expect(statistic).toBeLessThan(49.73)
  })

  test('throws again rather than favour small numbers', () => {
    // 2^32 = 3 * 1,431,655,765 + 1: one number must be rejected.
    expect(below(3, showing(2 ** 32 - 1, 5))).toBe(2)
    expect(below(3, showing(2 ** 32 - 2))).toBe(2)
    expect(below(2 ** 32, showing(2 ** 32 - 1))).toBe(2 ** 32 - 1)
  })

  test.each([[-1], [0.5], [2 ** 32], [Number.NaN]])('dice that show %d are no dice', (number) => {
    expect(() => below(6, showing(number))).toThrow('32-bit')
  })

  test('dice that are stuck do not hang the relay', () => {
    expect(() => below(3, showing(2 ** 32 - 1))).toThrow('always show the same')
  })

  test.each([0, -1, 1.5, 2 ** 33])('there is no number below %d', (bound) => {
    expect(() => below(bound, showing(0))).toThrow(TypeError)
  })
})
