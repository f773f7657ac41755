/** The pair under many clients, some of whom leave: real processes, real sockets. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { holdings, soak, type Holding } from './soak.ts'

let pair: Pair

beforeAll(async () => {
  pair = await startPair({ pace: 1, links: 96 })
}, 60_000)
afterAll(() => pair.stop())

test('64 clients, 2,000 requests, 200 of them abandoned: every other answer intact, nothing left behind', async () => {
  await soak(pair, { clients: 64, requests: 300, leaving: 30 })
  const before = await settled()
  const { served, left, wrong } = await soak(pair, { clients: 64, requests: 2_000, leaving: 200 })
  expect(wrong).toEqual([])
  expect({ served, left }).toEqual({ served: 1_800, left: 200 })
  expect(pair.services.filter((service) => !service.alive())).toEqual([])
  const after = await settled()
  for (const [index, now] of after.entries()) {
    const then = before[index] ?? now
    // Pools keep what they opened at the busiest moment; what must not be is a socket for each abandoned request.
    expect(now.sockets, `sockets of ${now.name}`).toBeLessThan(then.sockets + 64)
    expect(now.mebibytes, `memory of ${now.name}`).toBeLessThan(then.mebibytes + 96)
  }
}, 180_000)

/** Abandoned answers are read to their end before their sockets are free. */
async function settled(): Promise<Holding[]> {
  let held = holdings(pair)
  for (let quiet = 0; quiet < 3;) {
    await sleep(500)
    const now = holdings(pair)
    quiet = now.every(({ sockets }, index) => sockets >= (held[index]?.sockets ?? 0)) ? quiet + 1 : 0
    held = now
  }
  return held
}
