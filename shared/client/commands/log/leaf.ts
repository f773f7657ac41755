/** `asunder log leaf`: the leaf of a release, a policy or a key list, made from the thing itself. */
import type { ParseArgsOptionsConfig } from 'node:util'
import { base64, hex } from '../../../bytes.ts'
import { Refusal } from '../../../refusal.ts'
import { UsageError, type Command, type World } from '../command.ts'
import { parsed } from '../connection.ts'
import { readRelease, releaseFields } from './release.ts'
import { fromFile, subjectOf, type Leaf } from './subject.ts'

const releaseOptions = Object.fromEntries(
  Object.values(releaseFields).map(({ option }) => [option, { type: 'string' }]),
) as Record<(typeof releaseFields)[keyof typeof releaseFields]['option'], { type: 'string' }>

const options = {
  ...releaseOptions,
  json: { type: 'boolean' },
  raw: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig

const rows = Object.entries(releaseFields)
const help = `Usage: asunder log leaf release [options]      a release, from options
       asunder log leaf release FILE           a release, from a JSON object
       asunder log leaf policy FILE            a policy, from its signed note
       asunder log leaf keys FILE              a key list, application/ohttp-keys as published

Makes what is put into the log, and the hash that a proof is checked against. Nothing is signed here.

${rows.map(([, { option, says }]) => `  --${option.padEnd(22)}${says}`).join('\n')}
  --json                  print one JSON object
  --raw                   print the data of the leaf and nothing else, for asunder log add --data -
  -h, --help              this text

Keys of the JSON object: ${rows.map(([name]) => name).join(', ')};
rtmr is a list of four, guestSvn a number. Each platform demands its own: sev-snp hostData, tdx mrConfigId and rtmr.`

export const leaf: Command = {
  summary: 'make the leaf of a release, a policy or a key list',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const { json = false, raw = false, ...fields } = values
    const made = await makeLeaf(positionals, fields, world)
    await world.out(raw ? made.data : json ? `${JSON.stringify(described(made))}\n` : explained(made))
    return 0
  },
}

type Fields = { readonly [name: string]: string | boolean | undefined }

async function makeLeaf([kind, file, ...more]: readonly string[], fields: Fields, world: World): Promise<Leaf> {
  const given = Object.keys(fields)
  if (kind !== 'release' && kind !== 'policy' && kind !== 'keys') {
    throw new UsageError('say what the leaf is of: release, policy or keys')
  }
  if (more.length > 0) throw new UsageError('give one file')
  if (file === undefined && kind === 'release') return releaseOf(fields)
  if (file === undefined) throw new UsageError(`give the file of the ${kind}`)
  if (given.length > 0) throw new UsageError(`--${given[0] ?? ''}: give a file or options, not both`)
  return fromFile(kind, file, world)
}

function releaseOf(fields: Fields): Leaf {
  const given = rows.flatMap(([name, { option }]) => {
    const text = fields[option]
    return typeof text === 'string' ? [[name, valueOf(name, text)]] : []
  })
  try {
    const { data, release } = readRelease(Object.fromEntries(given), (name) => `--${releaseFields[name].option}`)
    return { kind: 'release', data, notAfter: release.notAfter }
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new UsageError(cause.message, { cause })
  }
}

/** What JSON would say where an option can only be a text. */
function valueOf(name: string, text: string): unknown {
  if (name === 'rtmr') return text.split(',')
  return name === 'guestSvn' && /^\d+$/.test(text) ? Number(text) : text
}

function described(made: Leaf): object {
  return { kind: made.kind, data: base64(made.data), leafHash: hex(subjectOf(made).hash) }
}

function explained(made: Leaf): string {
  return `kind       ${made.kind}\ndata       ${base64(made.data)}\nleaf hash  ${hex(subjectOf(made).hash)}\n`
}
