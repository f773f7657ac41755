/** Door of the app inside the CVM: an OpenAI-compatible server on a Unix socket. `node deploy/local/app.ts --help` */
import { randomBytes } from 'node:crypto'
import { lstatSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createAdaptorServer } from '@hono/node-server'
import { createLog } from '../../shared/observability/log.ts'
import { createApp } from './app/chat.ts'
import { createModelServer, modelServerUrl } from './app/model-server.ts'

const help = `Usage: app.ts --socket PATH [options]

A small OpenAI-compatible app: POST /v1/chat/completions (whole or streamed) and GET /v1/models.
It summarises (extractive: sentences of the text itself) and composes reply drafts; no model is needed.

  --socket PATH     the Unix socket to listen on
  --upstream URL    pass requests to a real model server instead: https, or http on this machine
  --pace MS         milliseconds between two words of a stream (default: 15)
  -h, --help        this text
`

const options = {
  socket: { type: 'string' },
  upstream: { type: 'string' },
  pace: { type: 'string', default: '15' },
  help: { type: 'boolean', short: 'h' },
} as const

type Events = { started: { upstream: boolean }; stopped: { cleanly: boolean } }

const log = createLog<Events>({ service: 'app', write: (line) => void process.stdout.write(line) })

function usage(text: string): never {
  process.stderr.write(`app: ${text}; see --help\n`)
  process.exit(2)
}

function settings(): { socket: string; upstream: URL | undefined; pace: number } {
  const { values } = (() => {
    try {
      return parseArgs({ options })
    } catch (error) {
      return usage((error as Error).message.split('. ')[0] ?? 'wrong options')
    }
  })()
  if (values.help === true) {
    process.stdout.write(help)
    process.exit(0)
  }
  const pace = Number(values.pace)
  if (!(pace >= 0 && pace <= 60_000)) usage('--pace: milliseconds, 0 to 60000')
  return { socket: values.socket ?? usage('--socket is missing'), upstream: upstreamOf(values.upstream), pace }
}

function upstreamOf(text: string | undefined): URL | undefined {
  try {
    return text === undefined ? undefined : modelServerUrl(text)
  } catch (error) {
    return usage(`--upstream: ${(error as Error).message}`)
  }
}

/** A socket file whose owner died is in the way for ever; a living owner's, or any other file, is not ours to remove. */
async function clear(path: string): Promise<void> {
  const file = lstatSync(path, { throwIfNoEntry: false })
  if (file === undefined) return
  if (!file.isSocket()) usage(`--socket: ${path} exists and is no socket`)
  const answered = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(true)).on('error', () => resolve(false))
    probe.on('close', () => probe.destroy()).end()
  })
  if (answered) usage(`--socket: ${path} is in use`)
  rmSync(path)
}

const { socket, upstream, pace } = settings()
// Only the owner may connect: on this socket requests are in the clear.
process.umask(0o177)
await clear(socket)

const proxy = upstream === undefined ? undefined : createModelServer(upstream)
const pause = (signal: AbortSignal): Promise<void> => sleep(pace, undefined, { signal })
const app =
  proxy?.app ??
  createApp({ pause: pace === 0 ? () => Promise.resolve() : pause, newId: () => randomBytes(12).toString('hex') })

const server = createAdaptorServer({ fetch: app.fetch, serverOptions: { requestTimeout: 0, keepAliveTimeout: 60_000 } })
server.on('error', (error: NodeJS.ErrnoException) =>
  usage(`--socket: cannot listen on ${socket} (${error.code ?? 'error'})`),
)
server.listen(socket, () => log('info', 'started', { upstream: upstream !== undefined }))

let stopping = false
function stop(): void {
  if (stopping) process.exit(1)
  stopping = true
  const late = setTimeout(() => process.exit(0), 5_000)
  server.close(() => {
    clearTimeout(late)
    log('info', 'stopped', { cleanly: true })
    void proxy?.close()
  })
  if ('closeIdleConnections' in server) server.closeIdleConnections()
}
process.on('SIGTERM', stop).on('SIGINT', stop)
