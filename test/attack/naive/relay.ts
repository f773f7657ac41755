/** A relay as one writes it in an afternoon: it copies, pipes, follows and logs, and checks nothing. */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import { request as ask } from 'node:http'
import { request as askSecurely } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Stage } from '../frame/stage.ts'
import type { RelayOptions, Served } from '../pair/subject.ts'
import { naiveDoor } from './tokens.ts'

type Ways = { readonly open: Agent; readonly secure: SecureAgent }
type State = {
  readonly gateway: string
  readonly lines: string[]
  readonly counts: Map<string, number>
  readonly ways: WeakMap<Socket, Ways>
}

export async function naiveRelay({ defer }: Stage, { gateway, settings = {} }: RelayOptions): Promise<Served> {
  const state: State = { gateway, lines: [], counts: new Map(), ways: new WeakMap() }
  const refused = naiveDoor(settings['tokens'])
  const server = createServer((request, response) => {
    const go = (): void => pass(request, response, new URL(targetOf(request, gateway)), state)
    if (refused === undefined || request.method === 'GET') {
      go()
      return
    }
    void refused(request.headers.authorization).then((why) => {
      if (why === undefined) go()
      else response.writeHead(401, why).end(why)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): Promise<void> => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  }
  defer(close)
  const { port } = server.address() as AddressInfo
  const metrics = (): Promise<string> => Promise.resolve([...state.counts].map((row) => row.join(' ')).join('\n'))
  return { port, url: `http://127.0.0.1:${port}`, log: () => state.lines.join('\n'), metrics, close }
}

// A target in absolute form is taken at its word, which makes this an open proxy.
function targetOf({ url = '/' }: IncomingMessage, gateway: string): string {
  return url.startsWith('/') ? gateway + url : url
}

function pass(request: IncomingMessage, response: ServerResponse, to: URL, state: State, hops = 0): void {
  note(request, state)
  const { socket, method, headers } = request
  const fields = { ...headers, host: to.host, 'x-forwarded-for': socket.remoteAddress, via: '1.1 naive' }
  const secure = to.protocol === 'https:'
  const { open, secure: secureAgent } = waysOf(socket, state)
  const outgoing = secure
    ? askSecurely(to, { method, headers: fields, agent: secureAgent, rejectUnauthorized: false })
    : ask(to, { method, headers: fields, agent: open })
  outgoing.on('error', (error) => {
    state.lines.push(`upstream failed: ${error.stack ?? error.message}`)
    // "Better in the clear than not at all."
    if (secure && /SSL|EPROTO/.test(error.message)) {
      pass(request, response, new URL(to.href.replace('https:', 'http:')), state, hops)
      return
    }
    if (!response.headersSent) response.writeHead(502).end(error.stack)
    else response.destroy()
  })
  outgoing.on('response', (incoming) => {
    const { location } = incoming.headers
    if (location !== undefined && (incoming.statusCode ?? 0) >= 300 && hops < 3) {
      pass(request, response, new URL(location, to), state, hops + 1)
      return
    }
    incoming.on('error', () => response.destroy())
    response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage ?? '', incoming.rawHeaders)
    response.flushHeaders()
    incoming.pipe(response)
  })
  response.on('close', () => {
    if (!response.writableFinished) outgoing.destroy()
  })
  outgoing.flushHeaders()
  request.pipe(outgoing)
}

function note({ socket, method = '', url = '', headers }: IncomingMessage, { lines, counts }: State): void {
  lines.push(`${socket.remoteAddress ?? ''} ${method} ${url} ${JSON.stringify(headers)}`)
  const series = `requests_total{method="${method}",path="${url}",agent="${headers['user-agent'] ?? ''}",type="${headers['content-type'] ?? ''}"}`
  counts.set(series, (counts.get(series) ?? 0) + 1)
}

/** A connection to the gateway for each connection of a client, as a proxy has it that keeps the two together. */
function waysOf(socket: Socket, { ways }: State): Ways {
  const known = ways.get(socket)
  if (known !== undefined) return known
  const made = {
    open: new Agent({ keepAlive: true, maxSockets: 1 }),
    secure: new SecureAgent({ keepAlive: true, maxSockets: 1 }),
  }
  ways.set(socket, made)
  socket.once('close', () => {
    made.open.destroy()
    made.secure.destroy()
  })
  return made
}
