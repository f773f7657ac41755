/** `asunder policy check`: everything that is wrong with a policy, where, and what to do. attestation.md d.1, trust.md 1. */
import { readPolicyFields, type PolicyFields } from '../../attestation/policy-fields.ts'
import { verifyLoggedPolicy } from '../../attestation/logged.ts'
import type { RootFields } from '../../attestation/root-fields.ts'
import { checkStated, verifyStatement } from '../../attestation/serial-statement.ts'
import { checkPolicyTimes, narrows, verifyPolicy } from '../../attestation/signed-policy.ts'
import { Refusal, type RefusalCode } from '../../refusal.ts'
import { refusalsOf } from '../../tlog/json-options.ts'
import { verifyThreshold } from '../../tlog/note.ts'
import { UsageError, type Command, type World } from './command.ts'
import { parsed, readText } from './connection.ts'
import { onlyFile, wholeNumber } from './output.ts'
import { readDraft, type Draft } from './policy-draft.ts'
import { rootFrom } from './policy-sign.ts'
import { policyConcerns } from './policy-words.ts'

const options = {
  json: { type: 'boolean' },
  root: { type: 'string' },
  statement: { type: 'string' },
  proof: { type: 'string' },
  'last-serial': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder policy check [options] FILE

Says everything that is wrong with a draft or a signed policy, each with its place and its remedy. Exits with 0 only if
nothing is wrong; what is merely unwise is told and does not count.

  --root ROOT             the trust root: is the policy narrower, and signed by enough of its policy keys?
  --statement NOTE        the serial statement: is the policy current? (wants --root)
  --proof FILE            the log's proof: is the policy in a log of the root? (wants --root and a signed policy)
  --last-serial N         the highest serial that clients have seen
  --json                  one JSON object: ok, problems (code, message, remedy), attention
  -h, --help              this text`

export const check: Command = {
  summary: 'say everything that is wrong with a policy, and the remedy',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const wantsRoot = values.statement !== undefined || values.proof !== undefined
    if (wantsRoot && values.root === undefined) throw new UsageError('--statement and --proof: by which --root?')
    const text = await readText('FILE', onlyFile(positionals, 'FILE'), world)
    const found = await findings(text, await questionFrom(values, world))
    await world.out(values.json === true ? `${JSON.stringify(found)}\n` : told(found))
    return found.ok ? 0 : 1
  },
}

type Problem = { readonly code: RefusalCode; readonly message: string; readonly remedy: string }
type Findings = { readonly ok: boolean; readonly problems: readonly Problem[]; readonly attention: readonly string[] }

type Question = {
  readonly now: number
  readonly lastSerial: number
  readonly root: RootFields | undefined
  readonly statement: string | undefined
  readonly proof: string | undefined
}

async function questionFrom(
  values: { readonly [K in 'root' | 'statement' | 'proof' | 'last-serial']?: string },
  world: World,
): Promise<Question> {
  const textFrom = async (option: 'statement' | 'proof') => {
    const path = values[option]
    return path === undefined ? undefined : readText(option, path, world)
  }
  return {
    now: world.now(),
    lastSerial: wholeNumber('last-serial', values['last-serial'] ?? '0', [0, Number.MAX_SAFE_INTEGER]),
    root: await rootFrom(values.root, world),
    statement: await textFrom('statement'),
    proof: await textFrom('proof'),
  }
}

/** Every question by itself, so that one answer hides no other; but a policy that cannot be read answers none. */
async function findings(text: string, question: Question): Promise<Findings> {
  let draft: Draft = { value: undefined }
  let policy: PolicyFields | undefined
  const unread = await refusals(() => {
    draft = readDraft(text)
    policy = readPolicyFields(draft.value)
  })
  if (policy === undefined) return { ok: false, problems: unread.map(problem), attention: [] }
  const problems: Refusal[] = []
  for (const ask of questionsOf(policy, draft, question)) problems.push(...(await refusals(ask)))
  const attention = [...policyConcerns(policy, question.now), ...unasked(draft, question)]
  return { ok: problems.length === 0, problems: problems.map(problem), attention }
}

type Ask = () => unknown

function questionsOf(policy: PolicyFields, draft: Draft, question: Question): readonly Ask[] {
  const { root, now, lastSerial, statement, proof } = question
  const own: readonly Ask[] = [
    () => checkPolicyTimes(policy, now),
    () => {
      if (policy.serial >= lastSerial) return
      throw new Refusal('rolled-back', `policy.serial ${policy.serial} after ${lastSerial}`)
    },
  ]
  if (root === undefined) return own
  const { note } = draft
  return [
    ...own,
    () => narrows(policy, root),
    ...(note === undefined ? [] : [() => verifyThreshold(note, root.policyKeys, root.policyThreshold)]),
    ...(statement === undefined ? [] : [() => stated(policy, statement, root, now)]),
    ...(proof === undefined ? [] : [() => logged(note, proof, root, now)]),
  ]
}

async function stated(policy: PolicyFields, statement: string, root: RootFields, now: number): Promise<void> {
  checkStated(policy, await verifyStatement(statement, { root, role: policy.role, now }))
}

async function logged(note: string | undefined, proof: string, root: RootFields, now: number): Promise<void> {
  if (note === undefined) throw new Refusal('unsigned', 'a draft is in no log')
  await verifyLoggedPolicy(await verifyPolicy(note, { root, now }), proof, { root, now })
}

function unasked({ note }: Draft, { root, statement, proof }: Question): readonly string[] {
  const questions: readonly (readonly [boolean, string])[] = [
    [note === undefined, 'not signed yet'],
    [root === undefined, 'not held against a trust root: give --root'],
    [note !== undefined && statement === undefined, 'not held against a serial statement: give --statement'],
    [note !== undefined && proof === undefined, 'not looked for in a log: give --proof'],
  ]
  return questions.filter(([holds]) => holds).map(([, words]) => words)
}

async function refusals(work: Ask): Promise<readonly Refusal[]> {
  try {
    await work()
    return []
  } catch (cause) {
    if (cause instanceof Refusal) return refusalsOf(cause)
    throw cause
  }
}

/** Of those whose message does not say already what must stand there. */
const remedies: Partial<Record<RefusalCode, string>> = {
  'bad-encoding': 'correct that place',
  'bad-signature': 'the text was changed after it was signed: take the original, or sign again',
  'checkpoint-rolled-back': 'take a newer proof from the log',
  'cosignature-from-future': 'set the clock of this machine',
  'malformed-note': 'take the file again as it was signed: a policy note, complete to its last line feed',
  'no-proof': 'put the leaf (policy explain) into a log of the root, and take its proof',
  'policy-expired': 'set notBefore and notAfter, at most 7 days apart, and have it signed again',
  'policy-widens': 'narrow that place, or have a new version of the root made (trust rotate)',
  'role-refused': 'make the statement for the role of this policy',
  'rolled-back': 'give it a higher serial and have it signed again',
  'root-expired': 'take the newest root, or have one made (trust rotate)',
  'root-mismatch': 'this proof is of another leaf: take that of this very text',
  'statement-from-future': 'set the clock of this machine',
  'statement-too-old': 'make a new one: asunder policy statement',
  unsigned: 'have more releasers sign: asunder policy sign',
}

function problem({ code, message }: Refusal): Problem {
  return { code, message, remedy: remedies[code] ?? 'see the message' }
}

function told({ ok, problems, attention }: Findings): string {
  const lines = [
    ...problems.map(({ code, message, remedy }) => `${code}: ${message}\n  ${remedy}`),
    ...attention.map((one) => `attention: ${one}`),
    ...(ok ? ['nothing is wrong'] : []),
  ]
  return `${lines.join('\n')}\n`
}
