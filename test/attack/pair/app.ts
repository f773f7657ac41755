/** The app inside the CVM: keeps what it was asked, to the octet, and answers as the scenario wants. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { join } from 'node:path'
import type { Stage } from '../frame/stage.ts'

/** The name by which clients ask for it inside the seal; nobody looks it up. */
export const appOrigin = 'https://app.asunder.example'

export type Asked = {
  readonly method: string
  readonly url: string
  /** names in lower case, in the order of arrival */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** sizes of the pieces in which the body came */
  readonly pieces: readonly number[]
  readonly complete: boolean
}

export type App = {
  readonly socket: string
  /** in the order in which they ended */
  readonly asked: readonly Asked[]
  /** every octet that reached it, connections one after another */
  readonly raw: () => string
  /** what it answers from now on; `hello` at first */
  answer: RequestListener
}

export const hello: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 5 }).end('hello')
}

export async function openApp(stage: Pick<Stage, 'folder' | 'defer'>, answer: RequestListener = hello): Promise<App> {
  const asked: Asked[] = []
  const heard: string[] = []
  const app = { socket: join(stage.folder(), 'app.sock'), asked, raw: () => heard.join(''), answer }
  const server = createServer((request, response) => {
    keep(request, asked)
    app.answer(request, response)
  })
  server.on('connection', (socket) => socket.on('data', (bytes: Buffer) => heard.push(bytes.toString('latin1'))))
  await new Promise<void>((resolve) => server.listen(app.socket, resolve))
  stage.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return app
}

function keep(request: IncomingMessage, asked: Asked[]): void {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('error', () => undefined)
  request.on('close', () => {
    const { method = '', url = '', rawHeaders: raw, complete } = request
    const headers = raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? ''] as const] : []))
    asked.push({ method, url, headers, body: Buffer.concat(parts), pieces: parts.map((part) => part.length), complete })
  })
}
