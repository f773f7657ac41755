/** A log of a few leaves with its key and some witnesses, all from fixed seeds, so that tests can build and forge. */
import { utf8, type Bytes } from '../../../shared/bytes.ts'
import { checkpointText, parseCheckpoint } from '../../../shared/tlog/checkpoint.ts'
import { cosign, cosignerFromSeed, type CosignatureKind, type Cosigner } from '../../../shared/tlog/cosignature.ts'
import { inclusionProof, leafHash, rootOf } from '../../../shared/tlog/merkle.ts'
import { signNote } from '../../../shared/tlog/note.ts'
import type { LogTrust } from '../../../shared/tlog/policy.ts'
import { proofText } from '../../../shared/tlog/proof.ts'
import { generateSigningKey, readSigner, type Signer } from '../../../shared/tlog/signer.ts'

export const origin = 'log.example/cvms'
export const noon = Date.parse('2026-11-22T12:00:00Z')
export const hour = 3_600_000
export const clock = { now: noon + hour, skew: 120_000 }

const seed = (fill: number) => new Uint8Array(32).fill(fill)

export async function logSigner(name = origin, fill = 1): Promise<Signer> {
  return readSigner((await generateSigningKey(name, seed(fill))).skey)
}

export async function witness(
  name: string,
  fill: number,
  kind: CosignatureKind = 'cosignature',
): Promise<Cosigner & { operator: string }> {
  return { operator: name, ...(await cosignerFromSeed(`${name}.example/w`, kind, seed(fill))) }
}

/** Four witnesses of three operators: the last two belong together. */
export async function witnesses() {
  const [a, b, c, d] = [await witness('a', 11), await witness('b', 12), await witness('c', 13), await witness('d', 14)]
  return { a, b, c, c2: { ...d, operator: 'c' } }
}

export async function trust(quorum = 2): Promise<LogTrust> {
  const { key } = await logSigner()
  return { logs: [{ origin, key }], witnesses: Object.values(await witnesses()), quorum }
}

export function leaves(count: number): Bytes[] {
  return Array.from({ length: count }, (_, at) => leafHash(utf8(`leaf ${at}`)))
}

type Extras = { name?: string; extensions?: string[]; by?: Signer[] }

/** The note of a tree of `size`, signed by the log and cosigned by each witness at its time. */
export async function noteOf(size: number, cosigners: readonly [Cosigner, number][], extras: Extras = {}) {
  const { name = origin, extensions = [], by = [await logSigner()] } = extras
  const text = checkpointText({ origin: name, size, root: rootOf(leaves(size)) }, extensions)
  const checkpoint = parseCheckpoint(text, [name])
  let note = await signNote(text, by)
  for (const [cosigner, time] of cosigners) note += await cosign(cosigner, checkpoint, time)
  return note
}

/** A checkpoint of any text by the same log. */
export async function cosigned(text: string, cosigners: readonly Cosigner[], time = noon): Promise<string> {
  const checkpoint = parseCheckpoint(text, [origin])
  let note = await signNote(text, [await logSigner()])
  for (const cosigner of cosigners) note += await cosign(cosigner, checkpoint, time)
  return note
}

/** A note that the witnesses a and b cosigned at noon, and `more`. */
export async function seenNote(size: number, more: readonly [Cosigner, number][] = [], extras: Extras = {}) {
  const { a, b } = await witnesses()
  return noteOf(size, [[a, noon], [b, noon], ...more], extras)
}

export async function proofOf(index: number, size: number, note?: string): Promise<string> {
  const checkpoint = note ?? (await seenNote(size))
  return proofText({ index, hashes: inclusionProof(leaves(size), index), checkpoint })
}
