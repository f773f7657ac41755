/** Peers that do not play by the rules: a TLS server that says what the test wants where an agent would stand. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, type ConnectionOptions, createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import type { Bytes } from '../../../shared/bytes.ts'
import { link, readQuestion } from '../../../shared/attestation/link.ts'
import { evidenceMediaType, serializeEvidence } from '../../../shared/attestation/evidence.ts'
import type { LinkBinding } from '../../../shared/attestation/report-data.ts'
import { type Identity, spkiOf } from '../../../shared/upstream/certificate.ts'
import { simulatedEvidence } from '../../../gateway/cvm/simulated.ts'
import { type Machine, pem } from './machine.ts'

export type Peer = { readonly port: number; readonly accepted: TLSSocket[]; stop(): Promise<void> }

/** `answer` is given the nonce of each question and writes whatever it likes. */
export async function startPeer(
  identity: Identity,
  answer: (socket: TLSSocket, nonce: Bytes) => unknown,
  tls: TlsOptions = { minVersion: 'TLSv1.3', ALPNProtocols: [link.alpn] },
): Promise<Peer> {
  const accepted: TLSSocket[] = []
  const server = createServer({ ...pem(identity), ...tls }, (socket) => {
    accepted.push(socket)
    let text = ''
    socket
      .on('error', () => undefined)
      .on('data', (data: Buffer) => {
        text += data.toString('latin1')
        const body = /\r\n\r\n(\{.*\})$/s.exec(text)?.[1]
        if (body === undefined) return
        text = ''
        answer(socket, readQuestion(body))
      })
  })
  server.on('tlsClientError', () => undefined)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    accepted,
    async stop() {
      for (const socket of accepted) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What an honest agent would attest on this connection; `lie` changes some of it. */
export async function evidenceFor(
  machine: Machine,
  socket: TLSSocket,
  nonce: Bytes,
  lie: Partial<Omit<LinkBinding, 'kind'>> = {},
): Promise<string> {
  const provider = simulatedEvidence({ platform: machine.platformFile, life: 60_000 })
  const truth = {
    role: machine.role,
    spki_sha256: createHash('sha256').update(spkiOf(machine.identity.privateKey)).digest(),
    nonce,
    exporter: socket.exportKeyingMaterial(link.exporterLength, link.exporterLabel, Buffer.from(nonce)),
  }
  return serializeEvidence(await provider.evidence({ kind: 1, ...truth, ...lie }))
}

export function answerWith(body: string, fields: Record<string, string> = {}, status = '200 OK'): string {
  const all = { 'content-type': evidenceMediaType, 'content-length': String(Buffer.byteLength(body)), ...fields }
  const lines = Object.entries(all).filter(([, value]) => value !== '')
  return `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

/** A plain TLS client connection, secured. */
export async function dial(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: [link.alpn], ...options })
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => socket.once('secureConnect', resolve).once('close', () => resolve()))
  return socket
}
