/** `asunder fetch`: one HTTP request to the service behind the gateway, in the manner of curl. */
import { gather, pieces } from '../streams.ts'
import { utf8 } from '../../bytes.ts'
import type { FamilyChoice } from '../family.ts'
import { Failure, UsageError, type Command, type World } from './command.ts'
import { connect, connectionHelp, connectionOptions, parsed, reasonOf } from './connection.ts'

const options = {
  ...connectionOptions,
  request: { type: 'string', short: 'X' },
  header: { type: 'string', short: 'H', multiple: true },
  data: { type: 'string', short: 'd' },
  output: { type: 'string', short: 'o' },
  include: { type: 'boolean', short: 'i' },
  fail: { type: 'boolean', short: 'f' },
  family: { type: 'string' },
} as const

const help = `Usage: asunder fetch [options] URL

Sends one sealed request to a service behind the gateway and writes the body of its answer to standard output.

  -X, --request METHOD    the method (default: GET, with --data POST)
  -H, --header 'N: V'     a field; fields named here pass the seal even if they may identify you
  -d, --data DATA         the body; @FILE reads a file, @- standard input
  -o, --output FILE       write the body to FILE
  -i, --include           write status and fields before the body
  -f, --fail              exit with 1 if the status is 400 or above
  --family WORD           auto, standard or chunked (default: auto)

${connectionHelp}`

export const fetch: Command = {
  summary: 'send one sealed HTTP request, in the manner of curl',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const url = targetOf(positionals)
    const headers = (values.header ?? []).map(fieldOf)
    const family = familyOf(values.family ?? 'auto')
    const body = values.data === undefined ? null : await dataOf(values.data, world)
    const method = methodOf(values.request ?? (body === null ? 'GET' : 'POST'))
    const session = await connect(values, world, { family, keep: namesToKeep(headers) })
    try {
      const answer = await session.fetch(url, { method, headers, body, signal: session.signal })
      if (values.include === true) await world.out(headOf(answer))
      await write(answer, values.output, world)
      return values.fail === true && answer.status >= 400 ? 1 : 0
    } finally {
      await session.fetch.close()
    }
  },
}

function targetOf(positionals: readonly string[]): string {
  const [url, ...others] = positionals
  if (url === undefined || others.length > 0) throw new UsageError('give exactly one URL; see --help')
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') throw new UsageError('URL: must be an https address')
  return url
}

function methodOf(method: string): string {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(method)) throw new UsageError('--request: not a method')
  return method
}

function fieldOf(line: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/.exec(line) ?? []
  if (name === undefined || value === undefined) throw new UsageError(`--header: not 'Name: value': ${line}`)
  if (name.toLowerCase() === 'expect') throw new UsageError('--header: expect cannot travel in a sealed request')
  return [name, value]
}

/** What is typed by hand is meant; the library itself refuses names that have no meaning inside the seal. */
function namesToKeep(headers: readonly [string, string][]): string[] {
  return headers.map(([name]) => name)
}

function familyOf(word: string): FamilyChoice {
  if (word === 'auto' || word === 'standard' || word === 'chunked') return word
  throw new UsageError('--family: one of auto, standard, chunked')
}

async function dataOf(data: string, world: World): Promise<Uint8Array<ArrayBuffer>> {
  if (!data.startsWith('@')) return utf8(data)
  if (data === '@-') return gather(world.stdin, Number.MAX_SAFE_INTEGER)
  try {
    return new Uint8Array(await world.readFile(data.slice(1)))
  } catch (cause) {
    throw new Failure(`--data: cannot read ${data.slice(1)}: ${reasonOf(cause)}`, { cause })
  }
}

function headOf(answer: Response): string {
  const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}`)
  return [`HTTP ${answer.status}`, ...lines, '', ''].join('\n')
}

async function write(answer: Response, file: string | undefined, world: World): Promise<void> {
  const body = answer.body === null ? none() : pieces(answer.body)
  if (file !== undefined) await world.writeFile(file, body)
  else for await (const bytes of body) await world.out(bytes)
}

async function* none(): AsyncGenerator<Uint8Array> {
  // an answer without content
}
