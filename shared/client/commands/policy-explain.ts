/** `asunder policy explain`: what a policy lets in and keeps out, and what another one changes. */
import { readPolicyFields } from '../../attestation/policy-fields.ts'
import { policySha256 } from '../../attestation/signed-policy.ts'
import { fromHex, hex } from '../../bytes.ts'
import { leafHash } from '../../tlog/merkle.ts'
import { parseNote } from '../../tlog/note.ts'
import { policyLeaf } from '../../tlog/release.ts'
import type { Command, World } from './command.ts'
import { parsed, readText } from './connection.ts'
import { onlyFile, table, type Row } from './output.ts'
import { readDraft, textOf } from './policy-draft.ts'
import { policyConcerns, policyRows } from './policy-words.ts'

const options = {
  json: { type: 'boolean' },
  against: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder policy explain [options] FILE

Says in words what a draft or a signed policy lets in and keeps out, and the digests by which evidence and the log know it.
It does not verify who signed: see policy check.

  --against FILE          only what changes: - what that one says, + what this one says instead
  --json                  one JSON object: sha256, leaf, says (topic and sentence) or added and removed
  -h, --help              this text`

export const explain: Command = {
  summary: 'say what a policy lets in and keeps out, alone or against another',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const ours = await explained('FILE', onlyFile(positionals, 'FILE'), world)
    const theirs = values.against === undefined ? undefined : await explained('against', values.against, world)
    const found = theirs === undefined ? ours : difference(theirs, ours)
    if (values.json === true) await world.out(`${JSON.stringify(found)}\n`)
    else
      await world.out(
        theirs === undefined ? alone(ours) : compared(difference(theirs, ours), theirs.sha256 === ours.sha256),
      )
    return 0
  },
}

type Explained = {
  readonly sha256: string
  /** the leaf hash under which a log has it */
  readonly leaf: string
  readonly says: readonly Row[]
  readonly attention: readonly string[]
}

type Difference = { readonly removed: readonly Row[]; readonly added: readonly Row[] }

async function explained(option: string, path: string, world: World): Promise<Explained> {
  const draft = readDraft(await readText(option, path, world))
  const policy = readPolicyFields(draft.value)
  const sha256 = policySha256(textOf(draft))
  const signers = draft.note === undefined ? [] : parseNote(draft.note).signatures.map(({ name }) => name)
  return {
    sha256,
    leaf: hex(leafHash(policyLeaf(fromHex(sha256)))),
    says: [
      ...policyRows(policy),
      ['signatures', signers.length === 0 ? 'none yet' : `${signers.join(', ')} (not verified here)`],
    ],
    attention: policyConcerns(policy, world.now()),
  }
}

function alone({ sha256, leaf, says, attention }: Explained): string {
  const digests: readonly Row[] = [
    ['digest', sha256],
    ['log leaf', leaf],
  ]
  return table([...says, ...digests, ...attention.map((one): Row => ['attention', one])])
}

function difference(theirs: Explained, ours: Explained): Difference {
  const lacks = (rows: readonly Row[]) => {
    const lines = new Set(rows.map((row) => row.join('\n')))
    return (row: Row) => !lines.has(row.join('\n'))
  }
  return { removed: theirs.says.filter(lacks(ours.says)), added: ours.says.filter(lacks(theirs.says)) }
}

function compared({ removed, added }: Difference, same: boolean): string {
  if (same) return 'no difference\n'
  if (removed.length + added.length === 0) return 'the same rules in another text: two digests\n'
  const sign = (mark: string, rows: readonly Row[]): readonly Row[] =>
    rows.map(([topic, says]) => [`${mark} ${topic}`, says])
  return table([...sign('-', removed), ...sign('+', added)])
}
