/** `asunder audit`: whether a service's record of security events still is what was written, and its head to be kept elsewhere. */
import { headOf, verifyRecord, type Verified, type Why } from '../../observability/audit/verify.ts'
import { group, UsageError, Failure, type Command, type World } from './command.ts'
import { parsed, reasonOf } from './connection.ts'

const options = {
  head: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder audit verify FILE [--head HASH]

Walks the record of security events that a relay or gateway writes (its setting audit), and names the first line that was
edited, dropped, moved or repeated. Exits with 0 only if every line stands.

What a record cannot tell by itself is that its last lines are gone, or that somebody wrote all of it anew. Therefore keep
its head, which is printed here, where who runs the service cannot change it: publish it, mail it, print it. A later run
with --head says whether the record still holds it.

  --head HASH   a head that an earlier run printed (64 hex digits)
  --json        print one JSON object
  -h, --help    this text`

const words: Record<Why, string> = {
  damaged: 'is no entry',
  edited: 'was edited: its hash is another one',
  'unknown-event': 'has an event, service or field that no service writes',
  headless: 'is not the first entry of a record: those before it are gone',
  gap: 'has a later number than its turn: entries before it are gone, or it was moved up',
  repeated: 'has a number that was there already: it was repeated or moved down',
  unlinked: 'follows another entry than the one before it: one of the two was written anew',
  unfinished: 'has no end: a crash cut it. The service owns up to it at its next start; nobody has yet',
}

const verify: Command = {
  summary: 'name the first line of a record that does not stand, and print its head',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const [file, ...more] = positionals
    if (file === undefined || more.length > 0) throw new UsageError('give one record; see asunder audit verify --help')
    const head = values.head === undefined ? undefined : headGiven(values.head)
    const found = verifyRecord(await textOf(file, world))
    const kept = head === undefined || found.hashes.includes(head)
    await world.out(values.json === true ? asJson(found, kept) : explained(found, head, kept))
    return found.broken === undefined && found.entries.length > 0 && kept ? 0 : 1
  },
}

export const audit: Command = group(
  'audit',
  "check a service's record of security events",
  'Relay and gateway record changes of keys, policy, attestation and configuration where their settings name a file (audit).',
  { verify },
)

// What a crash left need not be text.
async function textOf(file: string, world: World): Promise<string> {
  try {
    return new TextDecoder().decode(await world.readFile(file))
  } catch (cause) {
    throw new Failure(`cannot read ${file}: ${reasonOf(cause)}`, { cause })
  }
}

function headGiven(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text
  throw new UsageError('--head: 64 small hex digits, as audit verify prints them')
}

function explained(found: Verified, head: string | undefined, kept: boolean): string {
  const { entries, torn, broken } = found
  const last = entries.at(-1)
  const until = last === undefined ? '' : `, the last one at ${last.time}`
  return lines(
    broken === undefined ? undefined : `BROKEN: line ${String(broken.line)} ${words[broken.why]}`,
    entries.length === 0 ? 'EMPTY: no entry stands' : `${String(entries.length)} entries stand${until}`,
    torn === 0 ? undefined : `${String(torn)} torn by a crash, owned up to by the entry that follows`,
    head === undefined ? undefined : kept ? 'the given head is there: all before it is as it was' : lostHead,
    `head: ${headOf(found)}`,
  )
}

const lostHead = 'LOST: the given head is not there: entries were cut off the end, or written anew'

function asJson(found: Verified, kept: boolean): string {
  const { entries, torn, broken } = found
  return `${JSON.stringify({ entries: entries.length, torn, head: headOf(found), broken, kept })}\n`
}

function lines(...each: readonly (string | undefined)[]): string {
  return each
    .filter((line) => line !== undefined)
    .map((line) => `${line}\n`)
    .join('')
}
