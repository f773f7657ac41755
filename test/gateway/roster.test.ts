/** How long belief lasts, and how a CVM that is away is found again. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { fromUtf8 } from '../../shared/bytes.ts'
import { pinOf } from '../../shared/upstream/certificate.ts'
import type { CvmPoolOptions, Lease } from '../../gateway/target.ts'
import { BackOff } from '../../gateway/back-off.ts'
import { type Handler, until } from './cvm/machine.ts'
import { answerWith, evidenceFor, startPeer } from './cvm/peers.ts'
import {
  attestations,
  cleanups,
  exchange,
  get,
  hello,
  leased,
  machineWith,
  poolOf,
  readyPool,
  reasonOf,
  scripted,
  whole,
} from './cvm/pools.ts'

describe('how long belief lasts', () => {
  test('connections are judged anew in time, one by one, and capacity stays', async () => {
    const machine = await machineWith({ handler: hello })
    const pooled = await readyPool(machine, { connections: 3, maxAge: 200 })
    const { pool } = pooled
    let least = 3
    while (attestations(pooled) < 12) {
      const leases = [pool.lease(), pool.lease(), pool.lease(), pool.lease()]
      const got = leases.filter((lease) => lease !== undefined)
      expect(got.every(({ alive }) => alive)).toBe(true)
      least = Math.min(least, got.length)
      for (const lease of got) lease.release()
      await pause(5)
    }
    expect(least).toBe(3)
  })

  test("half of a verdict's life is the longest that is waited", async () => {
    const machine = await machineWith({ life: 3000 })
    const pooled = await readyPool(machine)
    await until(() => attestations(pooled) >= 2, 'judged anew', 1800)
  })

  test('a stream in flight may end after its connection was replaced', async () => {
    let finish: () => void = () => undefined
    const handler: Handler = (_request, response) => {
      response.write('first ')
      finish = () => void response.end('last')
    }
    const pooled = await readyPool(await machineWith({ handler }), { maxAge: 50 })
    const lease = leased(pooled.pool)
    const { body } = await lease.send(get('/'))
    await until(() => attestations(pooled) >= 3, 'replaced')
    finish()
    expect(fromUtf8(await whole(body))).toBe('first last')
    lease.release()
  })

  test('a stream on a replaced connection ends with its own verdict, whatever is believed of the new one', async () => {
    const handler: Handler = (_request, response) => void response.write('x')
    const machine = await machineWith({ handler })
    let life = 1_500
    const judge: CvmPoolOptions['judge'] = async (...given) => {
      const verdict = await machine.judge(...given)
      return { ...verdict, notAfter: Date.now() + life }
    }
    const pooled = await readyPool(machine, { judge, maxAge: 300 })
    const lease = leased(pooled.pool)
    life = 60_000
    const { body } = await lease.send(get('/'))
    const reading = reasonOf(whole(body))
    await until(() => attestations(pooled) >= 2, 'replaced')
    expect(await Promise.race([reading, pause(4_000, 'it runs on')])).toBe('expired')
    expect([pooled.pool.ready, pooled.pool.free]).toEqual([true, 1])
    lease.release()
  })

  test('an expired verdict opens nothing, and sends nothing', async () => {
    let now = Date.now()
    const machine = await machineWith({ handler: hello, now: () => now })
    const { pool } = await readyPool(machine, { connections: 2, now: () => now })
    const lease = leased(pool)
    expect(lease.alive).toBe(true)
    now += 60_001
    expect(lease.alive).toBe(false)
    expect(pool.ready).toBe(false)
    expect(await reasonOf(lease.send(get('/')))).toBe('expired')
    expect(pool.lease()).toBeUndefined()
    lease.release()
    expect(machine.reached).toEqual([])
  })

  test("withdrawn evidence: not ready within the verdict's life, streams end, and it recovers by itself", async () => {
    const handler: Handler = (request, response) => {
      if (request.url === '/streams') response.write('x')
      else response.end('hello')
    }
    const machine = await machineWith({ handler, life: 2000 })
    const pooled = await readyPool(machine, { connections: 2 })
    const { pool } = pooled
    const changes: boolean[] = []
    pool.onChange(() => changes.push(pool.ready))
    const lease = leased(pool)
    const { body } = await lease.send(get('/streams'))
    machine.withdraw()
    expect(await reasonOf(whole(body))).toBe('expired')
    lease.release()
    expect(pool.ready).toBe(false)
    expect(pool.lease()).toBeUndefined()
    expect(pooled.events).toContainEqual({ event: 'not-attested', code: 'evidence-unavailable' })
    machine.restore()
    await until(() => pool.ready, 'recovered')
    expect((await exchange(pool, get('/'))).text).toBe('hello')
    expect(changes).toEqual([false, true])
  })

  test('revocation ends streams in flight, and what was judged before it does not count', async () => {
    const handler: Handler = (_request, response) => void response.write('x')
    const machine = await machineWith({ handler })
    let policy = 'old'
    let thinking = false
    let letGo: () => void = () => undefined
    let hold = Promise.resolve()
    const judge: CvmPoolOptions['judge'] = async (...given) => {
      const mine = policy
      const verdict = await machine.judge(...given)
      thinking = true
      await hold
      return { ...verdict, measurement: mine }
    }
    const { pool } = await readyPool(machine, { judge, connections: 2 })
    const lease = leased(pool)
    const { body } = await lease.send(get('/'))
    const reading = reasonOf(whole(body))
    // A connection is in the making under the old policy when the new one comes.
    hold = new Promise((resolve) => (letGo = resolve))
    thinking = false
    const broken = leased(pool)
    await expect(broken.send(get('/'), AbortSignal.abort())).rejects.toThrow()
    broken.release()
    await until(() => thinking, 'the judge thinks')
    pool.revoke()
    policy = 'new'
    letGo()
    expect(pool.ready).toBe(false)
    expect(await reading).toBe('expired')
    lease.release()
    const both: Lease[] = []
    await until(() => both.push(...[pool.lease()].filter((one) => one !== undefined)) === 2, 'attested anew')
    expect(both.map(({ verdict }) => verdict.measurement)).toEqual(['new', 'new'])
  })
})

describe('a CVM that is away', () => {
  test('is tried again by itself, ever more rarely, until it is back', async () => {
    const machine = await machineWith({ handler: hello })
    const { port } = machine
    await machine.agent.close(0)
    const pooled = poolOf(machine, { connections: 2 })
    await pause(400)
    const tries = pooled.events.length
    expect(pooled.pool.ready).toBe(false)
    expect(tries).toBeGreaterThanOrEqual(3)
    // 20, 40, 80, 100, 100 ms, each between half and all of it.
    expect(tries).toBeLessThanOrEqual(10)
    expect(new Set(pooled.events.map((event) => event.event === 'not-attested' && event.code))).toEqual(
      new Set(['target-unreachable']),
    )
    const back = await machineWith({ handler: hello, port, pins: [pinOf(machine.gateway.privateKey)] })
    // The other machine has a root of its own: known to nobody here.
    await until(
      () => pooled.events.some((event) => event.event === 'not-attested' && event.code !== 'target-unreachable'),
      'refused',
    )
    expect(pooled.pool.ready).toBe(false)
    await back.stop()
  })

  test('recovers when the same machine returns', async () => {
    const machine = await machineWith({ handler: hello })
    const peer = await scripted(machine, () => undefined)
    const pooled = await readyPool(machine, { origin: { host: '127.0.0.1', port: peer.port } })
    machine.withdraw()
    for (const socket of peer.accepted) socket.destroy()
    await until(() => !pooled.pool.ready, 'not ready')
    machine.restore()
    await until(() => pooled.pool.ready, 'ready again')
  })

  test('one that hangs up right after its evidence is not dialled without end', async () => {
    const machine = await machineWith()
    const peer = await startPeer(machine.identity, async (socket, nonce) => {
      socket.write(answerWith(await evidenceFor(machine, socket, nonce)))
      setTimeout(() => socket.destroy(), 5)
    })
    cleanups.push(() => peer.stop())
    poolOf(machine, { origin: { host: '127.0.0.1', port: peer.port }, backOff: { first: 100, cap: 100 } })
    await pause(600)
    expect(peer.accepted.length).toBeLessThanOrEqual(13)
    expect(peer.accepted.length).toBeGreaterThanOrEqual(3)
  })

  test('a rest that ends between two looks at the clock is not slept through', async () => {
    const machine = await machineWith()
    await machine.agent.close(0)
    let looks = 0
    const now = (): number => Date.now() + (looks += 1)
    const pooled = poolOf(machine, { now, backOff: { first: 2, cap: 2 } })
    await until(() => pooled.events.length >= 40, 'many tries')
  })

  test('closing ends connections and attempts, and nothing is dialled any more', async () => {
    const machine = await machineWith({ handler: hello })
    const pooled = await readyPool(machine, { connections: 3 })
    await pooled.pool.close()
    expect(pooled.pool.ready).toBe(false)
    expect(pooled.pool.lease()).toBeUndefined()
    await pause(50)
    expect(attestations(pooled)).toBe(3)
  })
})

test.each([
  [0, [10, 20, 40, 50, 50]],
  [0.5, [15, 30, 60, 75, 75]],
])('rest doubles up to a cap, with jitter %d', (dice, rests) => {
  const backOff = new BackOff({ first: 20, cap: 100, random: () => dice })
  expect(rests.map(() => backOff.failed())).toEqual(rests)
  expect(backOff.doubtful).toBe(true)
  backOff.worked()
  expect(backOff.doubtful).toBe(false)
  expect(backOff.failed()).toBe(rests[0])
})
