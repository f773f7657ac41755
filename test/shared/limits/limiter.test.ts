import { describe, expect, test } from 'vitest'
import { arrive } from '../../../shared/limits/bucket.ts'
import { bucketNamer, createLimiter, prefix } from '../../../shared/limits/limiter.ts'

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

describe('the limiter', () => {
  test('OHTTP-R19: counts each bucket by itself', () => {
    const limiter = createLimiter({ perSecond: 1, burst: 1 })
    expect([limiter.take('a', 0), limiter.take('a', 0), limiter.take('b', 0)]).toEqual([true, false, true])
    expect(limiter.take('a', 1000)).toBe(true)
  })

  test('remembers a bounded number of buckets; those beyond share one', () => {
    const limiter = createLimiter({ perSecond: 1, burst: 1 }, 2)
    expect(['a', 'b', 'c', 'd'].map((name) => limiter.take(name, 0))).toEqual([true, true, true, false])
    expect(limiter.size()).toBe(3)
  })

  test('forgets buckets that are empty again', () => {
    const limiter = createLimiter({ perSecond: 1, burst: 1 }, 2)
    for (const name of ['a', 'b']) limiter.take(name, 0)
    limiter.take('c', 5000)
    expect(limiter.size()).toBe(1)
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
