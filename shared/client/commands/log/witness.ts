/** `asunder log witness`: a witness on one's own disk, for development logs alone. C2SP tlog-witness. */
import { cosignatureKinds } from '../../../development-log/keys.ts'
import {
  createDevelopmentWitness,
  openDevelopmentWitness,
  type DevelopmentWitness,
} from '../../../development-log/witness.ts'
import { fromUtf8, utf8 } from '../../../bytes.ts'
import { Refusal, refuseAs } from '../../../refusal.ts'
import { conflictName, conflictText } from '../../../tlog/conflict.ts'
import { parseKey } from '../../../tlog/key.ts'
import type { LogKey } from '../../../tlog/policy.ts'
import { gather } from '../../streams.ts'
import { group, UsageError, type Command, type World } from '../command.ts'
import { parsed, readText } from '../connection.ts'
import { onDisk, oneFolder } from './on-disk.ts'

const helpOption = { help: { type: 'boolean', short: 'h' } } as const
const logOption = { log: { type: 'string', multiple: true } } as const
const logHelp = `  --log KEY               the key of a development log, as asunder log init prints it; may be given more than once`

const init: Command = {
  summary: 'make a development witness in a folder',
  help: `Usage: asunder log witness init FOLDER --name NAME --log KEY...

Makes witness.key (0600) and witness.db, which remembers the last tree of each log. Prints the witness's key.

  --name NAME             the key is named development-witness.invalid/NAME
${logHelp}
  --kind WORD             ed25519 or ml-dsa-44 (default: ed25519)
  -h, --help              this text`,
  async run(args, world) {
    const kindOption = { name: { type: 'string' }, kind: { type: 'string' } } as const
    const { values, positionals } = parsed(args, { ...helpOption, ...logOption, ...kindOption })
    const folder = oneFolder(positionals)
    if (values.name === undefined)
      throw new UsageError('--name is missing; the key is development-witness.invalid/NAME')
    const options = { folder, name: values.name, kind: kindOf(values.kind ?? 'ed25519'), now: () => world.now() }
    const logs = (values.log ?? []).map(logOf)
    if (logs.length === 0) throw new UsageError('--log is missing: a witness cosigns the logs that it is told of')
    const witness = await onDisk(folder, 'witness', () => createDevelopmentWitness(options))
    return told(witness, world, () => {
      for (const log of logs) witness.accept(log)
      return `${witness.key.text}\n`
    })
  },
}

const accept: Command = {
  summary: 'tell a development witness of another log',
  help: `Usage: asunder log witness accept FOLDER --log KEY...

${logHelp}
  -h, --help              this text`,
  async run(args, world) {
    const { values, positionals } = parsed(args, { ...helpOption, ...logOption })
    const logs = (values.log ?? []).map(logOf)
    if (logs.length === 0) throw new UsageError('--log is missing')
    const witness = await opened(oneFolder(positionals), world)
    return told(witness, world, () => {
      for (const log of logs) witness.accept(log)
      return `${witness.key.text}\n`
    })
  },
}

const cosign: Command = {
  summary: 'cosign a checkpoint if it follows from the last one',
  help: `Usage: asunder log witness cosign FOLDER REQUEST

Reads an add-checkpoint request of C2SP tlog-witness from a file, or from standard input if REQUEST is "-", and prints the
cosignature line. Refuses whatever is smaller than, or contradicts, the last checkpoint of that log; what contradicts
is kept in FOLDER as evidence.

  -h, --help              this text`,
  async run(args, world) {
    const { positionals } = parsed(args, helpOption)
    const [folder, file, ...more] = positionals
    if (folder === undefined || file === undefined || more.length > 0) {
      throw new UsageError('give the folder of the witness and a request; see --help')
    }
    const witness = await opened(folder, world)
    const request = file === '-' ? fromUtf8(await gather(world.stdin, 4 << 20)) : await readText('request', file, world)
    return told(witness, world, () =>
      witness.cosign(request).catch((cause: unknown) => accused(cause, witness, folder, world)),
    )
  },
}

export const witness: Command = group(
  'log witness',
  'make and ask a development witness',
  `A development witness keeps its key in a file. It cosigns development logs and no others, and a production trust root
that names it is refused.`,
  { init, accept, cosign },
)

function opened(folder: string, world: World): Promise<DevelopmentWitness> {
  return onDisk(folder, 'witness', () => openDevelopmentWitness({ folder, now: () => world.now() }))
}

async function told(witness: DevelopmentWitness, world: World, work: () => string | Promise<string>): Promise<0> {
  try {
    await world.out(await work())
    return 0
  } finally {
    witness.close()
  }
}

/** Two notes that contradict each other go into a file beside the witness, so that they can be shown. */
async function accused(cause: unknown, from: DevelopmentWitness, folder: string, world: World): Promise<never> {
  const conflict = from.conflicts().at(-1)
  if (cause instanceof Refusal && conflict?.code === cause.code) {
    const file = `${folder}/${conflictName(conflict)}`
    await world.writeFile(file, ReadableStream.from([utf8(conflictText(conflict))]))
    world.say(`both checkpoints are in ${file}`)
  }
  throw cause
}

function kindOf(word: string): (typeof cosignatureKinds)[keyof typeof cosignatureKinds] {
  if (Object.hasOwn(cosignatureKinds, word)) return cosignatureKinds[word as keyof typeof cosignatureKinds]
  throw new UsageError(`--kind: one of ${Object.keys(cosignatureKinds).join(', ')}`)
}

/** The origin of a development log is the name of its key. */
function logOf(text: string): LogKey {
  try {
    const key = refuseAs('bad-encoding', () => parseKey(text))
    if (key.kind === 'note') return { origin: key.name, key }
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
  }
  throw new UsageError('--log: not the key of a log')
}
