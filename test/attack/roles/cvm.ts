/** cvmX: whoever listens where a gateway expects its CVM; shows what evidence its script makes up, and serves what it gets. */
import { createHash } from 'node:crypto'
import { createServer, type ServerOptions } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { evidenceMediaType, serializeEvidence, type Evidence } from '../../../shared/attestation/evidence.ts'
import { link, readQuestion } from '../../../shared/attestation/link.ts'
import { reportData } from '../../../shared/attestation/report-data.ts'
import { fromUtf8, type Bytes } from '../../../shared/bytes.ts'
import {
  certificatePem,
  privateKeyPem,
  selfSigned,
  spkiOf,
  type Identity,
} from '../../../shared/upstream/certificate.ts'
import type { Stage } from '../frame/stage.ts'

/** What the gateway asked on one connection, and all that an honest CVM would put into its report about it. */
export type Binding = {
  readonly role: string
  readonly nonce: Bytes
  readonly spki_sha256: Bytes
  readonly exporter: Bytes
  /** report_data of an honest CVM on this connection */
  readonly honest: Bytes
  /** connections that asked before this one */
  readonly count: number
}

export type CvmScript = {
  readonly evidence: (binding: Binding) => Evidence | string | Promise<Evidence | string>
  /** What an app would say to a request that came through. */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void
  readonly identity?: Identity
  readonly tls?: ServerOptions
}

export type CvmX = {
  readonly port: number
  /** requests that it was trusted with: method, path and content */
  readonly trusted: readonly string[]
  /** how often it was asked for evidence */
  readonly asked: () => number
  readonly stop: () => Promise<void>
}

export async function cvmX(
  { people, defer }: Pick<Stage, 'people' | 'defer'>,
  script: CvmScript,
  at = 0,
): Promise<CvmX> {
  const { identity = selfSigned({ commonName: 'asunder-cvm', use: 'server' }) } = script
  const trusted: string[] = []
  let count = 0
  const server = createServer({
    ...{ key: privateKeyPem(identity), cert: certificatePem(identity), minVersion: 'TLSv1.3' },
    ...{ requestCert: true, rejectUnauthorized: false, ALPNProtocols: [link.alpn] },
    ...script.tls,
  })
  server.on('request', (request, response) => {
    whole(request)
      .then(async (body) => {
        if (request.url !== link.path) {
          serve(request, response, body, script, trusted)
          return
        }
        const made = await script.evidence(bindingOf(request, body, identity, people.role, count++))
        const text = typeof made === 'string' ? made : serializeEvidence(made)
        response
          .writeHead(200, { 'content-type': evidenceMediaType, 'content-length': Buffer.byteLength(text) })
          .end(text)
      })
      .catch(() => response.destroy())
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  defer(stop)
  return { port: (server.address() as AddressInfo).port, trusted, asked: () => count, stop }
}

async function whole(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts)
}

function serve(request: IncomingMessage, response: ServerResponse, body: Buffer, script: CvmScript, trusted: string[]) {
  trusted.push(`${request.method ?? ''} ${request.url ?? ''} ${body.toString('latin1')}`)
  if (script.onRequest !== undefined) {
    script.onRequest(request, response, body)
    return
  }
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 5 }).end('hello')
}

function bindingOf(request: IncomingMessage, body: Buffer, identity: Identity, role: string, count: number): Binding {
  const nonce = readQuestion(fromUtf8(body))
  const { socket } = request
  if (!(socket instanceof TLSSocket)) throw new TypeError('the listener is TLS')
  const spki_sha256 = Uint8Array.from(createHash('sha256').update(spkiOf(identity.privateKey)).digest())
  const { exporterLength, exporterLabel } = link
  const exporter = Uint8Array.from(socket.exportKeyingMaterial(exporterLength, exporterLabel, Buffer.from(nonce)))
  const said = { role, nonce, spki_sha256, exporter }
  return { ...said, honest: reportData({ kind: 1, ...said }), count }
}
