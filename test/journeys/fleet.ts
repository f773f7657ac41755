/**
 * One operator's gateways as they are run in earnest: two of them behind a balancer, one memory of what came, keys that turn in
 * one and are followed by the other; and the relay, the CVM and the app of the local pair around them.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { startService, type Service } from '../../deploy/local/pair/service.ts'
import { root } from '../house/walk.ts'
import { withoutNews } from './version-before.ts'

/** Where a replica is put before its balancer: in the folder of this version, or in that of another. */
export type Version = { readonly root: string }
export const thisVersion: Version = { root }

export type Fleet = {
  readonly pair: Pair
  readonly replicas: readonly Replica[]
  /** Starts one more replica and waits until it is ready. */
  join(version?: Version): Promise<Replica>
  /** Takes a replica from the balancer, asks it to end, and waits: what a rolling upgrade does. */
  leave(replica: Replica): Promise<void>
  /** Ends a replica in the middle of everything. */
  kill(replica: Replica): Promise<void>
  /** A command of the operator, such as rotate-keys. */
  command(word: string): Promise<void>
  /** Takes the CVM's evidence away for this long, in milliseconds. */
  flap(time: number): Promise<void>
  stop(): Promise<void>
}

export type Replica = { readonly service: Service; readonly port: number }
type GatewayFile = { keys: object; bundle: { file: string; signer?: string }; store: object; listen: { port: number } }

const drain = '8s'

export type FleetOptions = {
  readonly pace?: number
  readonly links?: number
  /** how keys turn, where the defaults are too slow to be seen */
  readonly keys?: { readonly life: string; readonly overlap: string }
}

export async function startFleet({ keys, ...options }: FleetOptions = {}): Promise<Fleet> {
  const balancer = await startBalancer()
  const pair = await startPair({
    ...options,
    onWire(wire, to) {
      if (wire !== 'gateway' || !('port' in to)) return Promise.resolve(to)
      balancer.targets.add(to.port)
      return Promise.resolve({ ...to, port: balancer.port })
    },
    settings: (service, settings) =>
      service === 'gateway'
        ? {
            ...settings,
            keys: { file: 'keys.json', lead: '1s', ...keys },
            store: { kind: 'sqlite', file: 'claims.db' },
            drain,
          }
        : settings,
  })
  const [port = 0] = balancer.targets
  const first = pair.services.find(({ name }) => name === 'gateway')
  if (first === undefined) throw new Error('no gateway')
  const replicas: Replica[] = [{ service: first, port }]
  const folder = join(pair.folder, 'gateway')
  let count = 0

  const gone = (replica: Replica): void => void replicas.splice(replicas.indexOf(replica), 1)
  return {
    pair,
    replicas,
    async join({ root: from } = thisVersion) {
      const name = `follower-${String((count += 1))}.json`
      const file = followerSettings(folder, name, from === root ? (same) => same : withoutNews)
      const logFile = join(pair.folder, `gateway-${String(count)}.log`)
      const started = {
        name: `gateway ${String(count)}`,
        door: join(from, 'gateway/main.ts'),
        args: ['--config', file],
        logFile,
      }
      const service = startService(started)
      const said = await service.event('started')
      await ready(Number(said['adminPort']))
      const replica = { service, port: Number(said['port']) }
      balancer.targets.add(replica.port)
      replicas.push(replica)
      return replica
    },
    async leave(replica) {
      balancer.targets.delete(replica.port)
      gone(replica)
      process.kill(replica.service.pid, 'SIGTERM')
      await replica.service.gone
    },
    async kill(replica) {
      gone(replica)
      replica.service.kill()
      await replica.service.gone
      balancer.targets.delete(replica.port)
    },
    async command(word) {
      const args = [
        '--disable-warning=ExperimentalWarning',
        'gateway/main.ts',
        word,
        '--config',
        join(folder, 'settings.json'),
      ]
      await promisify(execFile)(process.execPath, args, { cwd: root })
    },
    async flap(time) {
      const platform = join(pair.folder, 'cvm/platform.json')
      const text = readFileSync(platform, 'utf8')
      writeFileSync(platform, '{}')
      await sleep(time)
      writeFileSync(platform, text)
    },
    async stop() {
      await Promise.all(replicas.filter(({ service }) => service !== first).map(({ service }) => service.stop()))
      await pair.stop()
      await balancer.stop()
    },
  }
}

/** As an operator would write them for the others: the same, but for keys that turn elsewhere and a bundle signed elsewhere. */
function followerSettings(folder: string, name: string, known: (settings: GatewayFile) => GatewayFile): string {
  const settings = JSON.parse(readFileSync(join(folder, 'settings.json'), 'utf8')) as GatewayFile
  const bundle = { file: settings.bundle.file }
  const file = join(folder, name)
  writeFileSync(file, JSON.stringify(known({ ...settings, keys: { from: 'keys.json' }, bundle })), { mode: 0o600 })
  return file
}

/** Waits for a gateway or relay that was just started. */
export async function ready(adminPort: number): Promise<void> {
  for (let looks = 0; looks < 300; looks++) {
    const answer = await fetch(`http://127.0.0.1:${String(adminPort)}/readyz`).catch(() => undefined)
    if (answer?.status === 200) return
    await sleep(100)
  }
  throw new Error('it never became ready')
}

type Balancer = { readonly port: number; readonly targets: Set<number>; stop(): Promise<void> }

/** Connections by turns to whoever is in; it opens nothing that it passes. */
async function startBalancer(): Promise<Balancer> {
  const targets = new Set<number>()
  const sockets = new Set<Socket>()
  let turn = 0
  const server: Server = createServer((client) => {
    const all = [...targets]
    const port = all[(turn += 1) % all.length]
    if (port === undefined) return void client.destroy()
    const target = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy()).on('close', () => (sockets.delete(one), other.destroy()))
      one.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    targets,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
