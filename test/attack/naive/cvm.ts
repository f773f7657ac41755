/** A CVM agent as one writes it in an afternoon: whoever connects may ask, for evidence too, and everything is logged. */
import { createServer } from 'node:https'
import { request as ask } from 'node:http'
import type { AddressInfo } from 'node:net'
import { certificatePem, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import type { Stage } from '../frame/stage.ts'
import type { CvmOptions, Served } from '../pair/subject.ts'

export async function naiveCvm({ defer }: Stage, { app }: CvmOptions): Promise<Served> {
  const lines: string[] = []
  const identity = selfSigned({ commonName: 'naive', use: 'server' })
  const server = createServer({ key: privateKeyPem(identity), cert: certificatePem(identity) }, (request, response) => {
    const { method, url, headers } = request
    lines.push(`${method ?? ''} ${url ?? ''} ${JSON.stringify(headers)}`)
    request.on('data', (part: Buffer) => lines.push(part.toString('utf8')))
    const outgoing = ask({ socketPath: app.socket, method, path: url, headers })
    outgoing.on('error', (error) => {
      lines.push(error.stack ?? error.message)
      response.destroy()
    })
    outgoing.on('response', (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers)
      incoming.on('error', () => response.destroy())
      incoming.pipe(response)
    })
    request.pipe(outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): Promise<void> => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  }
  defer(close)
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    log: () => lines.join('\n'),
    metrics: () => Promise.resolve(''),
    close,
  }
}
