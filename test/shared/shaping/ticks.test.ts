/** wire.md `paced`: a rate that is kept by the wall clock, not by timers. */
import { describe, expect, test } from 'vitest'
import { Ticks } from '../../../shared/shaping/ticks.ts'
import { HandClock, ticksByHand } from './by-hand.ts'

describe('a tick', () => {
  test('comes at every multiple of the period, whenever one began to listen', () => {
    const { clock, ticks } = ticksByHand(100)
    clock.pass(37)
    const seen: number[] = []
    ticks.each(() => seen.push(clock.now() % 1000))
    clock.pass(400)
    expect(seen).toEqual([100, 200, 300, 400])
  })

  test('that is late moves no later one, and those that it made late come after it, each by itself', () => {
    const { clock, ticks } = ticksByHand(100)
    const seen: number[] = []
    ticks.each(() => seen.push(clock.now() % 1000))
    clock.oversleep(170)
    clock.pass(130)
    clock.oversleep(250)
    expect(seen).toEqual([170, 200, 300, 550])
    clock.pass(50)
    expect(seen).toEqual([170, 200, 300, 550, 550, 600])
  })

  test('makes a few late at most: what a suspended machine held back does not burst out', () => {
    const { clock, ticks } = ticksByHand(100, 3)
    let count = 0
    ticks.each(() => count++)
    clock.oversleep(60_000)
    clock.pass(50)
    expect(count).toBe(3)
    clock.pass(50)
    expect(count).toBe(4)
  })

  test('comes once, and in its time, when its timer goes off a moment early', () => {
    const hand = new HandClock()
    const early = (milliseconds: number, then: () => void) => hand.after(Math.max(1, milliseconds - 1), then)
    const seen: number[] = []
    const ticks = new Ticks({ period: 100, clock: { now: hand.now, after: early }, dice: () => 0 })
    ticks.each(() => seen.push(hand.now() % 1000))
    hand.pass(300)
    expect(seen).toEqual([100, 200, 300])
  })

  test('comes within a period after the clock was set back or forward', () => {
    const { clock, ticks } = ticksByHand(100)
    let count = 0
    ticks.each(() => count++)
    clock.pass(100)
    clock.set(-3_600_000)
    clock.pass(200)
    expect(count).toBe(3)
    clock.set(3_600_000)
    clock.pass(100)
    expect(count).toBe(3 + 16)
    clock.pass(100)
    expect(count).toBe(3 + 17)
  })

  test('is for those who were there before it, and missed ones are not held against who came later', () => {
    const { clock, ticks } = ticksByHand(100)
    let late = 0
    ticks.each(() => undefined)
    clock.after(250, () => ticks.each(() => late++))
    clock.oversleep(250)
    clock.pass(50)
    expect(late).toBe(1)
  })
})

test('nobody listens: no timer', () => {
  const { clock, ticks } = ticksByHand()
  const stops = [ticks.each(() => undefined), ticks.each(() => undefined)]
  expect([clock.waiting, ticks.size]).toEqual([1, 2])
  for (const stop of stops) stop()
  expect([clock.waiting, ticks.size]).toEqual([0, 0])
})

test('who is stopped by another in the same tick is not called any more', () => {
  const { clock, ticks } = ticksByHand()
  const called: string[] = []
  const stops = ['a', 'b'].map((name) =>
    ticks.each(() => {
      called.push(name)
      for (const stop of stops) stop()
    }),
  )
  clock.pass(100)
  expect(called).toHaveLength(1)
})

test('who breaks loses his ticks, and nobody else does', () => {
  const clock = new HandClock()
  const seen: string[] = []
  const ticks = new Ticks({ period: 100, clock, dice: () => 0, failed: () => seen.push('failed') })
  ticks.each(() => {
    throw new TypeError('broken')
  })
  ticks.each(() => seen.push('other'))
  clock.pass(200)
  expect(seen.toSorted()).toEqual(['failed', 'other', 'other'])
})

test('whose turn it is, only the dice know', () => {
  const order = (thrown: number): string => {
    const clock = new HandClock()
    const ticks = new Ticks({ period: 100, clock, dice: () => thrown })
    let said = ''
    for (const name of 'abc') ticks.each(() => void (said += name))
    clock.pass(100)
    return said
  }
  expect([order(0), order(2)]).toEqual(['bca', 'bac'])
})

test.each([0, -1, Number.NaN, Infinity])('a period of %d is wired wrong', (period) => {
  expect(() => ticksByHand(period)).toThrow(TypeError)
})
