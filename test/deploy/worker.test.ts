/** The Worker of the relay as its operator builds and runs it: workerd with TLS on both sides, and the real gateway behind it. */
import { execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Agent, request } from 'undici'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { appOrigin } from '../../deploy/local/pair/settings.ts'
import { createObliviousFetch } from '../../shared/client/index.ts'
import { certificatePem, issuedBy, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import { root } from '../house/walk.ts'

const workerd = join(root, 'node_modules/@cloudflare/workerd-linux-64/bin/workerd')
if (!existsSync(workerd)) process.stderr.write(`skipped: worker (no ${workerd})\n`)

describe.skipIf(!existsSync(workerd))('the relay on workerd', () => {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-worker-'))
  const authority = selfSigned({ commonName: 'test authority', use: 'authority' })
  let pair: Pair
  let port = 0
  let stop: () => Promise<void> = () => Promise.resolve()

  beforeAll(async () => {
    let gateway = 0
    pair = await startPair({
      onWire: (wire, to) => {
        if (wire === 'gateway' && 'port' in to) gateway = to.port
        return Promise.resolve(to)
      },
    })
    const file = join(folder, 'relay-worker.js')
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const [, ...words] = (scripts['build:worker'] ?? '').replace('dist/relay-worker.js', file).split(' ')
    await promisify(execFile)(join(root, 'node_modules/.bin/esbuild'), words, { cwd: root })
    const relay = issuedBy(authority, { commonName: 'relay', use: 'server', names: ['127.0.0.1', 'other.example'] })
    writeFileSync(join(folder, 'relay.key'), privateKeyPem(relay))
    writeFileSync(join(folder, 'relay.pem'), certificatePem(relay))
    const mine = { 'to-gateway.key': 'client.key', 'to-gateway.pem': 'client.pem', 'gateway-ca.pem': 'authority.pem' }
    for (const [to, from] of Object.entries(mine)) cpSync(join(pair.folder, 'relay', from), join(folder, to))
    const text = readFileSync(join(root, 'deploy/relay/worker/workerd.capnp'), 'utf8')
      .replace('gateway.example:443', `127.0.0.1:${gateway}`)
      .replace('certificateHost = "gateway.example"', 'certificateHost = "127.0.0.1"')
      .replace('https://gateway.example/', `https://127.0.0.1:${gateway}/`)
      .replace('*:443', '127.0.0.1:0')
      .replace('text = "relay.example"', 'text = "127.0.0.1"')
    writeFileSync(join(folder, 'workerd.capnp'), text)
    const child = spawn(workerd, ['serve', '--control-fd=3', 'workerd.capnp'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    })
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    stop = async () => {
      child.kill('SIGTERM')
      await gone
    }
    port = await listening(child.stdio[3] as Readable, gone)
  }, 60_000)

  afterAll(async () => {
    await stop()
    await pair.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const dispatcher = new Agent({ connect: { ca: certificatePem(authority) } })
  afterAll(() => dispatcher.close())

  test('mirrors the gateway’s bundle, over TLS that the gateway asked a certificate for', async () => {
    const { statusCode, body } = await request(`https://127.0.0.1:${port}/.well-known/asunder-bundle`, { dispatcher })
    expect([statusCode, await body.text()]).toEqual([200, expect.stringContaining('asunder-local')])
  })

  test('answers to no other host than those it was given', async () => {
    const { statusCode } = await request(`https://127.0.0.1:${port}/`, {
      dispatcher,
      headers: { host: 'other.example' },
    })
    expect(statusCode).toBe(421)
  })

  test('a client’s question reaches the app through it, and comes back', async () => {
    const fetch = createObliviousFetch({
      relay: `https://127.0.0.1:${port}/`,
      trust: readFileSync(pair.trust, 'utf8'),
      placement: 'front',
      ca: certificatePem(authority),
    })
    const answer = await fetch(`${appOrigin}/v1/models`)
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('asunder-summarise')])
    await fetch.close()
  })
})

async function listening(control: Readable, gone: Promise<void>): Promise<number> {
  let heard = ''
  return new Promise((resolve, reject) => {
    void gone.then(() => reject(new Error('workerd ended')))
    control.on('data', (data) => {
      heard += String(data)
      const said = heard.split('\n').find((line) => line.includes('"listen"'))
      if (said !== undefined) resolve((JSON.parse(said) as { port: number }).port)
    })
  })
}
