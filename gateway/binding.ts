/**
 * Evidence of a CVM, fetched over the very TLS connection that will carry requests, judged, and only then believed.
 * The TLS certificate proves nothing here: the key in it, our nonce and this connection's exporter are what the
 * evidence must speak of. attestation.md b.3; shape: feasibility 3.
 */
import { createHash, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { Bytes } from '../shared/bytes.ts'
import { type Evidence, evidenceMediaType, parseEvidence } from '../shared/attestation/evidence.ts'
import type { Verdict } from '../shared/attestation/judge.ts'
import { link, writeQuestion } from '../shared/attestation/link.ts'
import { reportData } from '../shared/attestation/report-data.ts'
import { Refusal } from '../shared/refusal.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'
import { EvidenceAnswer } from './evidence-answer.ts'

export type Origin = { readonly host: string; readonly port: number }

/** PEM: with this the gateway proves itself to the CVM. */
export type ClientIdentity = { readonly key: string; readonly cert: string }

export type EvidenceJudge = (evidence: Evidence, reportData: Bytes) => Promise<Verdict>

export type AttestOptions = { readonly judge: EvidenceJudge; readonly role: string }

export type BindOptions = AttestOptions & {
  readonly origin: Origin
  readonly clientTls?: ClientIdentity | undefined
  /** milliseconds for the whole of dialling, asking and judging */
  readonly limit: number
  /** Ends the attempt. */
  readonly signal?: AbortSignal
}

/** A connection that has been judged and has carried nothing else. */
export type Bound = { readonly socket: TLSSocket; readonly verdict: Verdict }

/**
 * Dials, attests, and gives the socket over paused, with nobody reading it. Every failure is a Refusal,
 * whoever caused it: codes of other libraries (UND_ERR_*) would make undici redial for ever (feasibility A9).
 */
export async function bind({ origin, clientTls, limit, signal, ...attestation }: BindOptions): Promise<Bound> {
  if (signal?.aborted === true) throw new Refusal('target-unreachable', 'no longer wanted')
  const socket = dial(origin, clientTls)
  const give = (why: string) => () => void socket.destroy(new Refusal('target-unreachable', why))
  const fuse = setTimeout(give('not attested in time'), limit)
  const unwanted = give('no longer wanted')
  signal?.addEventListener('abort', unwanted, { once: true })
  try {
    await whileAlive(socket, secured(socket))
    return { socket, verdict: await attest(socket, attestation) }
  } catch (cause) {
    socket.destroy()
    throw cause instanceof Refusal ? cause : new Refusal('target-unreachable', 'dialling failed', { cause })
  } finally {
    clearTimeout(fuse)
    signal?.removeEventListener('abort', unwanted)
  }
}

/** Asks and judges on an established connection. Until this returns, nothing else may be sent on it. */
export async function attest(socket: TLSSocket, { judge, role }: AttestOptions): Promise<Verdict> {
  checkHandshake(socket)
  const nonce = Uint8Array.from(randomBytes(link.nonceLength))
  const expected = expectedReportData(socket, nonce, role)
  const text = await whileAlive(socket, ask(socket, nonce))
  const verdict = await whileAlive(socket, judge(parseEvidence(text), expected))
  // While the judge thought, the other side may have spoken or left.
  if (socket.readableLength > 0) throw new Refusal('trailing-data', 'bytes after the evidence')
  if (socket.destroyed) throw new Refusal('target-unreachable', 'the connection ended')
  checkVerdict(socket, verdict, role)
  return verdict
}

// Certificate authorities have no say here: `rejectUnauthorized` gives way to the evidence, which names the key.
function dial({ host, port }: Origin, identity: ClientIdentity | undefined): TLSSocket {
  const socket = connect({
    host,
    port,
    servername: isIP(host) === 0 ? host : '',
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ALPNProtocols: [link.alpn],
    rejectUnauthorized: false,
    ...identity,
  })
  // Whoever waits listens for itself; between two waits an error must not take the process with it.
  return socket.on('error', () => undefined)
}

function checkHandshake(socket: TLSSocket): void {
  if (socket.getProtocol() !== 'TLSv1.3') throw new Refusal('binding-mismatch', 'not TLS 1.3')
  // A resumed session proves that the other side once had the key, not that it has it.
  if (socket.isSessionReused()) throw new Refusal('binding-mismatch', 'a resumed session')
  if (socket.alpnProtocol !== link.alpn) throw new Refusal('binding-mismatch', 'another protocol than asked for')
}

function expectedReportData(socket: TLSSocket, nonce: Bytes, role: string): Bytes {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) throw new Refusal('binding-mismatch', 'no certificate')
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return reportData({
    kind: 1,
    role,
    spki_sha256: createHash('sha256').update(spki).digest(),
    nonce,
    exporter: socket.exportKeyingMaterial(link.exporterLength, link.exporterLabel, Buffer.from(nonce)),
  })
}

function checkVerdict(socket: TLSSocket, { role, simulated }: Verdict, wanted: string): void {
  if (role !== wanted) throw new Refusal('role-refused', 'judged for another role')
  // trust.md 7: simulated evidence stays on one machine, whatever the settings say.
  if (simulated && !isLoopback(socket.remoteAddress ?? '')) {
    throw new Refusal('insecure-configuration', 'simulated evidence from another machine')
  }
}

// Paused mode: 'data' would go on taking bytes that are no longer ours.
function ask(socket: TLSSocket, nonce: Bytes): Promise<string> {
  return new Promise((resolve, reject) => {
    const answer = new EvidenceAnswer()
    const done = (settle: () => void): void => {
      socket.off('readable', read)
      settle()
    }
    const read = (): void => {
      try {
        const piece = socket.read() as Buffer | null
        const text = piece === null ? undefined : answer.push(piece)
        if (text !== undefined) done(() => resolve(text))
      } catch (cause) {
        done(() => reject(cause instanceof Error ? cause : new TypeError('not an error')))
      }
    }
    socket.on('readable', read)
    socket.write(question(nonce))
  })
}

function question(nonce: Bytes): string {
  const body = writeQuestion(nonce)
  return [
    `${link.method} ${link.path} HTTP/1.1`,
    'host: cvm.invalid',
    'content-type: application/json',
    `accept: ${evidenceMediaType}`,
    `content-length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}

function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => socket.once('secureConnect', () => resolve()))
}

/** `work`, or a Refusal as soon as the socket fails or ends. */
async function whileAlive<T>(socket: TLSSocket, work: Promise<T>): Promise<T> {
  if (socket.destroyed) throw new Refusal('target-unreachable', 'the connection ended')
  let died: (cause?: unknown) => void = () => undefined
  const death = new Promise<never>((_, reject) => {
    died = (cause) => {
      if (cause instanceof Refusal) reject(cause)
      else reject(new Refusal('target-unreachable', 'the connection ended', { cause }))
    }
  })
  socket.once('error', died).once('end', died).once('close', died)
  try {
    return await Promise.race([work, death])
  } finally {
    socket.off('error', died).off('end', died).off('close', died)
  }
}
