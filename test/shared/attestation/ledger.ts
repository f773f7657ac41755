/** A log that grows, with three witnesses of which two must speak: what a test puts in can be proven or forged. */
import { concat, hex, utf8, type Bytes } from '../../../shared/bytes.ts'
import { checkpointText, parseCheckpoint } from '../../../shared/tlog/checkpoint.ts'
import { cosign, cosignerFromSeed, type Cosigner } from '../../../shared/tlog/cosignature.ts'
import { inclusionProof, leafHash, rootOf } from '../../../shared/tlog/merkle.ts'
import { signNote } from '../../../shared/tlog/note.ts'
import type { LogTrust } from '../../../shared/tlog/policy.ts'
import { proofText } from '../../../shared/tlog/proof.ts'
import { generateSigner, type Signer } from '../../../shared/tlog/signer.ts'

export type Spoken = readonly (readonly [witness: number, time: number])[]

export type Ledger = {
  readonly trust: LogTrust
  readonly size: number
  /** appends the leaf of this data */
  add(data: Bytes): void
  /** the note of the whole tree, cosigned as told */
  note(spoken: Spoken): Promise<string>
  /** the same log as it is now, which from here on says something else than this one */
  fork(): Ledger
  /** that the data is in the whole tree */
  proof(data: Bytes, spoken: Spoken): Promise<string>
}

export const origin = 'log.example/cvms'

export async function ledger(name = origin): Promise<Ledger> {
  const log = await generateSigner(name)
  const cosigners = await Promise.all(['a', 'b', 'c'].map((one) => cosigner(`${one}.example/w`)))
  return ledgerOf({ name, log, cosigners }, [])
}

type Signers = { readonly name: string; readonly log: Signer; readonly cosigners: readonly Cosigner[] }

function ledgerOf({ name, log, cosigners }: Signers, leaves: Bytes[]): Ledger {
  const note = async (spoken: Spoken): Promise<string> => {
    const text = checkpointText({ origin: name, size: leaves.length, root: rootOf(leaves) })
    return concatNote(await signNote(text, [log]), text, spoken, cosigners, name)
  }
  return {
    trust: {
      logs: [{ origin: name, key: log.key }],
      witnesses: cosigners.map(({ key }) => ({ operator: key.name, key })),
      quorum: 2,
    },
    get size() {
      return leaves.length
    },
    fork: () => ledgerOf({ name, log, cosigners }, [...leaves]),
    add: (data) => void leaves.push(leafHash(data)),
    note,
    proof: async (data, spoken) => {
      const index = leaves.findIndex((leaf) => hex(leaf) === hex(leafHash(data)))
      if (index < 0) throw new TypeError('not in this log')
      return proofText({ index, hashes: inclusionProof(leaves, index), checkpoint: await note(spoken) })
    },
  }
}

/** Leaves of others, so that trees are of the size that a test wants. */
export function filler(at: number): Bytes {
  return concat(utf8('filler '), Uint8Array.of(at))
}

async function cosigner(name: string): Promise<Cosigner> {
  return cosignerFromSeed(name, 'cosignature', crypto.getRandomValues(new Uint8Array(32)))
}

async function concatNote(
  signed: string,
  text: string,
  spoken: Spoken,
  cosigners: readonly Cosigner[],
  name: string,
): Promise<string> {
  const checkpoint = parseCheckpoint(text, [name])
  const lines: string[] = []
  for (const [witness, time] of spoken) {
    const cosigner = cosigners[witness]
    if (cosigner === undefined) throw new TypeError('three witnesses')
    lines.push(await cosign(cosigner, checkpoint, time))
  }
  return `${signed}${lines.join('')}`
}
