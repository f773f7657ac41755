/**
 * What one request costs each process of the pair and the store, and what follows from it at 1 k, 100 k and 1 M requests a
 * second: the figures of deploy/SCALING.md. `npm run bench:scaling [-- --requests 4000 --clients 32]`. Linux.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { randomBytes } from 'node:crypto'
import { createValkeyStore } from '../../shared/store/valkey.ts'
import { redisIsHere, startRedis } from '../shared/store/redis.ts'
import { startChain, type Chain } from './chain.ts'
import { tlsCosts } from './handshakes.ts'
import { cpuMicros, residentMiB, table } from './measure.ts'

const { values } = parseArgs({ options: { requests: { type: 'string' }, clients: { type: 'string' } } })
const requests = Number(values.requests ?? 4_000)
const clients = Number(values.clients ?? 12)
const idle = 2_000
const claims = 40_000

type Costs = { readonly name: string; readonly cpu: number; readonly resident: number }

/** 1 KiB to the app and 1 KiB back, whole; CPU in microseconds a request, resident memory in MiB. */
async function costs({ pair, fetch, origin, appPid }: Chain): Promise<Costs[]> {
  const body = 'x'.repeat(1024)
  const some = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await (await fetch(`${origin}/big/1024`, { method: 'POST', body })).arrayBuffer()
  }
  const all = (count: number): Promise<unknown> =>
    Promise.all(Array.from({ length: clients }, () => some(Math.ceil(count / clients))))
  await all(requests / 4)
  const processes = [...pair.services.filter(({ name }) => name !== 'app'), { name: 'app (the bench’s)', pid: appPid }]
  const before = processes.map(({ pid }) => cpuMicros(pid))
  await all(requests)
  return processes.map(({ name, pid }, at) => ({
    name,
    cpu: (cpuMicros(pid) - (before[at] ?? 0)) / requests,
    resident: residentMiB(pid, 'VmRSS'),
  }))
}

/** KiB that a connection holds which says nothing. */
async function idleConnection({ pair }: Chain): Promise<number> {
  const relay = pair.services.find(({ name }) => name === 'relay')
  if (relay === undefined) throw new Error('no relay')
  const before = residentMiB(relay.pid, 'VmRSS')
  const sockets: Socket[] = []
  for (let n = 0; n < idle; n++) {
    const socket = connect(Number(pair.relay.port), '127.0.0.1')
    await once(socket, 'connect')
    sockets.push(socket)
  }
  const held = (residentMiB(relay.pid, 'VmRSS') - before) * 1024
  for (const socket of sockets) socket.destroy()
  return held / idle
}

type StoreCosts = { readonly server: number; readonly octets: number }

/** Of one claim: microseconds of the server, octets that it holds. */
async function storeCosts(): Promise<StoreCosts | undefined> {
  if (!redisIsHere) return undefined
  const redis = await startRedis()
  const shares = { dated: 10 * claims, dateless: claims }
  const store = createValkeyStore({
    host: '127.0.0.1',
    port: redis.port,
    prefix: 'bench',
    shares,
    cluster: false,
    timeout: 5_000,
  })
  const info = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(redis.cli('info'))?.[1])
  const until = Date.now() + 600_000
  const one = async (): Promise<void> => {
    for (let n = 0; n < claims / 64; n++) await store.claim(Uint8Array.from(randomBytes(32)), until, 'dated')
  }
  const [cpu, memory] = [info('used_cpu_user') + info('used_cpu_sys'), info('used_memory')]
  await Promise.all(Array.from({ length: 64 }, one))
  const server = ((info('used_cpu_user') + info('used_cpu_sys') - cpu) * 1e6) / claims
  const octets = (info('used_memory') - memory) / claims
  await store.close()
  await redis.stop()
  return { server, octets }
}

/** A process of Node is one core, and is best kept below this share of it. */
const busy = 0.6
const processes = (rate: number, cpu: number): number => Math.max(2, Math.ceil((rate * cpu) / 1e6 / busy))

const chain = await startChain()
try {
  const measured = await costs(chain)
  const held = await idleConnection(chain)
  const store = await storeCosts()
  const rates = [1_000, 100_000, 1_000_000]
  const head = ['part', 'CPU us a request', 'resident MiB', ...rates.map((rate) => `processes at ${rate}/s`)]
  const rows = measured.map(({ name, cpu, resident }) => [
    ...[name, cpu.toFixed(0), resident.toFixed(0)],
    ...rates.map((rate) => String(processes(rate, cpu))),
  ])
  console.log(table([head, ...rows]))
  console.log(`an idle connection at the relay (no TLS): ${held.toFixed(1)} KiB`)
  const tls = await tlsCosts()
  for (const [door, cost] of Object.entries(tls)) {
    const whose = door === 'outside' ? 'a client at the relay' : 'a relay at the gateway, by its pin'
    console.log(
      `${whose}: a handshake and one empty request ${cost.handshake.toFixed(0)} us, an idle connection ${cost.idle.toFixed(1)} KiB`,
    )
  }
  if (store !== undefined) {
    const most = (1e6 / store.server) * busy
    console.log(
      `a claim in the store: ${store.server.toFixed(1)} us of its one core, ${store.octets.toFixed(0)} octets; ` +
        `${(most / 1000).toFixed(0)} k claims/s for one server at ${busy * 100}%, ${((store.octets * 600) / 1e6).toFixed(2)} MB for each 1 claim/s x 600 s x 1000`,
    )
  }
} finally {
  await chain.stop()
}
