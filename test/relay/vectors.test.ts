/** The relay's cases of vectors/http-behaviour.json, each on a real socket, by what the case says. */
import { describe, expect, test } from 'vitest'
import { sharedVectors } from '../vectors/shared.ts'
import {
  answer,
  ask,
  bodyOf,
  complete,
  good,
  head,
  httpGateway,
  post,
  rawClient,
  rawGateway,
  relayTo,
  sealed,
  until,
  wait,
} from './harness.ts'

type Case = {
  readonly id: string
  readonly req: readonly string[]
  readonly role: string
  readonly given: {
    readonly method?: string
    readonly 'content-type'?: string
    readonly body?: string
    readonly fields?: Record<string, string>
    readonly path?: string
    readonly query?: string
    readonly gateway_response_fields?: Record<string, string>
  }
  readonly expect: {
    readonly status?: number
    readonly allow?: string
    readonly not_forwarded?: readonly string[] | true
    readonly forwarded?: Record<string, string>
    readonly gateway_must_not_see?: readonly string[]
    readonly client_must_not_see?: readonly string[]
  }
}

const vectors = sharedVectors('http-behaviour') as { cases: Case[] } | undefined
const cases = (vectors?.cases ?? []).filter(({ role }) => role === 'relay')
const title = ({ id, req }: Case): string => `${req.join(', ')}: ${id}`
const byId = (id: string): Case => {
  const found = cases.find((one) => one.id === id)
  if (found === undefined) throw new TypeError(`no case ${id}`)
  return found
}

const chunkedType = { 'content-type': 'message/ohttp-chunked-req' }
const expected = ['host', 'connection', 'content-type', 'content-length']

function requestOf({ given }: Case): string {
  const { method = 'POST', fields = {}, path = '/', query = '' } = given
  if (method !== 'POST') return `${method} / HTTP/1.1\r\nhost: x\r\n\r\n`
  const body = given.body?.startsWith('limit') === true ? 'x'.repeat((1 << 20) + 1) : 'x'.repeat(80)
  const type = given['content-type']
  const text = post({ ...(type === undefined ? {} : { 'content-type': type }), ...fields }, body, path + query)
  return type === undefined ? text.replace(/content-type: .*\r\n/, '') : text
}

function names(text: string): string[] {
  return head(text)
    .slice(1)
    .map((line) => line.split(':', 1)[0]?.toLowerCase() ?? '')
}

/** Cases that say everything in data: one request, and what must and must not be seen. */
const plain = cases.filter(({ given }) => given.method !== undefined && !('gateway' in given))

describe.skipIf(vectors === undefined)('http-behaviour.json', () => {
  test('every case of a relay is run here', () => {
    const special = [
      'hx-relay-conn-reuse', 'hx-relay-refused', 'hx-relay-reset', 'hx-relay-resp-strip', 'hx-relay-early-data',
      'hx-relay-stream', 'hx-relay-stream-abort', 'hx-relay-stream-cut', 'hx-relay-inc-refuse', 'hx-relay-inc-limit',
    ] // prettier-ignore
    const run = new Set([...plain.map(({ id }) => id), ...special])
    expect(cases.filter(({ id }) => !run.has(id)).map(({ id }) => id)).toEqual([])
    expect(cases.length).toBeGreaterThan(30)
  })

  test.each(plain.filter(({ id }) => id !== 'hx-relay-stream').map((one) => [title(one), one] as const))(
    '%s',
    async (_, one) => {
      const gateway = await rawGateway(() => good)
      const relay = await relayTo(gateway.port)
      const heard = await ask(relay.port, requestOf(one))
      const seen = gateway.heard.join('')
      const { status, allow, not_forwarded, forwarded } = one.expect
      if (status !== undefined) expect(head(heard)[0]).toContain(` ${status} `)
      if (allow !== undefined) expect(head(heard)).toContain(`allow: ${allow}`)
      if (not_forwarded === true || 'not_forwarded_elsewhere' in one.expect || status !== undefined) {
        expect(seen).toBe('')
        return
      }
      expect(names(seen)).toEqual(expected)
      const values = Object.values(one.given.fields ?? {}).filter((value) => value.length > 3)
      for (const value of values) expect(head(seen).join('\n')).not.toContain(value)
      for (const [name, value] of Object.entries(forwarded ?? {})) expect(head(seen)).toContain(`${name}: ${value}`)
      expect(bodyOf(heard)).toBe(sealed)
    },
  )

  test('OHTTP-R8: hx-relay-conn-reuse', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port)
    for (let request = 0; request < 2; request++) {
      for (let client = 0; client < 3; client++) await ask(relay.port, post())
    }
    expect(gateway.heard).toHaveLength(1)
  })

  test('OHTTP-R6: hx-relay-refused', async () => {
    const { status = 0 } = byId('hx-relay-refused').expect
    expect(head(await ask((await relayTo(1)).port, post()))[0]).toContain(` ${status} `)
  })

  test('OHTTP-R7: hx-relay-reset', async () => {
    const gateway = await rawGateway((_request, socket) => void socket.resetAndDestroy())
    const relay = await relayTo(gateway.port)
    expect(head(await ask(relay.port, post()))[0]).toContain(` ${byId('hx-relay-reset').expect.status ?? 0} `)
    expect(gateway.heard).toHaveLength(1)
  })

  test('OHTTP-R12: hx-relay-resp-strip', async () => {
    const one = byId('hx-relay-resp-strip')
    const fields = { 'content-type': 'message/ohttp-res', ...one.given.gateway_response_fields }
    const gateway = await rawGateway(() => answer('200 OK', fields, sealed))
    const heard = await ask((await relayTo(gateway.port)).port, post())
    expect(names(heard).filter((name) => one.expect.client_must_not_see?.includes(name))).toEqual([])
    expect(names(heard)).toEqual(['date', 'content-type', 'cache-control', 'content-length'])
  })

  test('INC-1, CHK-12: hx-relay-stream', async () => {
    const arrivals: number[] = []
    const gateway = await httpGateway((request, response) => {
      request.on('data', () => arrivals.push(performance.now()))
      request.on('end', () => response.writeHead(200, { 'content-type': 'message/ohttp-chunked-res' }).end(sealed))
      expect(request.headers.incremental).toBe('?1')
    })
    const client = rawClient((await relayTo(gateway.port)).port)
    const fields = 'content-type: message/ohttp-chunked-req\r\nincremental: ?1\r\ntransfer-encoding: chunked\r\n'
    const sent = [performance.now()]
    client.socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${fields}\r\n3\r\none\r\n`)
    for (const chunk of ['3\r\ntwo\r\n', '0\r\n\r\n']) {
      await wait(100)
      sent.push(performance.now())
      client.socket.write(chunk)
    }
    await until(() => complete(client.heard()))
    expect(arrivals).toHaveLength(2)
    // A loaded machine takes its time; what must not happen is waiting for the next chunk, 100 ms later.
    arrivals.forEach((at, i) => expect(at - (sent[i] ?? 0)).toBeLessThan(95))
  })

  test('CHK-14: hx-relay-stream-abort', async () => {
    let aborted = false
    let done = false
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, { 'content-type': 'message/ohttp-chunked-res' }).write('first')
      response.once('close', () => (aborted = !response.writableFinished))
      setTimeout(() => response.end('last', () => (done = true)), 150)
    })
    const client = rawClient((await relayTo(gateway.port)).port)
    client.socket.write(post(chunkedType))
    await until(() => client.heard().includes('first'))
    client.socket.resetAndDestroy()
    await until(() => done)
    expect(aborted).toBe(false)
  })

  test('CHK-14: hx-relay-stream-cut', async () => {
    const gateway = await httpGateway((_request, response) => {
      response.writeHead(200, { 'content-type': 'message/ohttp-chunked-res' }).write('first')
      setTimeout(() => response.destroy(), 20)
    })
    const client = rawClient((await relayTo(gateway.port)).port)
    client.socket.write(post(chunkedType))
    await client.closed
    expect(complete(client.heard())).toBe(false)
  })

  test('INC-2: hx-relay-inc-refuse', async () => {
    const gateway = await rawGateway(() => good)
    const relay = await relayTo(gateway.port, { limits: { incremental: 0 } })
    const heard = head(await ask(relay.port, post({ ...chunkedType, incremental: '?1' })))
    expect(heard[0]).toContain(` ${byId('hx-relay-inc-refuse').expect.status ?? 0} `)
    expect(heard).toContain('proxy-status: asunder; error=incremental_refused')
  })

  test('INC-3: hx-relay-inc-limit', async () => {
    const gateway = await httpGateway((request) => void request.resume())
    const relay = await relayTo(gateway.port, { limits: { incremental: 1 } })
    const upload = post({ ...chunkedType, incremental: '?1' })
    rawClient(relay.port).socket.write(upload.slice(0, -1))
    await until(() => relay.active() === 1)
    const heard = head(await ask(relay.port, upload))
    expect(heard[0]).toContain(` ${byId('hx-relay-inc-limit').expect.status ?? 0} `)
    expect(heard).toContain('proxy-status: asunder; error=connection_limit_reached')
  })
})
