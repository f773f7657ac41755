/** `asunder policy sign` and `asunder policy statement`: one signature more, and which serial is current. trust.md 1. */
import { readPolicyFields } from '../../attestation/policy-fields.ts'
import type { RootFields } from '../../attestation/root-fields.ts'
import { signStatement } from '../../attestation/serial-statement.ts'
import { narrows } from '../../attestation/signed-policy.ts'
import { verifyRoot } from '../../attestation/trust-root.ts'
import { signNote } from '../../tlog/note.ts'
import type { Signer } from '../../tlog/signer.ts'
import { UsageError, type Command, type World } from './command.ts'
import { parsed, readText } from './connection.ts'
import { emit, onlyFile, outputHelp, outputOption, wholeNumber, wholeSecond } from './output.ts'
import { readDraft, textOf, type Draft } from './policy-draft.ts'
import { keyOption, signedBy, signersFrom, withSignatures } from './signing.ts'

const own = { ...keyOption, ...outputOption, root: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const

const signHelp = `Usage: asunder policy sign --key FILE [--root ROOT] FILE

Signs a draft, or adds a signature to a note that others have signed, after reading it as clients do. See policy check and
policy explain first: what you sign is what clients will accept.

  --key FILE              your signing key (repeat if you hold several)
  --root ROOT             the trust root: then the policy must fit it, the key must be one of its policy keys, and you
                          are told how many signatures are still missing
${outputHelp}
  -h, --help              this text`

export const sign: Command = {
  summary: 'sign a draft, or add a signature to a note',
  help: signHelp,
  async run(args, world) {
    const { values, positionals } = parsed(args, own)
    const signers = await signersFrom(values.key, world)
    const draft = readDraft(await readText('FILE', onlyFile(positionals, 'FILE'), world))
    const policy = readPolicyFields(draft.value)
    const root = await rootFrom(values.root, world)
    if (root !== undefined) {
      narrows(policy, root)
      demandKeys('policyKeys', signers, root)
    }
    const note = await signed(draft, signers)
    await emit(note, values.output, world)
    if (root !== undefined) await sayWhatIsMissing(note, root, world)
    return 0
  },
}

const statementHelp = `Usage: asunder policy statement --key FILE (--policy NOTE | --role ROLE --serial N) [options]

Signs the statement that a serial is the current one for a role. It counts for 24 hours, so make one every hour or so,
and at once after a new policy is published and in the log: from then on the older one is refused.

  --key FILE              a timestamp key of the trust root
  --policy NOTE           take role and serial from this policy
  --role ROLE, --serial N say them yourself
  --root ROOT             the trust root: then the key must be one of its timestamp keys
${outputHelp}
  -h, --help              this text`

export const statement: Command = {
  summary: 'sign which policy serial is current',
  help: statementHelp,
  async run(args, world) {
    const options = {
      ...own,
      policy: { type: 'string' },
      role: { type: 'string' },
      serial: { type: 'string' },
    } as const
    const { values, positionals } = parsed(args, options)
    if (positionals.length > 0) throw new UsageError('no file here; --policy names the policy')
    const { role, serial } = await subject(values, world)
    const [signer, second] = await signersFrom(values.key, world)
    if (signer === undefined || second !== undefined) throw new UsageError('--key: one key signs a statement')
    const root = await rootFrom(values.root, world)
    if (root !== undefined) demandKeys('timestampKeys', [signer], root)
    await emit(await signStatement({ role, serial, time: wholeSecond(world.now()) }, signer), values.output, world)
    return 0
  },
}

export async function rootFrom(path: string | undefined, world: World): Promise<RootFields | undefined> {
  return path === undefined ? undefined : verifyRoot(await readText('root', path, world))
}

async function signed(draft: Draft, signers: readonly Signer[]): Promise<string> {
  return draft.note === undefined ? signNote(textOf(draft), signers) : withSignatures(draft.note, signers)
}

type Subject = { readonly policy?: string; readonly role?: string; readonly serial?: string }

async function subject({ policy, role, serial }: Subject, world: World): Promise<{ role: string; serial: number }> {
  if (policy !== undefined) {
    if (role !== undefined || serial !== undefined) throw new UsageError('--policy, or --role and --serial: not both')
    return readPolicyFields(readDraft(await readText('policy', policy, world)).value)
  }
  if (role === undefined || serial === undefined) throw new UsageError('give --policy, or --role and --serial')
  return { role, serial: wholeNumber('serial', serial, [1, Number.MAX_SAFE_INTEGER]) }
}

function demandKeys(field: 'policyKeys' | 'timestampKeys', signers: readonly Signer[], root: RootFields): void {
  const stranger = signers.find(({ key }) => !root[field].some(({ text }) => text === key.text))
  if (stranger !== undefined) throw new UsageError(`--key: ${stranger.name} is not among the ${field} of the root`)
}

async function sayWhatIsMissing(
  note: string,
  { policyKeys, policyThreshold }: RootFields,
  world: World,
): Promise<void> {
  const signers = await signedBy(note, policyKeys)
  if (signers.length >= policyThreshold) return
  const absent = policyKeys.filter((key) => !signers.includes(key)).map(({ name }) => name)
  world.say(`${signers.length} of ${policyThreshold} signatures; next: asunder policy sign, by ${absent.join(', ')}`)
}
