/**
 * The relay beside nginx: the same target, the same load, one after the other in every round.
 *
 *   npm run bench:relay [-- --rounds 5 --seconds 3 --connections 64]
 *
 * nginx is Debian's, one worker, keep-alive upstream. Server on CPU 0; load and target on CPU 1. All of the relay's
 * checks are on: limits, closed heads, metrics, admission. "node:http alone" forwards nothing and checks nothing: it
 * answers by itself, and is there to show what this machine's Node costs at least. Rates on shared machines are noisy (nginx alone varies by
 * two): believe the ratios of one round and the smallest CPU time per request.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { cpuMicros, median, table, verdict } from './measure.ts'
import { accepting, answering, startNginx } from './nginx.ts'
import { wrk, type Result } from './wrk.ts'

const number = { type: 'string' } as const
const { values } = parseArgs({ options: { rounds: number, seconds: number, connections: number } })
const rounds = Number(values.rounds ?? 5)
const seconds = Number(values.seconds ?? 3)
const connections = Number(values.connections ?? 64)

const ports = { target: 21_801, nginx: 21_802, relay: 21_803, bare: 21_804 }
const folder = mkdtempSync(join(tmpdir(), 'asunder-bench-'))
const bodies = { file: join(folder, 'bodies'), record: 1024, same: true } as const
writeFileSync(bodies.file, new Uint8Array(bodies.record).fill(7))

type Contender = { readonly name: string; readonly port: number; readonly pid: number; readonly runs: Run[] }
type Run = Result & { readonly cpu: number }

function startRelay(): ChildProcess {
  const settings = join(folder, 'relay.json')
  const gateway = `http://127.0.0.1:${String(ports.target)}/.well-known/ohttp-gateway`
  writeFileSync(
    settings,
    JSON.stringify({
      listen: { port: ports.relay, plaintextLoopback: true },
      routes: [{ gateway, plaintextLoopback: true }],
    }),
  )
  return node('../../relay/main.ts', '--config', settings)
}

function node(script: string, ...words: string[]): ChildProcess {
  const path = resolve(import.meta.dirname, script)
  return spawn('taskset', ['-c', '0', process.execPath, '--max-semi-space-size=32', path, ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

async function run({ port, pid, runs }: Contender, counted: boolean): Promise<void> {
  const before = cpuMicros(pid)
  const url = `http://127.0.0.1:${String(port)}/`
  const result = await wrk({
    url,
    connections,
    // Compilers that learn while they run need tens of thousands of requests before they are what they will be.
    seconds: counted ? seconds : Math.max(seconds, 6),
    cpu: 1,
    type: mediaTypes.request,
    bodies,
  })
  const cpu = (cpuMicros(pid) - before) / result.requests
  if (counted) runs.push({ ...result, cpu })
}

function report(relay: Contender, nginx: Contender, bare: Contender): void {
  const row = ({ name, runs }: Contender): string[] => [
    name,
    median(runs.map((one) => one.perSecond)).toFixed(0),
    median(runs.map((one) => one.cpu)).toFixed(1),
    Math.min(...runs.map((one) => one.cpu)).toFixed(1),
    median(runs.map((one) => one.p50)).toFixed(0),
    median(runs.map((one) => one.p99)).toFixed(0),
    String(runs.reduce((sum, one) => sum + one.errors, 0)),
  ]
  const head = ['server', 'requests/s', 'CPU us', 'CPU us min', 'p50 us', 'p99 us', 'errors']
  console.log(table([head, row(relay), row(nginx), row(bare)]))
  const rate = relay.runs.map((one, round) => one.perSecond / (nginx.runs[round]?.perSecond ?? Number.NaN))
  const least = (one: Contender): number => Math.min(...one.runs.map(({ cpu }) => cpu))
  console.log(`requests/s relative to nginx, round by round: ${rate.map((one) => one.toFixed(2)).join(' ')}`)
  console.log(verdict('relay requests/s / nginx, median of rounds', median(rate), 0.25, 'at least'))
  console.log(
    verdict('relay CPU per request / nginx, minimum over rounds', least(relay) / least(nginx), 3.5, 'at most'),
  )
  const floor = least(bare) / least(nginx)
  console.log(`for information: ${bare.name}, CPU per request / nginx, minimum over rounds: ${floor.toFixed(2)}`)
}

const target = await startNginx(answering(String(ports.target), 1024, mediaTypes.response), ports.target, 1)
const upstream = `upstream target { server 127.0.0.1:${String(ports.target)}; keepalive 128; }`
const proxy = `${upstream} server { listen ${String(ports.nginx)}; location / {
  proxy_pass http://target; proxy_http_version 1.1; proxy_set_header connection ""; } }`
const nginx = await startNginx(proxy, ports.nginx, 0)
const relay = startRelay()
const bare = node('bare.ts', String(ports.bare))
try {
  await Promise.all([accepting(ports.relay), accepting(ports.bare)])
  const contenders = [
    { name: 'asunder relay', port: ports.relay, pid: relay.pid ?? 0, runs: [] },
    { name: 'nginx', port: ports.nginx, pid: nginx.workerPid, runs: [] },
    { name: 'node:http alone', port: ports.bare, pid: bare.pid ?? 0, runs: [] },
  ] as const satisfies Contender[]
  for (let round = -1; round < rounds; round++) {
    for (const contender of contenders) await run(contender, round >= 0)
    if (round >= 0) process.stderr.write(`round ${String(round + 1)} of ${String(rounds)}\n`)
  }
  report(...contenders)
} finally {
  for (const one of [relay, bare]) one.kill('SIGTERM')
  await Promise.all([nginx.stop(), target.stop()])
  rmSync(folder, { recursive: true, force: true })
}
