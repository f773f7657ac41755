/** An answer that its client does not take is still under way: it counts in the client's budget until it is gone. */
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ask, head, httpGateway, post, relayTo, until } from './harness.ts'

test('whole answers that nobody reads keep their share of the budget, and give it back when they are taken', async () => {
  const big = Buffer.alloc(8 << 20)
  const { port } = await httpGateway((request, response) => {
    const fields = { 'content-type': 'message/ohttp-res', 'content-length': big.length }
    request.resume().on('end', () => response.writeHead(200, fields).end(big))
  })
  const relay = await relayTo(port, { limits: { exchanges: 2 } })
  const idle = [0, 1].map(() => connect(relay.port, '127.0.0.1').pause())
  onTestFinished(() => idle.forEach((socket) => void socket.destroy()))
  for (const socket of idle) socket.on('error', () => undefined).write(post())
  await until(() => relay.outcomes.filter((outcome) => outcome === 'served').length === 2)
  expect(head(await ask(relay.port, post()))[0]).toBe('HTTP/1.1 503 Service Unavailable')
  for (const socket of idle) socket.destroy()
  await until(() => relay.connections() === 0)
  expect(head(await ask(relay.port, post()))[0]).toBe('HTTP/1.1 200 OK')
})
