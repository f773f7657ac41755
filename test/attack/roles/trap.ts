/** A server that nobody has any business with: whoever comes was led there. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
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

/** Any listener on a loopback port of its own, closed with the stage. */
export async function loopback({ defer }: Pick<Stage, 'defer'>, listener: RequestListener) {
  const server = createServer(listener)
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, server }
}
