/** Leases against a real agent and app: exclusive, for one exchange, on one socket. */
import { describe, expect, test } from 'vitest'
import type { AttestedCvm } from '../../gateway/attested-cvm.ts'
import { until } from './cvm/machine.ts'
import {
  attestations,
  exchange,
  get,
  hello,
  leased,
  machineWith,
  poolOf,
  readyPool,
  reasonOf,
  whole,
} from './cvm/pools.ts'

describe('a lease', () => {
  test('is exclusive until it is given back', async () => {
    const machine = await machineWith({ handler: hello })
    const { pool } = await readyPool(machine, { connections: 2 })
    const [one, two] = [leased(pool), leased(pool)]
    expect(pool.lease()).toBeUndefined()
    expect(pool.ready).toBe(true)
    one.release()
    one.release()
    const three = leased(pool)
    expect(pool.lease()).toBeUndefined()
    two.release()
    three.release()
  })

  test('carries one exchange on its own socket, and the socket then serves the next', async () => {
    const ports = new Set<unknown>()
    const machine = await machineWith({ handler: hello })
    const pooled = await readyPool(machine)
    for (let round = 0; round < 5; round++) {
      expect(await exchange(pooled.pool, get(`/${round}`))).toEqual({ status: 200, text: 'hello' })
      ports.add(attestations(pooled))
    }
    expect(ports).toEqual(new Set([1]))
    expect(machine.reached).toHaveLength(5)
  })

  test('is for one exchange and none after its release', async () => {
    const { pool } = await readyPool(await machineWith({ handler: hello }))
    const lease = leased(pool)
    const { body } = await lease.send(get('/'))
    expect(() => lease.send(get('/'))).toThrow(TypeError)
    await whole(body)
    lease.release()
    expect(lease.alive).toBe(false)
    const other = leased(pool)
    other.release()
    expect(() => other.send(get('/'))).toThrow(TypeError)
  })

  test('given back in the middle of an answer ends its connection, which is attested anew', async () => {
    let closed = 0
    const machine = await machineWith({
      handler: (_request, response) => {
        response.write('endless')
        response.on('close', () => (closed += 1))
      },
    })
    const pooled = await readyPool(machine)
    const lease = leased(pooled.pool)
    const { body } = await lease.send(get('/'))
    const reading = whole(body)
    lease.release()
    expect(await reasonOf(reading)).toBe('unreachable')
    await until(() => closed === 1, 'the app was told')
    await until(() => attestations(pooled) === 2, 'a new attestation')
    leased(pooled.pool).release()
  })

  test('cannot be made elsewhere: what has the same members is still not one (house.md 1)', async () => {
    type Alike = Pick<AttestedCvm, keyof AttestedCvm>
    const forgeable: Alike extends AttestedCvm ? true : false = false
    expect(forgeable).toBe(false)
    const { pool } = await readyPool(await machineWith())
    expect(Object.keys(leased(pool))).toEqual([])
  })
})

test('a pool without connections is our own mistake', async () => {
  const machine = await machineWith()
  expect(() => poolOf(machine, { connections: 0 })).toThrow(TypeError)
})
