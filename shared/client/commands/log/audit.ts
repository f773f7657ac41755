/** `asunder log audit`: did one checkpoint of a log grow from another; if not, both are kept as evidence. TL-9. */
import type { TrustRoot } from '../../../attestation/trust-root.ts'
import { hex, utf8 } from '../../../bytes.ts'
import { Refusal, type RefusalCode } from '../../../refusal.ts'
import { checkSuccession } from '../../../tlog/checkpoint.ts'
import { conflictName, conflictText } from '../../../tlog/conflict.ts'
import { verifySignatures, type SignedCheckpoint } from '../../../tlog/policy.ts'
import { parseConsistency } from '../../../tlog/witness-request.ts'
import { Failure, UsageError, type Command, type World } from '../command.ts'
import { parsed, readText } from '../connection.ts'
import { logTrust, trustHelp, trustOption } from './trust.ts'

const options = {
  ...trustOption,
  proof: { type: 'string' },
  output: { type: 'string', short: 'o' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder log audit OLD NEW [--proof FILE] --trust ROOT

Holds two checkpoints of one log against each other: both signatures, that NEW is not smaller, and that it contains OLD.
Exits with 0 only if all of that is shown. Where the log contradicts itself, both notes are kept in a file as evidence.

  --proof FILE            the log's proof of consistency from OLD to NEW, one base64 hash a line; needed unless both
                          are of one size
${trustHelp}
  -o, --output FILE       where evidence is kept (default: log-conflict-DIGEST.json, named after the two notes)
  --json                  print one JSON object
  -h, --help              this text`

/** What became of it, in words for people. */
const outcomes: Partial<Record<RefusalCode, string>> = {
  'split-view': 'SPLIT VIEW: the log signed two different trees of one size',
  'old-root-mismatch':
    'FORK: by this proof NEW does not contain OLD; if the proof is whole, the log shows two histories',
  'new-root-mismatch':
    'FORK: by this proof NEW does not contain OLD; if the proof is whole, the log shows two histories',
  'checkpoint-rolled-back': 'ROLLBACK: NEW is smaller than OLD',
  'no-proof':
    'NOT SHOWN: nothing proves that NEW contains OLD; ask the log for a proof of consistency and give --proof',
}

type Found = { readonly code: RefusalCode | 'consistent'; readonly says: string; readonly evidence?: string }

export const audit: Command = {
  summary: 'hold two checkpoints of one log against each other',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const [oldFile, newFile, ...more] = positionals
    if (oldFile === undefined || newFile === undefined || more.length > 0) {
      throw new UsageError('give two checkpoints, the older one first; see --help')
    }
    const root = await logTrust(values.trust, world)
    const [older, newer] = [await noteIn(oldFile, root, world), await noteIn(newFile, root, world)]
    if (older.origin !== newer.origin) throw new Failure('these are checkpoints of two logs')
    const proof = values.proof === undefined ? undefined : await readText('proof', values.proof, world)
    const found = await kept(compared(older, newer, proof), { older, newer, proof, file: values.output }, world)
    await world.out(values.json === true ? asJson(found, older, newer) : explained(found, older, newer))
    return found.code === 'consistent' ? 0 : 1
  },
}

async function noteIn(file: string, root: TrustRoot, world: World): Promise<SignedCheckpoint> {
  const note = await readText('checkpoint', file, world)
  try {
    return await verifySignatures(note, root)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new Failure(`${file} is no checkpoint of a log of this root: ${cause.code}: ${cause.message}`, { cause })
  }
}

function compared(older: SignedCheckpoint, newer: SignedCheckpoint, proof: string | undefined): Found {
  try {
    checkSuccession(older, newer)
    if (proof === undefined && newer.size > older.size) throw new Refusal('no-proof', 'sizes differ')
    checkSuccession(older, newer, proof === undefined ? [] : parseConsistency(proof))
    return { code: 'consistent', says: 'CONSISTENT: NEW contains OLD' }
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return {
      code: cause.code,
      says: outcomes[cause.code] ?? `NOT SHOWN: the proof is no proof of this: ${cause.message}`,
    }
  }
}

type Kept = {
  readonly older: SignedCheckpoint
  readonly newer: SignedCheckpoint
  readonly proof: string | undefined
  readonly file: string | undefined
}

async function kept(found: Found, { older, newer, proof, file }: Kept, world: World): Promise<Found> {
  if (!['split-view', 'old-root-mismatch', 'new-root-mismatch'].includes(found.code)) return found
  const code = found.code as RefusalCode
  const notes = [older.note, newer.note] as const
  const conflict = { code, notes, ...(proof === undefined ? {} : { proof: parseConsistency(proof) }) }
  const evidence = file ?? conflictName(conflict)
  await world.writeFile(evidence, ReadableStream.from([utf8(conflictText(conflict))]))
  return { ...found, evidence }
}

function asJson(found: Found, older: SignedCheckpoint, newer: SignedCheckpoint): string {
  return `${JSON.stringify({ ...found, origin: older.origin, old: plain(older), new: plain(newer) })}\n`
}

function plain({ size, root, cosignatures }: SignedCheckpoint): object {
  return { size, root: hex(root), operators: operatorsOf(cosignatures) }
}

function explained({ says, evidence }: Found, older: SignedCheckpoint, newer: SignedCheckpoint): string {
  const rows = [`log  ${older.origin}`, `OLD  ${seen(older)}`, `NEW  ${seen(newer)}`, says]
  const remedy = [
    `both notes are in ${evidence ?? ''}: show them to the witnesses and to everybody who relies on this log`,
  ]
  return [...rows, ...(evidence === undefined ? [] : remedy), ''].join('\n')
}

function seen({ size, root, cosignatures }: SignedCheckpoint): string {
  const operators = operatorsOf(cosignatures)
  return `${size} leaves, root ${hex(root)}, signed by the log; cosigned by ${operators.join(', ') || 'nobody that the root names'}`
}

function operatorsOf(cosignatures: SignedCheckpoint['cosignatures']): string[] {
  return [...new Set(cosignatures.map(({ operator }) => operator))]
}
