/** `asunder trust init`: the first version of a trust root. trust.md 1 and 7. */
import { readRootFields, rootJson, type RootFields } from '../../attestation/root-fields.ts'
import { products } from '../../attestation/sev-snp/products.ts'
import { signRoot } from '../../attestation/trust-root.ts'
import { generateSigningKey, readSigner, type Signer } from '../../tlog/signer.ts'
import { Failure, UsageError, type Command, type World } from './command.ts'
import { parsed, reasonOf } from './connection.ts'
import { emit, outputHelp, outputOption, wordFrom } from './output.ts'
import { keyOption, signersFrom } from './signing.ts'
import { secretFile } from './trust-keygen.ts'
import { endOf, majority, rootChanges, rootHelp, rootOptions, type RootValues } from './trust-options.ts'
import { sayWhatIsMissing } from './trust-signatures.ts'

const options = {
  ...rootOptions,
  ...keyOption,
  ...outputOption,
  use: { type: 'string' },
  name: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder trust init --use production --key FILE... --root-key KEY... [options]
       asunder trust init --use development [options]

Makes the first version of a trust root: the file that the application ships, and that says whose signatures count.
In production every key is made by whoever holds it (trust keygen), and only verifier keys come here. In development
each kind of key that is not given is made, its secret in a file of its own.

  --use WORD              production or development; nothing takes one for the other
  --key FILE              sign with this root key (repeat; others can follow with trust sign)
  --name NAME             development: what the names of new keys begin with (default: development)
${outputHelp}
  -h, --help              this text

${rootHelp}`

export const init: Command = {
  summary: 'make the first version of a trust root',
  help,
  async run(args, world) {
    const { values } = parsed(args, options)
    const use = wordFrom('use', values.use ?? '', ['production', 'development'])
    const given = await rootChanges(values, world)
    const made = use === 'development' ? await developmentKeys(values.name ?? 'development', values, world) : {}
    const fields = fieldsOf(use, { ...made.fields, ...given }, endOf(use, values.days, world))
    const signers = made.root === undefined ? await signersFrom(values.key, world) : [made.root]
    checkSigners(signers, fields)
    const note = await signRoot(fields, signers)
    await emit(note, values.output, world)
    await sayWhatIsMissing(note, [fields], world)
    return 0
  },
}

type Made = { readonly fields?: Partial<RootFields>; readonly root?: Signer }

const kinds = {
  'root-key': 'root',
  'bundle-key': 'bundle',
  'policy-key': 'policy',
  'timestamp-key': 'timestamp',
} as const

/** A key for each task that nobody was named for. The root's own is made only where nobody else shall sign. */
async function developmentKeys(name: string, given: RootValues & { key?: string[] }, world: World): Promise<Made> {
  const made: Record<string, Signer> = {}
  for (const [option, kind] of Object.entries(kinds)) {
    if (given[option as keyof typeof kinds] === undefined) made[`${kind}Keys`] = await newKey(`${name}-${kind}`, world)
  }
  const root = made['rootKeys']
  if (root !== undefined && given.key !== undefined) throw new UsageError('--key without --root-key: whose is it?')
  const fields = Object.fromEntries(Object.entries(made).map(([field, { key }]) => [field, [key]]))
  return { fields, ...(root === undefined ? {} : { root }) }
}

async function newKey(name: string, world: World): Promise<Signer> {
  const { skey } = await generateSigningKey(name)
  const path = secretFile(name)
  try {
    await world.create(path, `${skey}\n`)
  } catch (cause) {
    throw new Failure(`cannot make ${path}: ${reasonOf(cause)}; --name chooses another`, { cause })
  }
  world.say(`made ${path}`)
  return readSigner(skey)
}

function fieldsOf(use: RootFields['use'], given: Partial<RootFields>, notAfter: number): RootFields {
  const { rootKeys, bundleKeys, policyKeys, timestampKeys, ...others } = given
  if (!rootKeys || !bundleKeys || !policyKeys || !timestampKeys) throw new UsageError(missing(given))
  const logs = given.logs ?? []
  const defaults: Partial<RootFields> = {
    rootThreshold: majority(rootKeys),
    policyThreshold: majority(policyKeys),
    logs,
    witnesses: [],
    quorum: logs.length === 0 ? 0 : 3,
    vendorRoots: use === 'production' ? [products.Genoa.root, products.Turin.root] : [],
    minPolicySerial: 1,
    chips: 'allowlist',
    placements: logs.length === 0 ? ['front'] : ['inside', 'sealed'],
  }
  const keys = { rootKeys, bundleKeys, policyKeys, timestampKeys }
  // Read back, so that a rule that is broken is told before anybody signs.
  return readRootFields(rootJson({ version: 1, use, notAfter, ...keys, ...defaults, ...others } as RootFields))
}

function missing(given: Partial<RootFields>): string {
  const absent = Object.entries(kinds).filter(([, kind]) => given[`${kind}Keys`] === undefined)
  return `${absent.map(([option]) => `--${option}`).join(', ')}: who? give the verifier keys that trust keygen printed`
}

function checkSigners(signers: readonly Signer[], { rootKeys }: RootFields): void {
  const stranger = signers.find(({ key }) => !rootKeys.some(({ text }) => text === key.text))
  if (stranger !== undefined) throw new UsageError(`--key: ${stranger.name} is not among the --root-key`)
}
