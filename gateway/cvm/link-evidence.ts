/**
 * Evidence for the connection it is asked on: the nonce is the gateway's, everything else comes from the agent's own
 * socket and key. One report a connection. trust.md 4 (kind 1), attestation.md b.3.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type Bytes, fromUtf8 } from '../../shared/bytes.ts'
import { serializeEvidence } from '../../shared/attestation/evidence.ts'
import { link, readQuestion } from '../../shared/attestation/link.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { EvidenceProvider } from './provider.ts'

export type LinkEvidenceOptions = {
  readonly provider: EvidenceProvider
  readonly role: string
  /** SubjectPublicKeyInfo (DER) of this agent's TLS key */
  readonly spki: Uint8Array
  /** reports in the making at a time; more are refused, so that connections cannot starve what else needs reports */
  readonly reportsAtOnce: number
}

/** Reads the question, gives the answer's text. Throws Refusal. */
export type LinkEvidence = (request: IncomingMessage, socket: TLSSocket) => Promise<string>

export function linkEvidence({ provider, role, spki, reportsAtOnce }: LinkEvidenceOptions): LinkEvidence {
  const spki_sha256 = createHash('sha256').update(spki).digest()
  let making = 0
  return async (request, socket) => {
    const nonce = await questionIn(request)
    if (making >= reportsAtOnce) throw new Refusal('evidence-unavailable', 'too many reports at a time')
    making += 1
    try {
      const exporter = exporterOf(socket, nonce)
      return serializeEvidence(await provider.evidence({ kind: 1, role, spki_sha256, nonce, exporter }))
    } finally {
      making -= 1
    }
  }
}

function exporterOf(socket: TLSSocket, nonce: Bytes): Buffer {
  if (socket.destroyed) throw new Refusal('incomplete', 'the gateway left')
  return socket.exportKeyingMaterial(link.exporterLength, link.exporterLabel, Buffer.from(nonce))
}

async function questionIn(request: IncomingMessage): Promise<Bytes> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > link.questionLimit) throw new Refusal('body-too-large', 'a longer question than there is')
    parts.push(part)
  }
  return readQuestion(fromUtf8(Buffer.concat(parts)))
}
