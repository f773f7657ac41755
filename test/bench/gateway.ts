/**
 * What one request costs the gateway: 1 KiB in, 1 KiB out (which the padding makes 4), every check on, replay protection
 * and the attested TLS link to the CVM included. Held against the machine's own X25519 (`openssl speed`), and against
 * `bare-gateway.ts`: an X25519 operation says nothing about what HTTP, sockets and memory cost on a machine.
 *
 *   npm run bench:gateway [-- --rounds 5 --seconds 3 --connections 64]
 *
 * Gateway on CPU 0; load, agent and app (nginx, Debian) on CPU 1. Every request is sealed anew, before the clock runs.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { makeMaterials, type Materials } from '../../deploy/local/pair/materials.ts'
import { appOrigin, cvmSettings, gatewaySettings } from '../../deploy/local/pair/settings.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { cpuMicros, median, table, verdict } from './measure.ts'
import { accepting, answering, startNginx, type Nginx } from './nginx.ts'
import { x25519Micros } from './openssl.ts'
import { sealRequests } from './sealed.ts'
import { wrk, type Result } from './wrk.ts'

const number = { type: 'string' } as const
const { values } = parseArgs({ options: { rounds: number, seconds: number, connections: number } })
const rounds = Number(values.rounds ?? 5)
const seconds = Number(values.seconds ?? 3)
const connections = Number(values.connections ?? 64)
const barePort = 21_805
const perSecond = 10_000 // more than one core opens; what is left over is never sent
const warmUp = 10 // seconds: before some twenty thousand requests the compiler is still at work and in the figures

const folder = mkdtempSync(join(tmpdir(), 'asunder-bench-'))
const root = resolve(import.meta.dirname, '../..')
const children: ChildProcess[] = []

type Run = Result & { readonly cpu: number; readonly x25519: number }
type Contender = { readonly name: string; readonly port: number; readonly pid: number; readonly runs: Run[] }

/** Starts a door pinned to a CPU and gives the fields of its log line `event`. */
async function start(
  cpu: number,
  door: string,
  settings: string,
  event: string,
): Promise<{ pid: number; port: number; adminPort: number }> {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--max-semi-space-size=32', door]
  const child = spawn('taskset', ['-c', String(cpu), ...node, '--config', settings], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const said = await line(child, `"event":"${event}"`)
  return { pid: child.pid ?? 0, ...(JSON.parse(said) as { port: number; adminPort: number }) }
}

async function startBare(socket: string): Promise<ChildProcess> {
  const words = ['--max-semi-space-size=32', 'test/bench/bare-gateway.ts', String(barePort), socket]
  const child = spawn('taskset', ['-c', '0', process.execPath, ...words], { cwd: root, stdio: 'inherit' })
  children.push(child)
  await accepting(barePort)
  return child
}

/** The first line of output that holds `text`; what follows is read and thrown away. */
function line(child: ChildProcess, text: string): Promise<string> {
  return new Promise((found, fail) => {
    let log = ''
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      log = (log + part).slice(-65_536)
      const said = log.split('\n').find((one) => one.includes(text) && one.endsWith('}'))
      if (said !== undefined) found(said)
    })
    child.once('exit', () => fail(new Error(`${child.spawnargs.join(' ')} ended before it was up`)))
  })
}

/** The pair's own settings, but listening in plaintext on loopback, where the load is, and with a lease for everybody. */
function plaintext(materials: Materials, port: number): string {
  const file = gatewaySettings(materials, { host: '127.0.0.1', port })
  const settings = JSON.parse(readFileSync(file, 'utf8')) as { listen: object; cvm: object }
  settings.listen = { host: '127.0.0.1', port: 0, plaintextLoopback: true }
  settings.cvm = { ...settings.cvm, connections: connections + 16 }
  writeFileSync(file, JSON.stringify(settings))
  return file
}

async function ready(adminPort: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if ((await fetch(`http://127.0.0.1:${String(adminPort)}/readyz`)).ok) return
    await new Promise((wait) => setTimeout(wait, 50))
  }
  throw new Error('the gateway does not get ready')
}

const least = (runs: readonly Run[], pick: (run: Run) => number): number => Math.min(...runs.map(pick))

function report(gateway: Contender, bare: Contender): void {
  const row = ({ name, runs }: Contender): string[] => [
    name,
    median(runs.map((run) => run.perSecond)).toFixed(0),
    median(runs.map((run) => run.cpu)).toFixed(1),
    least(runs, (run) => run.cpu).toFixed(1),
    median(runs.map((run) => run.p50)).toFixed(0),
    median(runs.map((run) => run.p99)).toFixed(0),
    String(runs.reduce((sum, run) => sum + run.errors, 0)),
  ]
  const head = ['server', 'requests/s', 'CPU us', 'CPU us min', 'p50 us', 'p99 us', 'errors']
  console.log(table([head, row(gateway), row(bare)]))
  const x25519 = least(gateway.runs, (run) => run.x25519)
  const [ours, its] = [gateway, bare].map(({ runs }) => least(runs, (run) => run.cpu)) as [number, number]
  console.log(`one X25519 operation: ${x25519.toFixed(1)} us at least`)
  console.log(verdict('gateway CPU per request / X25519, minimum over rounds', ours / x25519, 3.6, 'at most'))
  const [gap, floor] = [(ours / its).toFixed(2), (its / x25519).toFixed(2)]
  console.log(`for information: ${bare.name} / X25519: ${floor}; gateway / ${bare.name}: ${gap}`)
}

async function run({ port, pid, runs }: Contender, file: string, counted: boolean): Promise<void> {
  const origin = `http://127.0.0.1:${String(port)}`
  const time = counted ? seconds : warmUp
  const bodies = { file, record: await sealRequests(origin, appOrigin, perSecond * time, file), same: false }
  const x25519 = x25519Micros() ?? Number.NaN
  const before = cpuMicros(pid)
  const result = await wrk({ url: `${origin}/`, connections, seconds: time, cpu: 1, type: mediaTypes.request, bodies })
  const cpu = (cpuMicros(pid) - before) / result.requests
  if (counted) runs.push({ ...result, cpu, x25519 })
}

let app: Nginx | undefined
try {
  const materials = await makeMaterials(folder, Date.now())
  const socket = join(materials.folders.app, 'app.sock')
  app = await startNginx(answering(`unix:${socket}`, 1024, 'application/json'), socket, 1)
  const agent = await start(1, 'gateway/cvm/main.ts', cvmSettings(materials, socket), 'listening')
  const gateway = await start(0, 'gateway/main.ts', plaintext(materials, agent.port), 'started')
  await ready(gateway.adminPort)
  const bare = await startBare(socket)
  const contenders = [
    { name: 'gateway', port: gateway.port, pid: gateway.pid, runs: [] },
    { name: 'bare skeleton', port: barePort, pid: bare.pid ?? 0, runs: [] },
  ] as const satisfies Contender[]
  for (let round = -2; round < rounds; round++) {
    for (const contender of contenders) await run(contender, join(folder, 'sealed'), round >= 0)
    process.stderr.write(round < 0 ? 'warming up\n' : `round ${String(round + 1)} of ${String(rounds)}\n`)
  }
  report(...contenders)
} finally {
  await app?.stop()
  for (const child of children) child.kill('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
}
