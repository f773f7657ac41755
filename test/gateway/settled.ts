/** A folder with settings, a simulated machine with its agent, and a gateway started from them; for tests of the whole. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import { createAgent } from '../../gateway/cvm/agent.ts'
import { simulatedEvidence, writePlatform } from '../../gateway/cvm/simulated.ts'
import { gatewaySettings } from '../../gateway/config.ts'
import { openGateway, type World } from '../../gateway/service.ts'
import { createSimulatedRoot } from '../../shared/attestation/simulated.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import { hex } from '../../shared/bytes.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { parseKeyConfigs, selectKey } from '../../shared/ohttp/key-config.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { certificatePem, pinOf, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import { generateSigningKey, readSigner } from '../../shared/tlog/signer.ts'
import { binaryRequest, hello } from './town.ts'
import { developmentRoot } from './trust.ts'

const role = 'app'
export type Line = { event: string; level: string } & Record<string, unknown>

/** Settings that differ; of `cvm` only what is given. `life`: milliseconds that the machine's reports are good for. */
export type More = { readonly cvm?: object; readonly life?: number } & Readonly<Record<string, unknown>>

export async function place(handler: RequestListener = hello, { cvm: other, life, ...more }: More = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })
  const { skey } = await generateSigningKey('publisher')
  const rootNote = await developmentRoot(await readSigner(skey), Math.floor(Date.now() / 1000 + 86_400) * 1000)
  write('root.note', rootNote)
  write('bundle.skey', skey)
  const cvm = await machine(folder, handler, write, life)
  const settings = {
    placement: 'front',
    listen: { port: 0, plaintextLoopback: true },
    trust: 'root.note',
    cvm: {
      host: '127.0.0.1',
      port: cvm.port,
      role,
      connections: 4,
      identity: { key: 'own.key', cert: 'own.pem' },
      allowSimulated: cvm.allowSimulated,
      ...other,
    },
    targets: ['https://app.asunder.example'],
    bundle: { file: 'bundle.note', signer: 'bundle.skey' },
    drain: 1_000,
    ...more,
  }
  write('settings.json', JSON.stringify(settings))
  return { folder, rootNote, settings, platform: join(folder, 'platform.json') }
}

type Write = (name: string, text: string) => void

async function machine(folder: string, handler: RequestListener, write: Write, life = 1_500) {
  const own = selfSigned({ commonName: 'gateway', use: 'client' })
  write('own.key', privateKeyPem(own))
  write('own.pem', certificatePem(own))
  const root = await createSimulatedRoot(randomBytes(32))
  const [platformSeed, measurement] = [Uint8Array.from(randomBytes(32)), Uint8Array.from(randomBytes(48))]
  const endorsement = await root.endorse({ platformSeed, notAfter: Date.now() + 3_600_000 })
  write('platform.json', writePlatform({ platformSeed, endorsement, measurement, role }))
  const app = createServer(handler)
  await once(app.listen(join(folder, 'app.sock')), 'listening')
  const provider = simulatedEvidence({ platform: join(folder, 'platform.json'), life })
  const agent = createAgent({
    provider,
    role,
    app: join(folder, 'app.sock'),
    gatewayPins: [pinOf(own.privateKey)],
    log: () => undefined,
  })
  const port = await agent.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    await agent.close(0)
    app.closeAllConnections()
    app.close()
  })
  return { port, allowSimulated: { rootSha256: root.rootSha256, measurement: hex(measurement) } }
}

/** `clock.ahead`: milliseconds by which the gateway's clock is ahead of ours; may be changed while it runs. */
export function worldOf(folder: string): World & { lines: Line[]; clock: { ahead: number } } {
  const clock = { ahead: 0 }
  const lines: Line[] = []
  const path = (name: string): string => join(folder, name)
  const log: World['log'] = (level, event, ...[fields]) => void lines.push({ level, event, ...fields })
  return {
    now: () => Date.now() + clock.ahead,
    clock,
    random: (length) => Uint8Array.from(randomBytes(length)),
    path,
    file: (name) => readFileSync(path(name)),
    log,
    lines,
  }
}

export async function opened(handler?: RequestListener, more?: More) {
  const at = await place(handler, more)
  const world = worldOf(at.folder)
  const service = await openGateway(gatewaySettings(JSON.stringify(at.settings), 'test'), world)
  onTestFinished(() => service.force())
  const ready = () => fetch(`http://127.0.0.1:${String(service.adminPort)}/readyz`)
  await vi.waitFor(async () => expect((await ready()).status).toBe(200), 5_000)
  return {
    ...at,
    service,
    ready,
    clock: world.clock,
    lines: world.lines,
    url: `http://127.0.0.1:${String(service.port)}`,
  }
}

export async function keyOf(url: string) {
  const list = await fetch(`${url}/.well-known/ohttp-gateway`)
  return selectKey(parseKeyConfigs(new Uint8Array(await list.arrayBuffer())), nodeHpke.supports)
}

export async function askThrough(url: string, content = binaryRequest({ date: Date.now() })) {
  const { config, suite } = await keyOf(url)
  const sealed = await sealRequest(nodeHpke, config, suite, content)
  const outer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'message/ohttp-req' },
    body: sealed.message,
  })
  const message = new Uint8Array(await outer.arrayBuffer())
  return {
    outer,
    message,
    inner: outer.status === 200 ? decodeResponse(await sealed.openResponse(message)) : undefined,
  }
}
