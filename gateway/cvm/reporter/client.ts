/** The agent's side of the reporter: evidence of this machine for a process that may not ask the platform itself. */
import { connect } from 'node:net'
import { concat, fromUtf8 } from '../../../shared/bytes.ts'
import { type Evidence, type EvidenceKind, evidenceLimits } from '../../../shared/attestation/evidence.ts'
import { Refusal } from '../../../shared/refusal.ts'
import type { EvidenceProvider } from '../provider.ts'
import { checkSocket } from './private-socket.ts'
import { readAnswer, writeBinding } from './wire.ts'

export type ReporterEvidenceOptions = {
  readonly kind: EvidenceKind
  /** Path of the reporter's Unix socket. */
  readonly socket: string
  /** milliseconds for an answer: hosts may let a report wait */
  readonly within?: number
}

/** Refuses as the reporter did; `evidence-unavailable` when it is not there; `insecure-configuration` on a socket of others. */
export function reporterEvidence({ kind, socket, within = 30_000 }: ReporterEvidenceOptions): EvidenceProvider {
  return {
    kind,
    async evidence(binding): Promise<Evidence> {
      checkSocket(socket)
      const evidence = readAnswer(fromUtf8(await asked(socket, writeBinding(binding), within)))
      if (evidence.kind !== kind) throw new Refusal('bad-evidence', `the reporter gives ${evidence.kind}`)
      return evidence
    },
  }
}

function asked(path: string, question: string, within: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(new Refusal('evidence-unavailable', `the reporter: ${why}`, { cause }))
    const pieces: Buffer[] = []
    let length = 0
    const socket = connect({ path, signal: AbortSignal.timeout(within) })
    socket.on('error', (cause) => fail(cause.message, cause))
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece)
      if ((length += piece.length) > evidenceLimits.text) socket.destroy(new Error('a longer answer than there is'))
    })
    socket.on('end', () => (length === 0 ? fail('no answer') : resolve(concat(...pieces))))
    socket.end(question)
  })
}
