/**
 * From the attested connection to the app, as it is: method, path, fields, content and trailers, in both directions and
 * no faster than the other side reads. The app is one fixed Unix socket; there is no other way out. trust.md 4.
 */
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as startRequest,
  type ServerResponse,
} from 'node:http'

export type AppBridgeOptions = {
  /** Path of the app's Unix socket. */
  readonly app: string
  readonly failed: (when: 'before-answer' | 'in-answer') => void
}

export type AppBridge = (incoming: IncomingMessage, outgoing: ServerResponse) => void

// What speaks of one connection stays on it (RFC 9110 §7.6.1). Framing passes: both sides write what the other said.
const ofTheConnection = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade'])
const headerSection = 65_536

export function appBridge({ app, failed }: AppBridgeOptions): AppBridge {
  // A fresh Unix connection costs microseconds; a kept one may be closing while we write, or remember another request.
  const agent = new Agent({ keepAlive: false, maxSockets: Infinity })
  return (incoming, outgoing) => {
    const { method, url: path, rawHeaders } = incoming
    const headers = kept(rawHeaders)
    const toApp = startRequest({ agent, socketPath: app, method, path, headers, maxHeaderSize: headerSection })
    carry(incoming, outgoing, toApp, failed)
  }
}

function carry(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  toApp: ClientRequest,
  failed: AppBridgeOptions['failed'],
): void {
  let answering = false
  const fail = (): void => {
    toApp.destroy()
    if (outgoing.destroyed || outgoing.writableEnded) return
    failed(outgoing.headersSent ? 'in-answer' : 'before-answer')
    if (outgoing.headersSent) outgoing.destroy()
    else answerEmpty(outgoing, 502)
  }
  toApp.on('response', (fromApp) => {
    answering = true
    fromApp.on('error', ignore).on('close', () => {
      if (!fromApp.complete) fail()
    })
    if (begin(outgoing, fromApp)) pour(fromApp, outgoing)
    else fail()
  })
  toApp.on('error', () => {
    // An app may answer and close before it has read everything: its answer still counts.
    if (!answering) fail()
  })
  toApp.on('upgrade', (_answer, socket) => {
    // Nobody asked for another protocol: 101 ends HTTP on that socket, so no answer would come any more.
    socket.destroy()
    fail()
  })
  incoming.on('error', ignore)
  outgoing.on('close', () => {
    // The gateway gave up: whatever the app was doing for it ends.
    if (!outgoing.writableFinished) toApp.destroy()
  })
  pour(incoming, toApp)
}

function begin(outgoing: ServerResponse, { statusCode = 502, rawHeaders }: IncomingMessage): boolean {
  outgoing.sendDate = false
  try {
    outgoing.writeHead(statusCode, kept(rawHeaders))
  } catch {
    return false
  }
  // A head that comes alone travels alone; one that comes with content shares its segment.
  setImmediate(() => {
    if (!outgoing.writableEnded) outgoing.flushHeaders()
  })
  return true
}

/**
 * Hands on content and trailers, and the end only when there was one: a content that breaks off must not look whole.
 * Where the length is known the last piece and the end go out in one write. Node would follow the piece with an empty
 * write, and on a Unix socket that fails, the answer lost, once a quick app has answered and closed.
 */
function pour(from: IncomingMessage, to: ServerResponse | ClientRequest): void {
  let left = Number(from.headers['content-length'] ?? Infinity)
  const resume = (): void => void from.resume()
  from.on('data', (piece: Buffer) => {
    if (to.destroyed) return
    left -= piece.length
    if (left === 0) to.end(piece)
    else if (!to.write(piece)) {
      from.pause()
      to.once('drain', resume)
    }
  })
  from.on('end', () => {
    if (to.destroyed || to.writableEnded) return
    if (from.rawTrailers.length > 0) to.addTrailers(pairs(from.rawTrailers))
    to.end()
  })
}

/** An answer of the agent's own: a status and nothing else. */
export function answerEmpty(outgoing: ServerResponse, status: number): void {
  outgoing.sendDate = false
  outgoing.writeHead(status, { 'content-length': '0' }).end()
}

function kept(rawHeaders: readonly string[]): string[] {
  return pairs(rawHeaders).flatMap(([name, value]) => (ofTheConnection.has(name.toLowerCase()) ? [] : [name, value]))
}

function pairs(raw: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2) list.push([raw[at] ?? '', raw[at + 1] ?? ''])
  return list
}

function ignore(): void {
  // Every error comes with a close, and the close is what counts.
}
