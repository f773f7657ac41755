/** `asunder log init`, `add`, `checkpoint`, `prove`: a log on one's own disk, for development and named so. */
import { hex } from '../../../bytes.ts'
import { createDevelopmentLog, openDevelopmentLog, type DevelopmentLog } from '../../../development-log/log.ts'
import { openDevelopmentWitness, type DevelopmentWitness } from '../../../development-log/witness.ts'
import { leafHash } from '../../../tlog/merkle.ts'
import { consistencyText } from '../../../tlog/witness-request.ts'
import { UsageError, type Command } from '../command.ts'
import { parsed } from '../connection.ts'
import { onDisk, oneFolder } from './on-disk.ts'
import { leafFrom, subjectFrom, subjectHelp, subjectOptions } from './subject.ts'

const common = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
const commonHelp = `  --json                  print one JSON object
  -h, --help              this text`

const notProduction = `A development log keeps its key in a file and proves nothing to anybody else: its origin and its key say
development, and a production trust root that names it is refused.`

export const init: Command = {
  summary: 'make a development log in a folder',
  help: `Usage: asunder log init FOLDER --name NAME

Makes a development log: log.key (0600), log.db (append-only), and published/ (checkpoint and tiles for everybody).
${notProduction}

  --name NAME             lower-case letters, digits, dots, hyphens: the origin is development-log.invalid/NAME
${commonHelp}`,
  async run(args, world) {
    const { values, positionals } = parsed(args, { ...common, name: { type: 'string' } })
    const folder = oneFolder(positionals)
    if (values.name === undefined) throw new UsageError('--name is missing; the origin is development-log.invalid/NAME')
    const { name } = values
    const log = await onDisk(folder, 'log', () => createDevelopmentLog({ folder, name }))
    log.close()
    await world.out(values.json === true ? `${JSON.stringify(keyOf(log))}\n` : `${log.key.text}\n`)
    return 0
  },
}

export const add: Command = {
  summary: 'add a leaf to a development log',
  help: `Usage: asunder log add FOLDER (--release FILE | --policy FILE | --keys FILE | --data FILE)

Adds one leaf; one that is there already keeps its place. It can be proved once a checkpoint holds it.

${subjectHelp}
${commonHelp}`,
  async run(args, world) {
    const { values, positionals } = parsed(args, { ...common, ...subjectOptions })
    const { data } = await leafFrom(values, world)
    const index = await withLog(oneFolder(positionals), (log) => log.add(data))
    const hash = hex(leafHash(data))
    await world.out(values.json === true ? `${JSON.stringify({ index, leafHash: hash })}\n` : `${index} ${hash}\n`)
    return 0
  },
}

export const checkpoint: Command = {
  summary: 'sign the tree of a development log and have it cosigned',
  help: `Usage: asunder log checkpoint FOLDER [--witness FOLDER]...

Signs the tree as it is, asks every named development witness, publishes the checkpoint and prints it.

  --witness FOLDER        a development witness on this disk; may be given more than once
  -h, --help              this text`,
  async run(args, world) {
    const options = { help: common.help, witness: { type: 'string', multiple: true } } as const
    const { values, positionals } = parsed(args, options)
    const witnesses: DevelopmentWitness[] = []
    try {
      for (const folder of values.witness ?? []) {
        witnesses.push(
          await onDisk(folder, 'witness', () => openDevelopmentWitness({ folder, now: () => world.now() })),
        )
      }
      await world.out(await withLog(oneFolder(positionals), (log) => log.checkpoint(witnesses)))
    } finally {
      for (const witness of witnesses) witness.close()
    }
    return 0
  },
}

export const prove: Command = {
  summary: 'print a proof that a leaf is in a development log, or that it grew',
  help: `Usage: asunder log prove FOLDER (--leaf HASH | --release FILE | --policy FILE | --keys FILE | --data FILE)
       asunder log prove FOLDER --from SIZE

The first prints a tlog-proof for asunder log verify; the second the hashes for asunder log audit --proof, from a tree of
SIZE to the latest checkpoint.

${subjectHelp}
  --leaf HASH             a leaf hash
  --from SIZE             the size of the older tree
  -h, --help              this text`,
  async run(args, world) {
    const options = {
      help: common.help,
      ...subjectOptions,
      leaf: { type: 'string' },
      from: { type: 'string' },
    } as const
    const { values, positionals } = parsed(args, options)
    const { from } = values
    const folder = oneFolder(positionals)
    if (from !== undefined) {
      await world.out(await withLog(folder, (log) => consistencyText(log.consistency(sizeOf(from)))))
      return 0
    }
    const { hash } = await subjectFrom(values, world)
    await world.out(await withLog(folder, (log) => log.prove(hash)))
    return 0
  },
}

async function withLog<T>(folder: string, work: (log: DevelopmentLog) => T | Promise<T>): Promise<T> {
  const log = await onDisk(folder, 'log', () => openDevelopmentLog(folder))
  try {
    return await work(log)
  } finally {
    log.close()
  }
}

function keyOf({ origin, key }: DevelopmentLog): object {
  return { origin, key: key.text }
}

function sizeOf(text: string): number {
  if (!/^(?:0|[1-9]\d{0,14})$/.test(text)) throw new UsageError('--from: the size of a tree')
  return Number(text)
}
