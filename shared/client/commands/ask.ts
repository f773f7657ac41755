/** `asunder ask`: a text in, a chat completion out, token by token as it is opened. */
import { fromUtf8, utf8 } from '../../bytes.ts'
import { abortable, gather, pieces } from '../streams.ts'
import { Failure, UsageError, type Command, type World } from './command.ts'
import { connect, connectionHelp, connectionOptions, parsed, readText, reasonOf, type Session } from './connection.ts'
import { eventData } from './events.ts'
import { visible } from './visible.ts'

const options = {
  ...connectionOptions,
  app: { type: 'string' },
  model: { type: 'string' },
  system: { type: 'string' },
  task: { type: 'string' },
  file: { type: 'string', short: 'f' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
} as const

const help = `Usage: asunder ask [options] [TEXT...]

Seals a text for an attested service, sends it through a relay, and prints the answer as it arrives.
The text is what stands on the command line, or --file, or standard input.

  --task WORD             summarise or compose: sets the system message for you
  --system TEXT           the system message in your own words
  --model NAME            which model (default: "default")
  --app URL               the service behind the gateway (default: ASUNDER_APP or https://app.asunder.example)
  -f, --file FILE         read the text from FILE
  --json                  print the complete answer as one JSON object instead of streaming its text
  -q, --quiet             no line about what was verified

${connectionHelp}

Examples:
  asunder ask --task summarise --file letter.txt
  echo "Tell Ana that I will be late" | asunder ask --task compose`

const tasks: Readonly<Record<string, string>> = {
  summarise: 'Summarise the text that the user sends.',
  compose: 'Compose a message from the notes that the user sends.',
}

export const ask: Command = {
  summary: 'send a text to an attested service and print its answer',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const system = systemFor(values.task, values.system)
    const url = completionsUrl(values.app ?? world.env('ASUNDER_APP') ?? 'https://app.asunder.example')
    const session = await connect(values, world)
    try {
      const text = await question(positionals, values.file, world)
      if (values.quiet !== true) await explain(session, world)
      const body = { model: values.model ?? 'default', stream: values.json !== true, messages: messages(system, text) }
      const answer = await post(session, url, body)
      if (values.json === true) await world.out(`${await answer.text()}\n`)
      else await stream(answer, world)
      return 0
    } finally {
      await session.fetch.close()
    }
  },
}

function systemFor(task: string | undefined, system: string | undefined): string | undefined {
  if (task === undefined) return system
  if (system !== undefined) throw new UsageError('--task and --system both set the system message; give one')
  const words = tasks[task]
  if (words === undefined) throw new UsageError(`--task: one of ${Object.keys(tasks).join(', ')}`)
  return words
}

function completionsUrl(app: string): URL {
  if (!URL.canParse(app)) throw new UsageError('--app: not a URL')
  return new URL('/v1/chat/completions', app)
}

async function question(words: readonly string[], file: string | undefined, world: World): Promise<string> {
  if (file !== undefined && words.length > 0) throw new UsageError('--file: give a file or a text, not both')
  if (file !== undefined) return readText('file', file, world)
  if (words.length > 0 && words.join(' ') !== '-') return words.join(' ')
  if (world.stdin.isTTY === true) throw new UsageError('no text; write it behind the options, or use --file or a pipe')
  return typed(world)
}

async function typed(world: World): Promise<string> {
  try {
    return fromUtf8(await gather(world.stdin, 64 * 1024 * 1024))
  } catch (cause) {
    throw new Failure(`standard input cannot be read as text: ${reasonOf(cause)}`, { cause })
  }
}

function messages(system: string | undefined, text: string): unknown[] {
  const user = { role: 'user', content: text }
  return system === undefined ? [user] : [{ role: 'system', content: system }, user]
}

async function explain({ fetch, signal }: Session, world: World): Promise<void> {
  const { placement, operatorTrusted, serial, use, attested } = await abortable(fetch.ready(), signal)
  const trusted = operatorTrusted ? ', the gateway operator is trusted' : ''
  world.say(world.paint('dim', `sealed: placement ${placement}${trusted}; bundle ${serial}, ${use} root`))
  if (attested === undefined) return
  const { age, cvms, policy, simulated } = attested
  const kind = simulated ? 'SIMULATED evidence' : 'evidence'
  world.say(
    world.paint(
      'dim',
      `judged: ${kind} of ${cvms === 1 ? '1 CVM' : `${cvms} CVMs`}, ${age}, under policy ${policy.serial} for ${policy.role}`,
    ),
  )
}

async function post({ fetch, signal }: Session, url: URL, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal })
  if (answer.ok) return answer
  throw new Failure(`the service answered ${answer.status}: ${visible((await answer.text()).slice(0, 500))}`)
}

async function stream(answer: Response, world: World): Promise<void> {
  if (answer.body === null) return
  let last = '\n'
  for await (const data of eventData(pieces(answer.body))) {
    const text = data === '[DONE]' ? '' : deltaOf(data)
    if (text === '') continue
    await world.out(world.outIsTTY ? visible(text) : utf8(text))
    last = text
  }
  if (!last.endsWith('\n')) await world.out('\n')
}

function deltaOf(data: string): string {
  const event = readEvent(data)
  if (event.error !== undefined) throw new Failure(`the service failed: ${visible(JSON.stringify(event.error))}`)
  return event.choices?.[0]?.delta?.content ?? ''
}

type Event = {
  readonly choices?: { readonly delta?: { readonly content?: string | null } }[]
  readonly error?: unknown
}

function readEvent(data: string): Event {
  try {
    return JSON.parse(data) as Event
  } catch (cause) {
    throw new Failure('the service sent an event that is not JSON; is --app an OpenAI-compatible service?', { cause })
  }
}
