/**
 * What one request costs the gateway: 1 KiB in, 1 KiB out, every check on, replay protection and the attested TLS link
 * to the CVM included. Held against the machine's own X25519 (`openssl speed`), which travels between machines.
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
import { cpuMicros, median, table, verdict } from './measure.ts'
import { answering, startNginx, type Nginx } from './nginx.ts'
import { x25519Micros } from './openssl.ts'
import { sealRequests } from './sealed.ts'
import { wrk, type Result } from './wrk.ts'

const number = { type: 'string' } as const
const { values } = parseArgs({ options: { rounds: number, seconds: number, connections: number } })
const rounds = Number(values.rounds ?? 5)
const seconds = Number(values.seconds ?? 3)
const connections = Number(values.connections ?? 64)
const perSecond = 8_000 // more than one core opens; what is left over is never sent
const warmUp = 10 // seconds: before some twenty thousand requests the compiler is still at work and in the figures

const folder = mkdtempSync(join(tmpdir(), 'asunder-bench-'))
const root = resolve(import.meta.dirname, '../..')
const children: ChildProcess[] = []

type Run = Result & { readonly cpu: number; readonly x25519: number }

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

function report(runs: readonly Run[]): void {
  const of = (pick: (run: Run) => number): number[] => runs.map(pick)
  const row = (name: string, figures: readonly number[], digits: number): string[] => [
    name,
    median(figures).toFixed(digits),
    Math.min(...figures).toFixed(digits),
    Math.max(...figures).toFixed(digits),
  ]
  console.log(
    table([
      ['figure', 'median', 'min', 'max'],
      row(
        'requests/s',
        of((run) => run.perSecond),
        0,
      ),
      row(
        'gateway CPU us per request',
        of((run) => run.cpu),
        1,
      ),
      row(
        'openssl X25519 us',
        of((run) => run.x25519),
        1,
      ),
      row(
        'p50 us',
        of((run) => run.p50),
        0,
      ),
      row(
        'p99 us',
        of((run) => run.p99),
        0,
      ),
      row(
        'errors',
        of((run) => run.errors),
        0,
      ),
    ]),
  )
  const least = Math.min(...of((run) => run.cpu)) / Math.min(...of((run) => run.x25519))
  console.log(verdict('gateway CPU per request / X25519, minimum over rounds', least, 3.6, 'at most'))
}

let app: Nginx | undefined
try {
  const materials = await makeMaterials(folder, Date.now())
  const socket = join(materials.folders.app, 'app.sock')
  app = await startNginx(answering(`unix:${socket}`, 1024, 'application/json'), socket, 1)
  const agent = await start(1, 'gateway/cvm/main.ts', cvmSettings(materials, socket), 'listening')
  const gateway = await start(0, 'gateway/main.ts', plaintext(materials, agent.port), 'started')
  await ready(gateway.adminPort)
  const origin = `http://127.0.0.1:${String(gateway.port)}`
  const runs: Run[] = []
  for (let round = -1; round < rounds; round++) {
    const time = round < 0 ? warmUp : seconds
    const count = perSecond * time
    const bodies = {
      file: join(folder, 'sealed'),
      record: await sealRequests(origin, appOrigin, count, join(folder, 'sealed')),
      same: false,
    }
    const x25519 = x25519Micros() ?? Number.NaN
    const before = cpuMicros(gateway.pid)
    const result = await wrk({
      url: `${origin}/`,
      connections,
      seconds: time,
      cpu: 1,
      type: 'message/ohttp-req',
      bodies,
    })
    const cpu = (cpuMicros(gateway.pid) - before) / result.requests
    if (round >= 0) runs.push({ ...result, cpu, x25519 })
    process.stderr.write(`round ${String(round + 1)} of ${String(rounds)}\n`)
  }
  report(runs)
} finally {
  await app?.stop()
  for (const child of children) child.kill('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
}
