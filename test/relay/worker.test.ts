/** The Workers door, bundled and run by workerd itself against a gateway on loopback (feasibility 7). */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from 'esbuild'
import worker from '../../relay/worker.ts'
import {
  answer,
  ask,
  bodyOf,
  complete,
  head,
  post,
  rawClient,
  rawGateway,
  sealed,
  until,
  type RawGateway,
} from './harness.ts'

const root = resolve(import.meta.dirname, '../..')
const workerd = join(root, 'node_modules/@cloudflare/workerd-linux-64/bin/workerd')
if (!existsSync(workerd)) process.stderr.write(`skipped: no workerd at ${workerd}\n`)

const forbidden = /(^|\/)(shared\/(ohttp|bhttp|hpke|attestation|tlog|client)|gateway)\/|node_modules\/(hpke|@hpke)\//

function config(gatewayPort: number): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "relay", worker = .relay),
    (name = "gateway", external = (address = "127.0.0.1:${gatewayPort}", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "relay")],
);
const relay :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-10-01",
  bindings = [
    (name = "GATEWAY", service = "gateway"),
    (name = "GATEWAY_URL", text = "http://gateway.example/.well-known/ohttp-gateway"),
    (name = "CORS", text = "on"),
  ],
);
`
}

const keyList = 'HTTP/1.1 200 OK\r\ncontent-type: application/ohttp-keys\r\ncontent-length: 4\r\n\r\nkeys'
const streamed = answer('200 OK', { 'content-type': 'message/ohttp-chunked-res', 'set-cookie': 'me=1' }, sealed)
const stored = answer('200 OK', { 'content-type': 'message/ohttp-res', etag: '"me"', server: 'gw' }, sealed)

test.each(['mixed', 'paced', ''])('profile %j is refused, since isolates have no batch in common', (profile) => {
  const env = { GATEWAY_URL: 'https://gateway.example/', PROFILE: profile }
  const ask = (): unknown => worker.fetch(new Request('https://relay.example/'), env, undefined)
  expect(ask).toThrow('PROFILE: isolates have no batch in common')
})

describe.skipIf(!existsSync(workerd))('on workerd', () => {
  let directory = ''
  let gateway: RawGateway
  let port = 0
  let stop: () => Promise<void> = () => Promise.resolve()
  let inputs: string[] = []

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'worker-'))
    const { metafile } = await build({
      entryPoints: [join(root, 'relay/worker.ts')],
      outfile: join(directory, 'worker.js'),
      absWorkingDir: root,
      bundle: true,
      format: 'esm',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      metafile: true,
      logLevel: 'silent',
    })
    inputs = Object.keys(metafile.inputs)
    let endGateway: () => void = () => undefined
    gateway = await rawGateway(script, (end) => (endGateway = end))
    writeFileSync(join(directory, 'config.capnp'), config(gateway.port))
    const settings = { cwd: directory, stdio: ['ignore', 'ignore', 'inherit', 'pipe'] } as const
    const child = spawn(workerd, ['serve', '--control-fd=3', 'config.capnp'], {
      ...settings,
      stdio: [...settings.stdio],
    })
    const ended = new Promise<void>((done) => child.once('exit', () => done()))
    stop = async () => {
      child.kill('SIGKILL')
      await ended
      endGateway()
    }
    port = await listening(child)
  })

  afterAll(async () => {
    await stop()
    rmSync(directory, { recursive: true, force: true })
  })

  test('the bundle holds nothing that could open a message, and nothing of Node', () => {
    expect(inputs.length).toBeGreaterThan(10)
    expect(inputs.filter((file) => forbidden.test(file))).toEqual([])
    expect(inputs.filter((file) => /undici|prom-client|shared\/upstream\/(node|serve)\.ts/.test(file))).toEqual([])
  })

  test('OHTTP-R2, OHTTP-R4: one POST goes through, and this is all that the platform lets the gateway see', async () => {
    gateway.heard.length = 0
    const heard = await ask(port, post({ 'x-forwarded-for': '203.0.113.7', cookie: 'me=1', 'user-agent': 'App/1.2' }))
    expect(head(heard)[0]).toBe('HTTP/1.1 200 OK')
    expect(bodyOf(heard)).toBe(sealed)
    const seen = head(gateway.heard.join(''))
    process.stdout.write(`workerd says to the gateway: ${JSON.stringify(seen)}\n`)
    expect(seen[0]).toBe('POST /.well-known/ohttp-gateway HTTP/1.1')
    expect(seen.slice(1).map((line) => line.toLowerCase()).sort()).toEqual([
      'content-length: 6',
      'content-type: message/ohttp-req',
      'host: gateway.example',
    ]) // prettier-ignore
    expect(bodyOf(gateway.heard.join(''))).toBe('opaque')
  })

  test('OHTTP-R12: nothing of the gateway reaches the client', async () => {
    const heard = head(await ask(port, post({ 'content-type': 'message/ohttp-chunked-req' })))
    process.stdout.write(`workerd says to the client: ${JSON.stringify(heard)}\n`)
    const names = heard.slice(1).map((line) => line.split(':', 1)[0]?.toLowerCase())
    expect(names).not.toContain('set-cookie')
    expect(names).toContain('incremental')
    expect(heard.join('\n').toLowerCase()).toContain('access-control-allow-origin: *')
  })

  test('INC-1: an incremental upload streams', async () => {
    gateway.heard.length = 0
    const client = rawClient(port)
    const fields = 'content-type: message/ohttp-chunked-req\r\nincremental: ?1\r\ntransfer-encoding: chunked\r\n'
    client.socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${fields}\r\n3\r\none\r\n`)
    await until(() => gateway.heard.join('').includes('one'))
    client.socket.write('3\r\ntwo\r\n0\r\n\r\n')
    await until(() => complete(client.heard()))
    expect(client.heard()).toContain(sealed)
    expect(gateway.heard.join('').toLowerCase()).toContain('incremental: ?1')
  })

  test('keys are mirrored, and other methods and types are refused as on Node', async () => {
    const mirrored = await ask(port, 'GET /.well-known/ohttp-gateway HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(bodyOf(mirrored)).toBe('keys')
    expect(head(await ask(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'))[0]).toContain(' 405 ')
    expect(head(await ask(port, post({ 'content-type': 'text/plain' })))[0]).toContain(' 415 ')
    expect(head(await ask(port, post({}, 'x'.repeat((1 << 20) + 1))))[0]).toContain(' 413 ')
  })
})

function script(request: string): string {
  if (request.startsWith('GET')) return keyList
  return /chunked-req/i.test(request) ? streamed : stored
}

/** workerd says on its control descriptor which port it was given. */
async function listening(child: ChildProcess): Promise<number> {
  let said = ''
  for await (const bytes of child.stdio[3] as Readable) {
    said += String(bytes)
    const port = /"event":"listen","socket":"http","port":(\d+)/.exec(said)?.[1]
    if (port !== undefined) return Number(port)
  }
  throw new Error('workerd does not listen')
}
