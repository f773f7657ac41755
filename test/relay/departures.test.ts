/** What leaves at ticks: a timer around the batch. wire.md `mixed`. */
import { expect, test } from 'vitest'
import { departures, type DepartureOptions } from '../../relay/departures.ts'
import { diceOf } from '../../relay/mixing.ts'
import { shuffled } from '../../shared/shaping/shuffle.ts'
import { numbers } from './dice.ts'
import { until, wait } from './harness.ts'

function waiting(options: Partial<DepartureOptions> = {}) {
  const clock = { now: 1_000_010 }
  const counts: number[] = []
  const now = (): number => clock.now
  const leave = departures({ tick: 20, dice: numbers(7), now, left: (count) => counts.push(count), ...options })
  const gone: number[] = []
  const come = (name: number): boolean => leave(() => gone.push(name), 1)
  return { clock, counts, leave, gone, come }
}

test('nothing leaves before its tick, whatever the timer does; then all of it at once, shuffled', async () => {
  const { clock, counts, gone, come } = waiting()
  const all = Array.from({ length: 12 }, (_, at) => at)
  all.forEach((one) => come(one))
  clock.now = 1_000_019
  await wait(60)
  expect(gone).toEqual([])
  clock.now = 1_000_020
  await until(() => gone.length > 0)
  expect(gone).toEqual(shuffled(all, numbers(7)))
  expect(gone).not.toEqual(all)
  expect(counts).toEqual([12])
})

test('what comes after a late timer should have fired waits for the next tick', async () => {
  const { clock, gone, come } = waiting()
  come(1)
  clock.now = 1_000_025
  come(2)
  await until(() => gone.length > 0)
  expect(gone).toEqual([1])
  clock.now = 1_000_040
  await until(() => gone.length === 2)
})

test('two relays that began at different moments have the same ticks', async () => {
  const clock = { now: 1_000_003 }
  const now = (): number => clock.now
  const gone: string[] = []
  const first = departures({ tick: 50, dice: numbers(1), now })
  first(() => gone.push('first'), 0)
  clock.now = 1_000_041
  const second = departures({ tick: 50, dice: numbers(2), now })
  second(() => gone.push('second'), 0)
  clock.now = 1_000_049
  await wait(80)
  expect(gone).toEqual([])
  clock.now = 1_000_050
  await until(() => gone.length === 2)
})

test('a full batch takes nothing more, and does not leave early for it', async () => {
  const { clock, gone, come } = waiting({ most: 2 })
  expect([come(1), come(2), come(3)]).toEqual([true, true, false])
  await wait(50)
  expect(gone).toEqual([])
  clock.now += 20
  await until(() => gone.length === 2)
  expect(gone).not.toContain(3)
})

test('one that breaks keeps nobody else', async () => {
  let failed = 0
  const { clock, leave, gone, come } = waiting({ failed: () => failed++ })
  come(1)
  leave(() => {
    throw new Error('broken')
  }, 0)
  come(2)
  clock.now += 20
  await until(() => gone.length === 2)
  expect(failed).toBe(1)
})

test('dice from random octets use all of four, wherever they lie', () => {
  const octets = Uint8Array.of(9, 9, 1, 2, 3, 4, 9)
  expect(diceOf(() => octets.subarray(2))()).toBe(0x01020304)
})
