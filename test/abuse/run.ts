/**
 * What abuse does to everybody else: a real relay, a gateway that answers at once, and clients that measure while others
 * hold ten thousand connections, send and read slowly, or flood it with heads. wire.md "Limits".
 *
 *   npm run abuse [-- --short]
 *
 * Prints the others' p99 alone and under each abuse, in turns so that a busy machine disturbs both. Exits with 1 if
 * anybody else was not served, if the relay did not hold what it promises to hold, or - not with --short, which is for
 * machines that others share - if their p99 more than doubled.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startService } from '../../deploy/local/pair/service.ts'
import { median, percentile, residentMiB, table } from '../bench/measure.ts'

const { values } = parseArgs({ options: { short: { type: 'boolean' } } })
const short = values.short === true
const rounds = short ? 1 : 3
/** milliseconds that one round measures */
const span = short ? 500 : 3_000
/** Below this p99 (milliseconds) a machine's own noise is more than a factor of two. */
const floor = 5

type Abuse = {
  readonly kind: string
  readonly count: number
  /** whether all of it must still be there at the end */ readonly stays: boolean
}
const abuses: readonly Abuse[] = [
  { kind: 'idle', count: short ? 1_000 : 10_000, stays: true },
  { kind: 'slow-heads', count: short ? 100 : 1_000, stays: false },
  { kind: 'slow-writers', count: short ? 100 : 1_000, stays: true },
  { kind: 'slow-readers', count: short ? 50 : 200, stays: false },
  { kind: 'header-flood', count: short ? 20 : 100, stays: false },
]

const gateway = createServer((asked, answer) => {
  let said = ''
  asked.setEncoding('latin1').on('data', (part: string) => (said += part))
  asked.on('end', () => {
    answer.writeHead(asked.method === 'POST' ? 200 : 404, { 'content-type': 'message/ohttp-res' })
    answer.end(said === 'big' ? Buffer.alloc(256 << 10) : 'sealed')
  })
})
await once(gateway.listen(0, '127.0.0.1'), 'listening')

const folder = mkdtempSync(join(tmpdir(), 'abuse-'))
const settings = {
  listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true },
  routes: [{ gateway: `http://127.0.0.1:${String((gateway.address() as AddressInfo).port)}`, plaintextLoopback: true }],
  connections: 12_000,
  limits: { head: '5s', stall: '5s' },
  drain: '1s',
}
const config = join(folder, 'relay.json')
writeFileSync(config, JSON.stringify(settings))
const relay = startService({
  name: 'relay',
  door: 'relay/main.ts',
  args: ['--config', config],
  logFile: join(folder, 'relay.log'),
})

async function attacked(
  { kind, count }: Abuse,
  port: number,
): Promise<{ child: ChildProcess; open: () => Promise<number> }> {
  const file = join(import.meta.dirname, 'attackers.ts')
  const args = ['--disable-warning=ExperimentalWarning', file, kind, String(port), String(count)]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<number> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`${kind} ended by itself`)
    return (JSON.parse(value) as { open: number }).open
  }
  await next()
  return { child, open: () => (child.stdin.write('\n'), next()) }
}

/** Milliseconds that each request of four clients took; throws where one was not served. */
async function measured(port: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const until = Date.now() + span
  const times: number[] = []
  const client = async (): Promise<void> => {
    while (Date.now() < until) {
      const begun = performance.now()
      const status = await asked(port, agent)
      times.push(performance.now() - begun)
      if (status !== 200) throw new Error(`somebody else was answered ${String(status)}`)
      await sleep(5)
    }
  }
  await Promise.all([client(), client(), client(), client()])
  agent.destroy()
  return times
}

function asked(port: number, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'message/ohttp-req' }
    const sent = request({ host: '127.0.0.1', port, method: 'POST', headers, agent }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0))
    })
    sent.on('error', reject).end('sealed')
  })
}

type Outcome = { readonly row: readonly string[]; readonly wrong: readonly string[] }

async function tried(abuse: Abuse, port: number): Promise<Outcome> {
  const { kind, count, stays } = abuse
  const alone: number[] = []
  const under: number[] = []
  let open = 0
  for (let round = 0; round < rounds; round++) {
    alone.push(percentile(await measured(port), 0.99))
    const abusers = await attacked(abuse, port)
    under.push(percentile(await measured(port), 0.99))
    open = await abusers.open()
    abusers.child.kill('SIGKILL')
    await once(abusers.child, 'exit')
  }
  const ratio = Math.max(median(under), floor) / Math.max(median(alone), floor)
  const wrong = [
    ...(stays && open < count
      ? [`${kind}: ${String(count - open)} of ${String(count)} connections were ended early`]
      : []),
    ...(!short && ratio > 2 ? [`${kind}: the others' p99 went up ${ratio.toFixed(1)} times`] : []),
  ]
  const figures = [median(alone), median(under)].map((p99) => p99.toFixed(1))
  return { row: [kind, String(count), ...figures, ratio.toFixed(2), residentMiB(relay.pid, 'VmRSS').toFixed(0)], wrong }
}

const wrong: string[] = []
try {
  const port = Number((await relay.event('started'))['port'])
  await measured(port) // connections and compiled code
  const rows: (readonly string[])[] = [
    ['abuse', 'connections', 'p99 alone ms', 'p99 under it ms', 'ratio', 'relay MiB'],
  ]
  for (const abuse of abuses) {
    const outcome = await tried(abuse, port)
    rows.push(outcome.row)
    wrong.push(...outcome.wrong)
    process.stderr.write(`${abuse.kind} done\n`)
  }
  process.stdout.write(`${table(rows)}\n(ratio: of p99s, each at least ${String(floor)} ms)\n`)
  process.stdout.write(
    wrong.length === 0 ? 'everybody else was served, and what may stay did\n' : `WRONG: ${wrong.join('\n       ')}\n`,
  )
} finally {
  await relay.stop()
  gateway.close()
  gateway.closeAllConnections()
  rmSync(folder, { recursive: true })
}
process.exitCode = wrong.length === 0 ? 0 : 1
