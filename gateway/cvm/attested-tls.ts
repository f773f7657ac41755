/**
 * The agent's only listener: TLS 1.3 without resumption, for one pinned gateway, where nothing is served on a connection
 * that has not shown evidence. attestation.md b.3, trust.md 4.
 */
import { constants } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { link } from '../../shared/attestation/link.ts'
import { certificatePem, type Identity, pinOf, privateKeyPem } from '../../shared/upstream/certificate.ts'
import { readByStream } from '../../shared/upstream/read-by-stream.ts'
import { letGoOfStalled } from '../../shared/upstream/stalled.ts'

/** `fresh`: nothing asked. `asked`: a report is in the making. `shown`: the gateway has it and may judge. */
export type LinkState = 'fresh' | 'asked' | 'shown'

export type AttestedTlsOptions = {
  readonly identity: Identity
  /** SHA-256 over SubjectPublicKeyInfo, lower-case hex: the gateway's client certificate and its successor. */
  readonly gatewayPins: readonly string[]
  readonly connections: number
  /** milliseconds from the handshake to evidence shown */
  readonly attestWithin: number
  readonly serve: (request: IncomingMessage, response: ServerResponse, link: Link) => void
  readonly refused: (why: 'no-pinned-certificate' | 'not-attested-in-time') => void
}

export type Link = { readonly socket: TLSSocket; state: LinkState }

const headerSection = 65_536
// Four times as long as the gateway waits for its own reader: it decides, unless it is not there any more.
const stall = 120_000

export function attestedTls(options: AttestedTlsOptions): Server {
  const { identity, connections, attestWithin, serve, refused } = options
  const links = new WeakMap<object, Link>()
  const server = createServer({
    key: privateKeyPem(identity),
    cert: certificatePem(identity),
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    // A resumed session would skip the proof that this process holds the key (feasibility A10).
    secureOptions: constants.SSL_OP_NO_TICKET,
    ALPNProtocols: [link.alpn],
    requestCert: true,
    // The certificate is self-made: the pin decides, on the key that the handshake has just proven.
    rejectUnauthorized: false,
    handshakeTimeout: attestWithin,
    maxHeaderSize: headerSection,
    // One peer that we pinned: no limits on totals, and idle connections stay until it ends them.
    requestTimeout: 0,
    keepAliveTimeout: 0,
    // But one whose machine died ends nothing: the kernel asks.
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  })
  server.maxConnections = connections
  server.maxHeadersCount = 0
  // Before the HTTP server's own listener, so that a stranger's first byte is never parsed.
  server.prependListener('secureConnection', (socket) => {
    if (!isPinned(socket, options.gatewayPins)) {
      turnAway(socket, () => refused('no-pinned-certificate'))
      return
    }
    const own: Link = { socket, state: 'fresh' }
    links.set(socket, own)
    const fuse = setTimeout(() => {
      if (own.state !== 'shown') turnAway(socket, () => refused('not-attested-in-time'))
    }, attestWithin)
    socket.once('close', () => clearTimeout(fuse))
  })
  server.on('secureConnection', readByStream)
  letGoOfStalled(server, 'secureConnection', stall)
  server.on('tlsClientError', (_error, socket) => void socket.destroy())
  server.on('clientError', (_error, socket) => void socket.destroy())
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const own = links.get(request.socket)
    if (own === undefined) request.socket.destroy()
    else serve(request, response, own)
  })
  return server
}

function isPinned(socket: TLSSocket, pins: readonly string[]): boolean {
  const certificate = socket.getPeerX509Certificate()
  return certificate !== undefined && pins.includes(pinOf(certificate.publicKey))
}

function turnAway(socket: TLSSocket, tell: () => void): void {
  tell()
  socket.destroy()
}
