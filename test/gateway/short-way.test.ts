/** Past adapter and router, or through them: what goes over the wire is the same, octet by octet in its heads. */
import { connect } from 'node:net'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { listen } from '../../shared/upstream/serve.ts'
import { ask, bodyOf, head } from '../relay/harness.ts'
import { binaryRequest, suite, town, type Inside, type Town } from './town.ts'

type Way = 'short' | 'long'

async function served({ app }: Town, way: Way): Promise<{ port: number; taken: () => number }> {
  let taken = 0
  const shortWay: typeof app.shortWay = (env) => {
    const promise = app.shortWay(env)
    if (promise !== undefined) taken += 1
    return promise
  }
  const short = way === 'short' ? { shortWay } : {}
  const server = await listen({ fetch: app.fetch, ...short, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  onTestFinished(() => server.close(0))
  return { port: server.port, taken: () => taken }
}

function posted(content: Uint8Array, type: string = mediaTypes.request, path = '/'): string {
  const lines = [`POST ${path} HTTP/1.1`, 'host: x', `content-type: ${type}`, `content-length: ${content.length}`]
  return [...lines, '', Buffer.from(content).toString('latin1')].join('\r\n')
}

async function sealed({ key }: Town, inside: Inside = {}): Promise<Uint8Array> {
  return (await sealRequest(nodeHpke, key.config, suite, binaryRequest(inside))).message
}

/** Heads and lengths of what a town answers to one question of each kind. */
async function answers(way: Way): Promise<unknown[]> {
  const here = await town()
  const { port, taken } = await served(here, way)
  const content = await sealed(here)
  const asked: [string, string][] = [
    ['served', posted(content)],
    ['replayed', posted(content)],
    ['refused inside', posted(await sealed(here, { authority: 'elsewhere.example' }))],
    ['not to be opened', posted(new Uint8Array(100))],
    ['too large', posted(new Uint8Array(2_000_000))],
    ['of another type', posted(content, 'text/plain')],
    ['on another path', posted(content, mediaTypes.request, '/x')],
  ]
  const told = []
  for (const [name, request] of asked) {
    const heard = await ask(port, request)
    told.push([name, head(heard), bodyOf(heard).length])
  }
  here.pool.free = 0
  const none = await ask(port, posted(await sealed(here)))
  expect(taken()).toBe(way === 'short' ? 6 : 0)
  expect(here.outcomes).toEqual(['served', 'replayed', 'not-allowed', 'unopened', 'unreadable', 'no-cvm'])
  expect(here.faults).toEqual([])
  return [...told, ['no CVM', head(none), bodyOf(none).length]]
}

describe('the short way', () => {
  test('gives the heads of the long one', async () => {
    expect(await answers('short')).toEqual(await answers('long'))
  })

  test('serves one request after the other on one connection', async () => {
    const here = await town()
    const { port } = await served(here, 'short')
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    for (let asked = 0; asked < 3; asked++) {
      socket.write(posted(await sealed(here)), 'latin1')
      const [heard] = (await once(socket, 'data')) as [Buffer]
      expect(heard.toString('latin1')).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    }
    expect(here.outcomes).toEqual(['served', 'served', 'served'])
  })

  test('leaves what is not ours to answer to the long one: a target in absolute form, a foreign host', async () => {
    const here = await town({ hosts: ['x'] })
    const { port, taken } = await served(here, 'short')
    const content = await sealed(here)
    const foreign = posted(content).replace('host: x', 'host: y')
    const absolute = posted(content, mediaTypes.request, 'http://y/')
    expect(head(await ask(port, foreign))[0]).toBe('HTTP/1.1 421 Misdirected Request')
    expect(head(await ask(port, absolute))[0]).toBe('HTTP/1.1 421 Misdirected Request')
    expect(taken()).toBe(0)
  })
})
