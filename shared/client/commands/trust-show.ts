/** `asunder trust show`: a root in words, its fingerprints, what is wrong with it and what will be. trust.md 1. */
import type { RootFields } from '../../attestation/root-fields.ts'
import { checkSuccession } from '../../attestation/trust-root.ts'
import { Refusal } from '../../refusal.ts'
import { UsageError, type Command, type ExitCode, type World } from './command.ts'
import { parsed, readText } from './connection.ts'
import { told } from './failure.ts'
import { table, type Row } from './output.ts'
import { signedBy } from './signing.ts'
import { readRootNote } from './trust-signatures.ts'
import { fingerprint, rootConcerns, rootRows } from './trust-words.ts'

const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const

const help = `Usage: asunder trust show [options] ROOT [NEXT...]

Explains a trust root: who may say what, until when, under which fingerprints, and what is wrong or about to end. With
later versions after it, in order, checks that each follows the one before and explains the last. Exits with 0 only if
nothing is wrong; what is merely unwise is told and does not count.

  --json                  one JSON object: version, use, notAfter, fingerprint, wrong, attention
  -h, --help              this text`

export const show: Command = {
  summary: 'explain a root: fingerprints, what is wrong, what is about to end',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    if (positionals.length === 0)
      throw new UsageError('give the file of a root, and of later versions if there are any')
    const notes = await Promise.all(positionals.map((path) => readText('ROOT', path, world)))
    return explain(notes, values.json === true, world)
  },
}

async function explain(notes: readonly string[], json: boolean, world: World): Promise<ExitCode> {
  const note = notes.at(-1) ?? ''
  const [root, now] = [readRootNote(note), world.now()]
  const ended = now >= root.notAfter ? [`version ${root.version} ended: carry a newer one`] : []
  const wrong = [...(await chainFaults(notes)), ...ended]
  const attention = rootConcerns(root, now)
  const rows = rootRows(note, root, await signedBy(note, root.rootKeys), now)
  await world.out(
    json ? `${JSON.stringify(summary(note, root, { wrong, attention }))}\n` : words(rows, wrong, attention),
  )
  return wrong.length === 0 ? 0 : 1
}

function words(rows: readonly Row[], wrong: readonly string[], attention: readonly string[]): string {
  return table([
    ...rows,
    ...wrong.map((one): Row => ['wrong', one]),
    ...attention.map((one): Row => ['attention', one]),
  ])
}

function summary(note: string, { version, use, notAfter }: RootFields, found: object): object {
  return { version, use, notAfter, fingerprint: fingerprint(note), ...found }
}

/** What nothing may rest on: each version by its own keys, and each but the first by those of the one before. */
async function chainFaults(notes: readonly string[]): Promise<readonly string[]> {
  const faults: string[] = []
  for (const [at, note] of notes.entries()) {
    const before = notes[at - 1]
    const [root, old] = [readRootNote(note), before === undefined ? undefined : readRootNote(before)]
    if (old !== undefined) faults.push(...broken(() => checkSuccession(old, root)))
    for (const one of old === undefined ? [root] : [old, root]) faults.push(...(await fewSignatures(note, root, one)))
  }
  return faults
}

async function fewSignatures(note: string, { version }: RootFields, by: RootFields): Promise<readonly string[]> {
  const { length } = await signedBy(note, by.rootKeys)
  if (length >= by.rootThreshold) return []
  return [
    `version ${version} has ${length} of ${by.rootThreshold} signatures by the root keys of version ${by.version}`,
  ]
}

function broken(rule: () => void): readonly string[] {
  try {
    rule()
    return []
  } catch (cause) {
    if (cause instanceof Refusal) return [told(cause)]
    throw cause
  }
}
