/** `asunder trust rotate` and `asunder trust sign`: the next version of a root, and one signature more. trust.md 1. */
import { readRootFields, rootJson, type RootFields } from '../../attestation/root-fields.ts'
import { checkSuccession, signRoot, verifyRoot } from '../../attestation/trust-root.ts'
import type { Signer } from '../../tlog/signer.ts'
import { UsageError, type Command } from './command.ts'
import { parsed, readText } from './connection.ts'
import { emit, onlyFile, outputHelp, outputOption } from './output.ts'
import { keyOption, signersFrom, withSignatures } from './signing.ts'
import { endOf, majority, rootChanges, rootHelp, rootOptions } from './trust-options.ts'
import { readRootNote, sayWhatIsMissing } from './trust-signatures.ts'

const own = { ...keyOption, ...outputOption, help: { type: 'boolean', short: 'h' } } as const

const rotateHelp = `Usage: asunder trust rotate [options] --key FILE... ROOT

Makes the version that follows ROOT: as it was, but for what the options say, and with a new end. Options that list
keys replace the whole list. It takes a threshold of the old root keys (who says what follows) and one of the new (their
keys work); those who are elsewhere follow with trust sign --previous ROOT.

  --key FILE              sign with this root key, old or new (repeat)
${outputHelp}
  -h, --help              this text

${rootHelp}`

export const rotate: Command = {
  summary: 'make the version that follows a root, signed by old and new keys',
  help: rotateHelp,
  async run(args, world) {
    const { values, positionals } = parsed(args, { ...rootOptions, ...own })
    const signers = await signersFrom(values.key, world)
    const old = await verifyRoot(await readText('ROOT', onlyFile(positionals, 'ROOT'), world))
    const given = await rootChanges(values, world)
    const fields = following(old, given, endOf(old.use, values.days, world))
    checkSigners(signers, [old, fields])
    const note = await signRoot(fields, signers)
    await emit(note, values.output, world)
    await sayWhatIsMissing(note, [old, fields], world)
    return 0
  },
}

const signHelp = `Usage: asunder trust sign --key FILE [--previous ROOT] NOTE

Adds your signature to a root that others have made or signed, after reading it as clients do. See trust show NOTE first:
what you sign is what the application will believe.

  --key FILE              your signing key (repeat if you hold several)
  --previous ROOT         the version before it, where you sign as one of its root keys
${outputHelp}
  -h, --help              this text`

export const sign: Command = {
  summary: 'add a signature to a root',
  help: signHelp,
  async run(args, world) {
    const { values, positionals } = parsed(args, { ...own, previous: { type: 'string' } })
    const signers = await signersFrom(values.key, world)
    const note = await readText('NOTE', onlyFile(positionals, 'NOTE'), world)
    const fields = readRootNote(note)
    const before =
      values.previous === undefined ? [] : [await verifyRoot(await readText('previous', values.previous, world))]
    for (const old of before) checkSuccession(old, fields)
    checkSigners(signers, [...before, fields])
    const signed = await withSignatures(note, signers)
    await emit(signed, values.output, world)
    await sayWhatIsMissing(signed, [...before, fields], world)
    return 0
  },
}

function following(old: RootFields, given: Partial<RootFields>, notAfter: number): RootFields {
  const thresholds = {
    ...(given.rootKeys && { rootThreshold: majority(given.rootKeys) }),
    ...(given.policyKeys && { policyThreshold: majority(given.policyKeys) }),
  }
  const fields = readRootFields(rootJson({ ...old, ...thresholds, ...given, notAfter, version: old.version + 1 }))
  checkSuccession(old, fields)
  return fields
}

function checkSigners(signers: readonly Signer[], roots: readonly RootFields[]): void {
  const keys = new Set(roots.flatMap(({ rootKeys }) => rootKeys.map(({ text }) => text)))
  const stranger = signers.find(({ key }) => !keys.has(key.text))
  if (stranger !== undefined)
    throw new UsageError(`--key: ${stranger.name} is no root key here; --previous or --root-key?`)
}
