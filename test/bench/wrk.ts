/** Load from Debian's `wrk`: one thread, keep-alive, POST; the body from a file, or a new sealed record for every request. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Load = {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly cpu: number
  readonly type: string
  /** One file of records, each `record` bytes; `same` sends the first again and again, otherwise each is sent once. */
  readonly bodies: { readonly file: string; readonly record: number; readonly same: boolean }
}

export type Result = {
  readonly requests: number
  readonly perSecond: number
  readonly errors: number
  readonly p50: number
  readonly p99: number
}

/** Latencies in microseconds. `errors` counts socket errors and every answer that is not 2xx. */
export async function wrk(load: Load): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-wrk-'))
  const script = join(folder, 'load.lua')
  writeFileSync(script, lua(load))
  try {
    const { url, connections, seconds, cpu } = load
    const run = [
      '-c',
      String(cpu),
      'wrk',
      '-t1',
      `-c${String(connections)}`,
      `-d${String(seconds)}s`,
      '-s',
      script,
      url,
    ]
    return read(await output('taskset', run))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function lua({ type, bodies }: Load): string {
  const next = bodies.same ? 'first' : `file:read(${String(bodies.record)})`
  return `
local file = io.open("${bodies.file}", "rb")
local first = file:read(${String(bodies.record)})
wrk.method = "POST"
wrk.headers["content-type"] = "${type}"
function request() return wrk.format(nil, nil, nil, ${next}) end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("\\nRESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`
}

function read(text: string): Result {
  const match = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(text)
  if (match === null) throw new Error(`wrk said nothing to count: ${text}`)
  const [requests = 0, micros = 0, errors = 0, p50 = 0, p99 = 0] = match.slice(1).map(Number)
  return { requests, perSecond: (requests * 1e6) / micros, errors, p50, p99 }
}

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
    child.once('error', fail)
    child.once('exit', (code) => (code === 0 ? done(text) : fail(new Error(`${command} ended with ${String(code)}`))))
  })
}
