/** What a log sends to a witness, and proofs of consistency as text. C2SP tlog-witness, "add-checkpoint". */
import { base64, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { readDecimal } from './checkpoint.ts'
import { noteLimits } from './note.ts'
import { readHash } from './proof.ts'

/** Not verified. `oldSize`: what the log believes that the witness saw last, 0 for nothing. */
export type WitnessRequest = {
  readonly oldSize: number
  readonly proof: readonly Bytes[]
  /** the new checkpoint's note, verbatim */
  readonly note: string
}

const maxHashes = 63

export function witnessRequest({ oldSize, proof, note }: WitnessRequest): string {
  const text = `old ${oldSize}\n${consistencyText(proof)}\n${note}`
  parseWitnessRequest(text)
  return text
}

export function parseWitnessRequest(text: string): WitnessRequest {
  if (text.length > 2 * noteLimits.bytes) throw new Refusal('malformed-proof', 'longer than allowed')
  const blank = text.indexOf('\n\n')
  if (blank < 0) throw new Refusal('malformed-proof', 'no blank line before the checkpoint')
  const [first = '', ...lines] = text.slice(0, blank).split('\n')
  if (!first.startsWith('old ')) throw new Refusal('malformed-proof', 'no old size')
  const oldSize = readDecimal('malformed-proof', first.slice('old '.length))
  return { oldSize, proof: readHashes(lines), note: text.slice(blank + 2) }
}

/** One hash a line; a proof of nothing is an empty text. */
export function consistencyText(proof: readonly Uint8Array[]): string {
  return proof.map((hash) => `${base64(hash)}\n`).join('')
}

export function parseConsistency(text: string): Bytes[] {
  if (text === '') return []
  if (!text.endsWith('\n')) throw new Refusal('malformed-proof', 'no LF at the end')
  return readHashes(text.slice(0, -1).split('\n'))
}

function readHashes(lines: readonly string[]): Bytes[] {
  if (lines.length > maxHashes) throw new Refusal('malformed-proof', `${lines.length} hashes`)
  return lines.map(readHash)
}
