/** Proofs that a leaf is in a log and that witnesses saw it there, to be checked offline. C2SP tlog-proof@v1; conformance.md TL-8. */
import { base64, fromBase64, type Bytes } from '../bytes.ts'
import { Refusal, refuseAs } from '../refusal.ts'
import { readDecimal } from './checkpoint.ts'
import { hashLength, verifyInclusion } from './merkle.ts'
import { noteLimits } from './note.ts'
import { verifyCheckpoint, type Clock, type LogTrust, type VerifiedCheckpoint } from './policy.ts'

/** Not verified. An `extra` line is read for its form and dropped: nobody signed it, so nobody gets to see it. */
export type Proof = {
  readonly index: number
  /** from the leaf's sibling upwards */
  readonly hashes: readonly Bytes[]
  /** the checkpoint's note, verbatim */
  readonly checkpoint: string
}

export type LoggedLeaf = VerifiedCheckpoint & { readonly index: number }

const header = 'c2sp.org/tlog-proof@v1'

/**
 * `leaf` is the leaf hash of what the caller has before it, never of what a proof claims. An empty text is no proof.
 * Whether the leaf itself has expired is the caller's to ask: proofs do not age, trust.md 6.
 */
export async function verifyProof(text: string, leaf: Uint8Array, trust: LogTrust, clock: Clock): Promise<LoggedLeaf> {
  const { index, hashes, checkpoint } = parseProof(text)
  const verified = await verifyCheckpoint(checkpoint, trust, clock)
  verifyInclusion({ index, size: verified.size, leaf, proof: hashes, root: verified.root })
  return { ...verified, index }
}

export function parseProof(text: string): Proof {
  if (text === '') throw new Refusal('no-proof', 'nothing shows that this was logged')
  if (text.length > noteLimits.bytes) throw malformed('longer than allowed')
  const blank = text.indexOf('\n\n')
  if (blank < 0) throw malformed('no blank line before the checkpoint')
  const [first, ...lines] = text.slice(0, blank).split('\n')
  if (first !== header) throw malformed('another first line')
  if (lines[0]?.startsWith('extra ')) checkExtra(lines.shift())
  const index = readIndex(lines.shift())
  return { index, hashes: lines.map(readHash), checkpoint: text.slice(blank + 2) }
}

/** For logs. We have nothing to say that nobody signs, so there is never an `extra` line. */
export function proofText({ index, hashes, checkpoint }: Proof): string {
  const text = `${[header, `index ${index}`, ...hashes.map(base64)].join('\n')}\n\n${checkpoint}`
  parseProof(text)
  return text
}

function checkExtra(line = ''): void {
  const bytes = decoded(line.slice('extra '.length))
  if (bytes.length === 0) throw malformed('an extra line with nothing in it')
}

function readIndex(line = ''): number {
  if (!line.startsWith('index ')) throw malformed('no index')
  return readDecimal('malformed-proof', line.slice('index '.length))
}

/** A line of a proof. */
export function readHash(line: string): Bytes {
  const hash = decoded(line)
  if (hash.length !== hashLength) throw malformed(`a hash of ${hash.length} bytes`)
  return hash
}

function decoded(text: string): Bytes {
  return refuseAs('malformed-proof', () => fromBase64(text))
}

function malformed(why: string): Refusal {
  return new Refusal('malformed-proof', why)
}
