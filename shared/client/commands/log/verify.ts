/** `asunder log verify`: may a tlog-proof be relied on, offline, and what exactly held. */
import type { Command } from '../command.ts'
import { UsageError } from '../command.ts'
import { parsed, readText } from '../connection.ts'
import { judgeProof, type Check, type ProofVerdict } from './checks.ts'
import { subjectFrom, subjectHelp, subjectOptions } from './subject.ts'
import { logTrust, trustHelp, trustOption } from './trust.ts'

const options = {
  ...subjectOptions,
  ...trustOption,
  leaf: { type: 'string' },
  fresh: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder log verify PROOF --trust ROOT (--leaf HASH | --release FILE | --policy FILE | --keys FILE | --data FILE)

Checks a tlog-proof without a network: the log's signature, a quorum of witness operators, their times, and that the
leaf is in the tree. Exits with 0 only if the proof may be relied on.

The leaf is what you have before you, never what the proof claims:
${subjectHelp}
  --leaf HASH             a leaf hash, as asunder log leaf prints it
${trustHelp}
  --fresh                 also demand cosignatures young enough for an anchor, 98 h. Without it their age is only said:
                          a proof holds until its leaf ends
  --json                  print one JSON object
  -h, --help              this text`

export const verify: Command = {
  summary: 'check a proof offline, and say what held',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const { trust, json = false, fresh = false } = values
    const [file, ...more] = positionals
    if (file === undefined || more.length > 0) throw new UsageError('give exactly one proof; see --help')
    const subject = await subjectFrom(values, world)
    const root = await logTrust(trust, world)
    const proof = await readText('proof', file, world)
    const verdict = await judgeProof({ proof, subject, root, now: world.now(), fresh })
    await world.out(json ? `${JSON.stringify(verdict)}\n` : explained(verdict, root.use))
    return verdict.relied ? 0 : 1
  },
}

function explained({ relied, checks }: ProofVerdict, use: string): string {
  const warning = use === 'development' ? ' (a development root: nothing about production)' : ''
  return `${checks.map(lineOf).join('')}${relied ? `may be relied on${warning}` : 'NOT to be relied on'}\n`
}

function lineOf({ check, result, says, code }: Check): string {
  return `${check.padEnd(11)} ${result.padEnd(8)} ${code === undefined ? '' : `${code}: `}${says}\n`
}
