import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { outerField } from '../../../shared/http/outer.ts'

const raw = new Request('http://gateway.example/', { headers: { 'content-type': 'text/plain' } })

/** What Node makes of a request with these lines. */
async function received(lines: string): Promise<IncomingMessage> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`GET / HTTP/1.1\r\n${lines}\r\n`)
  const [incoming] = (await once(server, 'request')) as [IncomingMessage]
  socket.destroy()
  server.close()
  return incoming
}

it('asks the web request where there is no other', () => {
  expect(outerField({ env: undefined, req: { raw } }, 'content-type')).toBe('text/plain')
  expect(outerField({ env: {}, req: { raw } }, 'host')).toBe(undefined)
})

it("asks Node's request where there is one, in whatever case the field came", async () => {
  const incoming = await received('Host: a.example\r\nCONTENT-Type: message/ohttp-req\r\n')
  expect(outerField({ env: { incoming }, req: { raw } }, 'content-type')).toBe('message/ohttp-req')
  expect(outerField({ env: { incoming }, req: { raw } }, 'date')).toBe(undefined)
})

it.each(['content-type', 'host'])(
  'joins two lines of %s as Headers would, so that neither stands alone',
  async (name) => {
    const incoming = await received(`${name === 'host' ? '' : 'Host: a.example\r\n'}${name}: one\r\n${name}: two\r\n`)
    expect(incoming.headers[name]).toBe('one')
    expect(outerField({ env: { incoming }, req: { raw } }, name)).toBe('one, two')
  },
)
