/** A server that nobody has any business with: whoever comes was led there. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import type { Stage } from '../frame/stage.ts'

export type Trap = {
  readonly port: number
  readonly url: string
  /** connections, whether or not they said anything */
  readonly visits: () => number
  /** `METHOD path` of what was asked */
  readonly asked: readonly string[]
}

const bait: RequestListener = (_request, response) => void response.writeHead(200).end('secrets of the host')

export async function trap({ defer }: Pick<Stage, 'defer'>, answer: RequestListener = bait): Promise<Trap> {
  const asked: string[] = []
  let visits = 0
  const { port, server } = await loopback({ defer }, (request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`)
    answer(request, response)
  })
  server.on('connection', () => visits++)
  return { port, url: `http://127.0.0.1:${port}`, visits: () => visits, asked }
}

/** Any listener on loopback, closed with the stage; `at` 0 takes a free port. */
export async function loopback({ defer }: Pick<Stage, 'defer'>, listener: RequestListener, at = 0) {
  const server = createServer(listener)
  server.keepAliveTimeout = 60_000
  await listening(server, at)
  defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, server }
}

/** Rejects when the port is taken. */
export function listening(server: Server, at: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(at, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}
