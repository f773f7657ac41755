/** A first visit to a running pair, four real processes: a library, a command, and curl at every wrong door. */
import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appOrigin } from '../../deploy/local/pair/settings.ts'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import { encode } from '../../shared/bhttp/encode.ts'
import type { ObliviousFetch } from '../../shared/client/index.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { parseKeyConfigs, selectKey } from '../../shared/ohttp/key-config.ts'
import { sealRequest, type SealedRequest } from '../../shared/ohttp/request.ts'
import { root } from '../house/walk.ts'
import { clientOf } from './soak.ts'

const message = readFileSync(join(root, 'deploy/local/message.txt'), 'utf8')
let pair: Pair
let fetch: ObliviousFetch

beforeAll(async () => {
  pair = await startPair({ pace: 20 })
  fetch = clientOf(pair)
}, 60_000)
afterAll(async () => {
  await fetch.close()
  await pair.stop()
})

test('the official openai client gets its completion token by token', async () => {
  const openai = new OpenAI({ baseURL: `${appOrigin}/v1`, apiKey: 'unused', maxRetries: 0, fetch })
  const stream = await openai.chat.completions.create({
    model: 'asunder-summarise',
    stream: true,
    messages: [{ role: 'user', content: message }],
  })
  const arrivals: number[] = []
  let text = ''
  for await (const chunk of stream) {
    const word = chunk.choices[0]?.delta.content ?? ''
    text += word
    if (word !== '') arrivals.push(performance.now())
  }
  expect(text).toContain('biopsy')
  expect(arrivals.length).toBeGreaterThan(50)
  // The app leaves 20 ms between words: an answer held back anywhere would arrive in far less time than it was told in.
  expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(0.5 * 20 * arrivals.length)
})

test('the command asks: the answer on stdout, everything else on stderr', async () => {
  const args = ['run', '--silent', 'asunder', '--', 'ask', '--relay', pair.relay.href, '--plaintext-loopback']
  const more = [
    '--trust',
    pair.trust,
    '--placement',
    'front',
    '--task',
    'summarise',
    '--file',
    'deploy/local/message.txt',
  ]
  const { stdout, stderr } = await promisify(execFile)('npm', [...args, ...more], { cwd: root })
  expect(stdout).toContain('biopsy')
  expect(stderr).toContain('the gateway operator is trusted')
  expect(stdout).not.toContain('trusted')
})

/** Status, head and body of what curl got. */
function curl(...args: string[]): { status: number; head: string; body: Buffer } {
  const out = execFileSync('curl', ['-s', '-i', '--max-time', '10', ...args])
  const end = out.indexOf('\r\n\r\n')
  const head = out.subarray(0, end).toString('latin1').toLowerCase()
  return { status: Number(/^http\/1\.1 (\d+)/m.exec(head)?.[1]), head, body: out.subarray(end + 4) }
}

const hasCurl = ((): boolean => {
  try {
    return execFileSync('curl', ['--version']).length > 0
  } catch {
    return false
  }
})()

describe.skipIf(!hasCurl)('curl', () => {
  const keyList = (): Buffer => execFileSync('curl', ['-s', new URL('/.well-known/ohttp-gateway', pair.relay).href])

  async function sealed(date: string): Promise<SealedRequest> {
    const { config, suite } = selectKey(parseKeyConfigs(keyList()), (kem, one) => nodeHpke.supports(kem, one))
    const content = encode({
      kind: 'request',
      framing: 'known',
      method: 'GET',
      scheme: 'https',
      authority: new URL(appOrigin).host,
      path: '/v1/models',
      headers: [['date', date]],
      content: new Uint8Array(),
      trailers: [],
      padding: 0,
    })
    return sealRequest(nodeHpke, config, suite, content)
  }

  function post(bytes: Uint8Array, type = 'message/ohttp-req', at = '/'): ReturnType<typeof curl> {
    const file = join(pair.folder, 'request.bin')
    writeFileSync(file, bytes)
    return curl(
      '-H',
      `content-type: ${type}`,
      '-H',
      'expect:',
      '--data-binary',
      `@${file}`,
      new URL(at, pair.relay).href,
    )
  }

  async function inner(request: SealedRequest, answer: Uint8Array): Promise<{ status: number; text: string }> {
    const { status, content } = decodeResponse(await request.openResponse(answer))
    return { status, text: Buffer.from(content).toString() }
  }

  const now = (): string => new Date().toUTCString()

  test('fetches the key list through the relay: the same bytes, tagged with their digest', () => {
    const { status, head } = curl(new URL('/.well-known/ohttp-gateway', pair.relay).href)
    expect(status).toBe(200)
    expect(head).toContain('content-type: application/ohttp-keys')
    expect(head).toMatch(/etag: "[0-9a-f]{64}"/)
    expect(head).toMatch(/cache-control: public, max-age=\d+/)
    expect(parseKeyConfigs(keyList()).length).toBeGreaterThan(0)
  })

  test('a sealed request is answered; the very same bytes again are a replay, sealed 400', async () => {
    const request = await sealed(now())
    const first = post(request.message)
    expect(first.status).toBe(200)
    expect(await inner(request, first.body)).toMatchObject({
      status: 200,
      text: expect.stringContaining('asunder') as string,
    })
    const second = post(request.message)
    expect(second.status).toBe(200)
    expect((await inner(request, second.body)).status).toBe(400)
  })

  test('a clock that is off: sealed 400 with the date problem', async () => {
    const request = await sealed(new Date(Date.now() - 3_600_000).toUTCString())
    const { status, text } = await inner(request, post(request.message).body)
    expect([status, text]).toEqual([400, expect.stringContaining('#date')])
  })

  test('an unknown key id: plain 400 #ohttp-key, whatever else is wrong', async () => {
    const { message: bytes } = await sealed(now())
    const otherKey = bytes.slice()
    otherKey[0] = (otherKey[0] ?? 0) ^ 0x80
    const damaged = bytes.slice()
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
    const [one, two] = [post(otherKey), post(damaged)]
    expect(one.status).toBe(400)
    expect(one.body.toString()).toContain('https://iana.org/assignments/http-problem-types#ohttp-key')
    expect([two.head, two.body]).toEqual([one.head, one.body])
  })

  test('wrong method, path, media type and size', () => {
    expect(curl('-X', 'PUT', pair.relay.href)).toMatchObject({
      status: 405,
      head: expect.stringContaining('allow: post') as string,
    })
    expect(curl(new URL('/nowhere', pair.relay).href).status).toBe(404)
    expect(post(new Uint8Array(80), 'text/plain')).toMatchObject({
      status: 415,
      head: expect.stringContaining('accept: message/ohttp-req') as string,
    })
    expect(post(new Uint8Array((1 << 20) + 1))).toMatchObject({ status: 413, body: expect.anything() as Buffer })
  })
})
