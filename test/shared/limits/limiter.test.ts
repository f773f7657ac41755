import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { arrive } from '../../../shared/limits/bucket.ts'
import { bucketNamer, createLimiter, emptyAfter, prefix } from '../../../shared/limits/limiter.ts'
import { createSketch } from '../../../shared/limits/sketch.ts'
import { seeded } from '../observability/dice.ts'

describe('GCRA', () => {
  const rate = { perSecond: 2, burst: 3 }

  test('takes a burst, then one at each interval, and no more after a long quiet time', () => {
    let kept = 0
    const at = (now: number): boolean => {
      const next = arrive(rate, kept, now)
      kept = next ?? kept
      return next !== undefined
    }
    expect([0, 0, 0, 0].map(at)).toEqual([true, true, true, false])
    expect([499, 500, 500].map(at)).toEqual([false, true, false])
    expect([100_000, 100_000, 100_000, 100_000].map(at)).toEqual([true, true, true, false])
  })

  test('a refused arrival costs nothing', () => {
    expect(arrive(rate, 1500, 0)).toBeUndefined()
    expect(arrive(rate, 1500, 500)).toBe(2000)
  })
})

describe('prefixes', () => {
  test.each([
    ['203.0.113.7', '203.0.113.0/24'],
    ['::ffff:203.0.113.7', '203.0.113.0/24'],
    ['2001:db8:1:2ff:3::4', '2001:db8:1:200::/56'],
    ['2001:DB8:1:2aa::', '2001:db8:1:200::/56'],
    ['2001:db8::1', '2001:db8:0:0::/56'],
    ['::1', '0:0:0:0::/56'],
    ['fe80::1%eth0', 'fe80:0:0:0::/56'],
    ['1:2:3:4:5:6:7:8', '1:2:3:0::/56'],
  ])('%s is %s', (address, expected) => {
    expect(prefix(address)).toBe(expected)
  })
})

describe('names', () => {
  const day = 86_400_000

  test('OHTTP-R18: hold for a network and a day, and cannot be computed without the salt', () => {
    let now = 0
    let salts = 0
    const nameOf = bucketNamer({ salt: () => new Uint8Array(32).fill(++salts), now: () => now })
    const name = nameOf('203.0.113.7')
    expect(nameOf('203.0.113.200')).toBe(name)
    expect(nameOf('203.0.114.7')).not.toBe(name)
    expect(name).not.toContain('203')
    now = day - 1
    expect(nameOf('203.0.113.7')).toBe(name)
    now = day
    expect(nameOf('203.0.113.7')).not.toBe(name)
    expect(salts).toBe(2)
  })

  test('OHTTP-R18: another process has other names', () => {
    const make = (fill: number) => bucketNamer({ salt: () => new Uint8Array(32).fill(fill), now: () => 0 })
    expect(make(1)('203.0.113.7')).not.toBe(make(2)('203.0.113.7'))
  })
})

/** A name as the namer gives them: 32 hex digits. */
const nameFrom = (dice: () => number): string =>
  Array.from({ length: 4 }, () =>
    Math.floor(dice() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')

function heapInUse(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}

describe('the limiter', () => {
  const [a, b] = [nameFrom(seeded(1)), nameFrom(seeded(2))]

  test('OHTTP-R19: counts each bucket by itself', () => {
    const limiter = createLimiter({ perSecond: 1, burst: 1 })
    expect([limiter.take(a, 0), limiter.take(a, 0), limiter.take(b, 0)]).toEqual([true, false, true])
    expect(limiter.take(a, 1000)).toBe(true)
  })

  test('has the same memory however many clients there are', () => {
    expect(createSketch().memory).toBe(2 << 20)
    const limiter = createLimiter({ perSecond: 1, burst: 2 })
    const dice = seeded(3)
    const before = heapInUse()
    for (let i = 0; i < 300_000; i++) limiter.take(nameFrom(dice), 0)
    // One name of each in a map would be more than 20 MiB.
    expect(heapInUse() - before).toBeLessThan(4 << 20)
    expect(limiter.take(nameFrom(dice), 60_000)).toBe(true)
  })

  test('a name that says no place is a mistake of ours, not a client without a limit', () => {
    expect(() => createLimiter({ perSecond: 1, burst: 1 }).take('', 0)).toThrow(TypeError)
  })

  test('is never late: nobody gets more than alone', () => {
    const rate = { perSecond: 2, burst: 3 }
    // So narrow that everybody meets somebody.
    const limiter = createLimiter(rate, createSketch(16))
    const alone = new Map<string, number>()
    const dice = seeded(4)
    const names = Array.from({ length: 50 }, () => nameFrom(dice))
    let refused = 0
    for (let now = 0; now < 60_000; now += 7) {
      const name = names[Math.floor(dice() * names.length)] ?? ''
      const may = arrive(rate, alone.get(name) ?? 0, now)
      if (limiter.take(name, now)) {
        expect(may).toBeDefined()
        alone.set(name, may ?? 0)
      } else refused++
    }
    expect(refused).toBeGreaterThan(0)
  })

  test('is hardly ever early: among ten thousand who take all they can, a newcomer is let in', () => {
    const limiter = createLimiter({ perSecond: 10, burst: 20 })
    const dice = seeded(5)
    for (let i = 0; i < 10_000; i++) {
      const name = nameFrom(dice)
      for (let j = 0; j < 21; j++) limiter.take(name, 0)
    }
    const newcomers = Array.from({ length: 2_000 }, () => limiter.take(nameFrom(dice), 0))
    expect(newcomers.filter((taken) => !taken).length).toBeLessThan(20)
  })
})

describe('midnight', () => {
  const day = 86_400_000
  const rate = { perSecond: 1, burst: 5 }

  test('is no new allowance: what was taken before it counts until the bucket would be empty anyway', () => {
    let now = day - 1
    let salts = 0
    const salt = () => new Uint8Array(32).fill(++salts)
    const nameOf = bucketNamer({ salt, now: () => now, overlap: emptyAfter(rate) })
    const limiter = createLimiter(rate)
    const taken = (): number =>
      Array.from({ length: 10 }, () => limiter.take(nameOf('203.0.113.7'), now)).filter(Boolean).length
    expect(taken()).toBe(5)
    now = day
    expect(taken()).toBe(0)
    now = day + 1000
    expect(taken()).toBe(1)
    now = day + 5000
    expect(nameOf('203.0.113.7')).toHaveLength(32)
  })

  test('yesterday’s key is gone after it, and a key of the day before never comes back', () => {
    let now = 0
    let salts = 0
    const salt = () => new Uint8Array(32).fill(++salts)
    const nameOf = bucketNamer({ salt, now: () => now, overlap: 1000 })
    const first = nameOf('203.0.113.7')
    now = day
    expect(nameOf('203.0.113.7')).toMatch(new RegExp(`${first}$`))
    now = day + 1000
    expect(nameOf('203.0.113.7')).not.toContain(first)
    now = 3 * day
    expect(nameOf('203.0.113.7')).toHaveLength(32)
  })

  test.each([
    [{ perSecond: 10, burst: 100 }, 10_000],
    [{ perSecond: 0.0001, burst: 100 }, day],
  ])('a bucket of %o is empty after %i ms', (of, after) => {
    expect(emptyAfter(of)).toBe(after)
  })
})

test('OHTTP-R19: without a salt nobody is named, not even when the dice failed before', () => {
  const nameOf = bucketNamer({
    salt: () => {
      throw new Error('no dice')
    },
    now: () => 0,
  })
  expect(() => nameOf('203.0.113.7')).toThrow('no dice')
  expect(() => nameOf('203.0.113.7')).toThrow('no dice')
})
