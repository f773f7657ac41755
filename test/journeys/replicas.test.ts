/**
 * Two relays and two gateways, each pair behind a real nginx, as processes that die like any other: what one replica opened
 * no other opens again, keys between the operators are replaced under load, and who dies takes along what it was doing, no
 * more. Before the gateways nginx passes TCP on (its stream module), so that TLS goes from the relay to the gateway's end.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { startService, type Service } from '../../deploy/local/pair/service.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { certificatePem, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import type { Identity } from '../../shared/upstream/certificate.ts'
import { keyOf, place } from '../gateway/settled.ts'
import { binaryRequest } from '../gateway/town.ts'
import { redisIsHere, startRedis } from '../shared/store/redis.ts'
import { pinLine } from '../shared/upstream/pin-line.ts'
import { freePort } from '../shared/upstream/free-port.ts'

const nginx = '/usr/sbin/nginx'
const streams = '/usr/lib/nginx/modules/ngx_stream_module.so'
const nginxIsHere = spawnSync(nginx, ['-v']).status === 0 && existsSync(streams)
if (!nginxIsHere) console.log('skipped: no nginx here (Debian: apt-get install nginx libnginx-mod-stream)')

/** How long the app takes, in milliseconds, and how many ask at a time. */
const lasts = 40
const atOnce = 12
const pin = (identity: Identity): string => pinLine(identity.privateKey)
const server = selfSigned({ commonName: 'gateway', use: 'server', names: ['127.0.0.1'] })

type Replica = { readonly service: Service; readonly at: string }

/** `http` is what is spoken between the operators. */
async function town(http: 1.1 | 2) {
  const { folder, settings } = await place(
    (asked, answer) => {
      asked.resume()
      setTimeout(() => answer.end('hello'), lasts)
    },
    { life: 600_000 },
  )
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const show = (name: string, identity: Identity): void => {
    write(`${name}.key`, privateKeyPem(identity))
    write(`${name}.pem`, certificatePem(identity))
  }
  const ran = (name: string, door: string, options: object): Service => {
    const args = ['--config', write(`${name}.json`, JSON.stringify(options))]
    const service = startService({ name, door, args, logFile: join(folder, `${name}.log`) })
    onTestFinished(() => service.stop())
    return service
  }
  const store = { kind: 'valkey', valkey: { host: '127.0.0.1', port: redis.port, tls: false } }
  show('server', server)
  write('gateway.pins', pin(server))
  const identities = [1, 2].map((n) => selfSigned({ commonName: `relay-${n}`, use: 'client' }))
  identities.forEach((identity, at) => {
    show(`relay-${at + 1}`, identity)
    write(`relay-${at + 1}.pins`, pin(identity))
  })
  const relays = [1, 2].map((n) => ({ name: `relay-${n}`, pins: `relay-${n}.pins`, atOnce: 100 }))

  const replica = async (service: Service): Promise<Replica> => {
    const { port, adminPort } = await service.event('started')
    await ready(Number(adminPort))
    return { service, at: `127.0.0.1:${String(port)}` }
  }
  /** The second follows the first: its keys, its bundle. */
  const gateway = (n: number): Promise<Replica> =>
    replica(
      ran(`gateway-${n}`, 'gateway/main.ts', {
        ...settings,
        ...{ listen: { port: 0, tls: { key: 'server.key', cert: 'server.pem' } }, relays, store },
        cvm: { ...settings.cvm, connections: 24 },
        keys: n === 1 ? { file: 'keys.json' } : { from: 'keys.json' },
        bundle: n === 1 ? settings.bundle : { file: settings.bundle.file },
      }),
    )
  const gateways = [await gateway(1), await gateway(2)] as const
  const passed = await freePort()
  const to = gateways.map(({ at }) => `server ${at} max_fails=1 fail_timeout=60s;`).join(' ')
  const inFront = `upstream gateways { ${to} } server { listen 127.0.0.1:${passed}; proxy_pass gateways; }`
  await started(folder, write('gateways.conf', configuration(folder, 'gateways', `stream { ${inFront} }`)), passed)

  const relay = (n: number): Promise<Replica> =>
    replica(
      ran(`relay-${n}`, 'relay/main.ts', {
        listen: { port: 0, plaintextLoopback: true },
        routes: [
          {
            ...{ gateway: `https://127.0.0.1:${passed}`, pins: 'gateway.pins' },
            clientCertificate: { key: `relay-${n}.key`, cert: `relay-${n}.pem` },
          },
        ],
        upstream: http === 2 ? { http, connections: 6, streams: 8 } : { connections: 40 },
      }),
    )
  const outer = [await relay(1), await relay(2)] as const
  const origin = await balanced(folder, write, [outer[0].at, outer[1].at])
  return { write, show, gateways, relays: outer, origin, identities }
}

async function ready(port: number): Promise<void> {
  await vi.waitFor(async () => expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200), 15_000)
}

/** nginx as an operator would have it, but that it says which replica answered. */
async function balanced(folder: string, write: (name: string, text: string) => string, to: readonly string[]) {
  const port = await freePort()
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (path) => `${path}_temp_path ${folder}/${path};`,
  )
  const http = `http {
      access_log off; ${paths.join(' ')}
      upstream relays { ${to.map((one) => `server ${one} max_fails=1 fail_timeout=60s;`).join(' ')} keepalive 32; }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://relays; proxy_http_version 1.1; proxy_set_header connection ''; proxy_set_header host $host;
          add_header x-replica $upstream_addr always;
        }
      }
    }`
  await started(folder, write('relays.conf', configuration(folder, 'relays', http)), port)
  return `http://127.0.0.1:${port}`
}

function configuration(folder: string, name: string, block: string): string {
  const files = `pid ${folder}/${name}.pid; error_log ${folder}/${name}.log;`
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `load_module ${streams}; daemon off; worker_processes 1; ${files} ${user}
    events { worker_connections 512; }
    ${block}`
}

async function started(folder: string, config: string, port: number): Promise<void> {
  const child: ChildProcess = spawn(nginx, ['-p', folder, '-c', config], { stdio: 'ignore' })
  onTestFinished(async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
  })
  await vi.waitFor(async () => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.destroy()
  }, 5_000)
}

type Told = {
  readonly at: number
  readonly outer: number
  readonly inner: number | undefined
  readonly replica: string
}

/** A client with its own connections, and what became of each of its requests. */
async function client(origin: string) {
  const dispatcher = new Agent({ connections: 32 })
  onTestFinished(() => dispatcher.close())
  const { config, suite } = await keyOf(origin)
  const seal = () => sealRequest(nodeHpke, config, suite, binaryRequest({ date: Date.now() }))
  const send = async (sealed: Awaited<ReturnType<typeof seal>>): Promise<Told> => {
    const at = performance.now()
    const headers = { 'content-type': 'message/ohttp-req' }
    const {
      statusCode,
      headers: fields,
      body,
    } = await request(origin, {
      ...{ method: 'POST', headers, body: sealed.message, dispatcher },
    })
    const bytes = await body.bytes()
    const opened = statusCode === 200 ? decodeResponse(await sealed.openResponse(bytes)).status : undefined
    return { at, outer: statusCode, inner: opened, replica: String(fields['x-replica']) }
  }
  return { seal, send }
}

/** So many at a time, one after the other, until it is told to end. */
async function load(origin: string, many: number) {
  const { seal, send } = await client(origin)
  const told: Told[] = []
  let going = true
  const one = async (): Promise<void> => {
    while (going) told.push(await send(await seal()))
  }
  const all = Promise.all(Array.from({ length: many }, one))
  onTestFinished(async () => {
    going = false
    await all
  })
  return {
    told,
    more: async (count: number): Promise<void> => {
      const from = told.length
      while (told.length < from + count) await sleep(5)
    },
    end: async (): Promise<void> => {
      going = false
      await all
    },
  }
}

const served = ({ outer, inner }: Told): boolean => outer === 200 && inner === 200

describe.skipIf(!redisIsHere || !nginxIsHere).each([1.1, 2] as const)(
  'two relays and two gateways behind nginx, HTTP/%s between them',
  (http) => {
    const replays = 'what one replica opened is a replay for the others, whichever it comes to'
    test(replays, { timeout: 60_000 }, async () => {
      const { origin, relays } = await town(http)
      const { seal, send } = await client(origin)
      for (let n = 0; n < 3; n++) {
        const sealed = await seal()
        const told = [await send(sealed), await send(sealed), await send(sealed), await send(sealed)]
        expect(new Set(told.map(({ replica }) => replica))).toEqual(new Set(relays.map(({ at }) => at)))
        expect(told.map(({ inner }) => inner)).toEqual([200, 400, 400, 400])
      }
    })

    const keys = 'a relay gets another key without losing a request, and dies with what it carried alone'
    test(keys, { timeout: 60_000 }, async () => {
      const { origin, gateways, relays, identities, write, show } = await town(http)
      const { told, more, end } = await load(origin, atOnce)
      const old = identities[0] ?? server
      const next = selfSigned({ commonName: 'relay-1', use: 'client' })
      const step = async (services: readonly Replica[], change: () => void): Promise<void> => {
        change()
        for (const { service } of services) process.kill(service.pid, 'SIGHUP')
        await more(3 * atOnce)
      }
      await step([], () => undefined)
      await step(gateways, () => write('relay-1.pins', `${pin(old)}${pin(next)}`))
      await step([relays[0]], () => show('relay-1', next))
      expect(await relays[0].service.event('route-reread')).toMatchObject({ result: 'changed' })
      await step(gateways, () => write('relay-1.pins', pin(next)))
      expect(await gateways[0].service.event('listener-reread')).toMatchObject({ result: 'changed' })
      expect(told.filter((one) => !served(one))).toEqual([])

      const [, dying] = relays
      const killed = await death(dying)
      await more(8 * atOnce)
      await end()
      const lost = told.filter((one) => !served(one))
      expect(lost.length).toBeGreaterThan(0)
      expect(lost.length).toBeLessThanOrEqual(atOnce)
      // Begun before, and on the one that died: whoever comes later is sent on to the other.
      expect(lost.filter(({ at, replica }) => at > killed || replica !== dying.at)).toEqual([])
      expect(told.filter(({ at }) => at > killed).length).toBeGreaterThan(5 * atOnce)
    })

    test('a gateway dies with what it carried alone', { timeout: 60_000 }, async () => {
      const { origin, gateways } = await town(http)
      const { told, more, end } = await load(origin, atOnce)
      await more(8 * atOnce)
      const killed = await death(gateways[1])
      await more(8 * atOnce)
      await end()
      const lost = told.filter((one) => !served(one))
      // nginx has spread the connections, and the dice the requests: it had its share.
      expect(lost.length).toBeGreaterThan(0)
      expect(lost.length).toBeLessThanOrEqual(atOnce)
      expect(lost.filter(({ at }) => at > killed)).toEqual([])
      expect(told.filter(({ at }) => at > killed).length).toBeGreaterThan(5 * atOnce)
    })
  },
)

/** When everybody has heard of it. */
async function death({ service }: Replica): Promise<number> {
  service.kill()
  await service.gone
  // nginx, and whoever is connected through it, hear of it a moment later.
  await sleep(50)
  return performance.now()
}
