/** What only shows where Node has the request and the answer: fields are read from its list, answers are written to it. */
import { expect, onTestFinished, test } from 'vitest'
import { createAdmission, defaultLimits } from '../../relay/admit.ts'
import { createRelay } from '../../relay/app.ts'
import type { Forward } from '../../shared/upstream/exchange.ts'
import { listen } from '../../shared/upstream/serve.ts'
import { ask, bodyOf, good, head, httpGateway, post, rawGateway, relayTo, sealed } from './harness.ts'

test.each([
  ['Content-Type: message/ohttp-req\r\nCONTENT-TYPE: message/ohttp-req', 415],
  ['Content-Type: message/ohttp-req\r\ncontent-type: text/plain', 415],
  ['CONTENT-TYPE: Message/OHTTP-Req; a=b', 200],
])('OHTTP-R9: %j is %i', async (lines, status) => {
  const gateway = await rawGateway(() => good)
  const relay = await relayTo(gateway.port)
  const text = await ask(relay.port, post().replace(/^content-type: .*$/m, lines))
  expect(head(text)[0]).toContain(` ${status} `)
})

test('INC-4: a wish that came twice is no wish', async () => {
  const gateway = await rawGateway(() => good)
  const relay = await relayTo(gateway.port)
  await ask(relay.port, post({ incremental: '?1\r\nIncremental: ?1' }))
  expect(gateway.heard[0]).toContain('content-length: 6')
  expect(gateway.heard[0]).not.toContain('incremental')
})

test('an answer in many pieces, and the next on the same connection, are whole', async () => {
  const gateway = await httpGateway((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'message/ohttp-res' })
    for (const letter of sealed) response.write(letter)
    response.end()
  })
  const relay = await relayTo(gateway.port)
  for (let i = 0; i < 3; i++) expect(bodyOf(await ask(relay.port, post()))).toBe(sealed)
  expect(relay.outcomes).toEqual(['served', 'served', 'served'])
})

test('a mistake of ours on the way is a 500 that says nothing, is noticed, and harms nobody else', async () => {
  let noticed = 0
  const forward: Forward = () => {
    throw new Error('secret')
  }
  const relay = createRelay({
    routes: [{ path: '/', forward, mirror: { read: () => undefined } }],
    admission: createAdmission({ abandoned: defaultLimits.abandoned, nameOf: () => '', now: Date.now }),
    unexpected: () => (noticed += 1),
  })
  const server = await listen({ fetch: relay.fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  onTestFinished(() => server.close(0))
  for (let i = 1; i < 3; i++) {
    const text = await ask(server.port, post())
    expect(head(text)[0]).toBe('HTTP/1.1 500 Internal Server Error')
    expect(text).not.toContain('secret')
    expect(noticed).toBe(i)
  }
})
