/** An app that fails: answered at once, and told in counts, never by the request. */
import { expect, test, vi } from 'vitest'
import { exchange, get, machineWith, readyPool } from './pools.ts'

test('OPS-1: many failures are one line, and it says how many in a word', async () => {
  const machine = await machineWith({ agent: { countsEvery: 1_000 } })
  const { pool } = await readyPool(machine)
  await machine.stopApp()
  for (let i = 0; i < 12; i++) expect((await exchange(pool, get('/'))).status).toBe(502)
  const lines = () => machine.lines.filter(({ event }) => event === 'app-failed')
  await vi.waitFor(() => expect(lines()).not.toEqual([]), { interval: 5, timeout: 3_000 })
  expect(lines().length).toBeLessThanOrEqual(2)
})

test('an app that changes the protocol is a 502 at once, and the connection lives on', async () => {
  const machine = await machineWith({
    handler: (request, response) => {
      if (request.url === '/') response.end('here')
      else request.socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')
    },
  })
  const { pool, events } = await readyPool(machine)
  const began = performance.now()
  expect((await exchange(pool, get('/upgrade'))).status).toBe(502)
  expect(performance.now() - began).toBeLessThan(2_000)
  expect((await exchange(pool, get('/'))).text).toBe('here')
  expect(events).toHaveLength(1)
})
