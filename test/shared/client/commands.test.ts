/** The command `asunder` without its process: data on one side, diagnostics on the other, exit codes that mean something. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import type { World } from '../../../shared/client/commands/command.ts'
import { eventData } from '../../../shared/client/commands/events.ts'
import { main } from '../../../shared/client/commands/main.ts'
import { operator } from './operator.ts'
import { newTerminal, type Terminal } from './terminal.ts'
import { serve, town, type Town } from './town.ts'

let pair: Town
let terminal: Terminal

beforeEach(async () => {
  pair = await town()
  terminal = newTerminal()
  terminal.files.set('root.note', utf8(pair.operator.root))
})

afterEach(() => pair.close())

const connection = (): string[] => [
  ...['--relay', pair.url, '--trust', 'root.note', '--placement', 'front', '--memory', 'none', '--plaintext-loopback'],
]

const run = (...args: string[]): Promise<number> => main(args, terminal)

describe('help and usage', () => {
  test.each([
    ['--help'],
    ['ask', '--help'],
    ['bundle', '-h'],
    ['fetch', '--help'],
    ['token', 'show', '--help'],
    ['--version'],
  ])('%s %s goes to standard output and exits with 0', async (...args) => {
    expect(await run(...args)).toBe(0)
    expect(terminal.shown.out.length).toBeGreaterThan(4)
    expect(terminal.shown.err).toBe('')
  })

  test.each([
    [[], 'Usage'],
    [['tell'], 'no command "tell"'],
    [['ask', '--colour', 'x'], "Unknown option '--colour'"],
    [['ask', 'hello'], '--relay is missing; give it, or set ASUNDER_RELAY'],
    [['ask', '--relay', 'here', 'hello'], '--trust is missing'],
    [['ask', '--task', 'sing', 'hello'], '--task: one of summarise, compose'],
    [['ask', '--task', 'compose', '--system', 'x', 'hello'], '--task and --system'],
    [['fetch'], 'exactly one URL'],
    [['fetch', 'http://app.asunder.example/'], 'https'],
    [['fetch', '--header', 'nothing', 'https://app.asunder.example/'], '--header'],
    [['fetch', '--family', 'big', 'https://app.asunder.example/'], '--family'],
    [['token'], 'token needs a command'],
    [['token', 'buy', '--issuer', 'x'], 'token has no command "buy"'],
    [['token', 'fetch', 'all', '--issuer', 'x'], 'not an option: all'],
    [['token', 'fetch', '--issuer', 'x', '--batches', '33'], '--batches: from 1 to 32'],
    [['token', 'fetch'], '--issuer is missing'],
    [['token', 'fetch', '--issuer', 'root.note'], '--issuer: root.note: issuer: not JSON'],
  ])('%j is a usage error that names what to do', async (args, words) => {
    expect(await run(...args)).toBe(2)
    expect(terminal.shown.err).toContain(words)
    expect(terminal.shown.out).toBe('')
  })

  test.each([
    [['--relay', 'here'], '--relay: not a URL'],
    [['--relay', 'http://relay.example/'], '--relay: http is for loopback'],
    [['--placement', 'anywhere'], '--placement:'],
    [['--timeout', 'soon'], '--timeout'],
  ])('%j: a wrong connection option is named', async (args, words) => {
    expect(await run('bundle', ...connection(), ...args)).toBe(2)
    expect(terminal.shown.err).toContain(words)
  })

  test.each([
    [['-X', 'GE T'], '--request: not a method'],
    [['-X', 'TRACE'], 'TRACE cannot be sealed'],
    [['-X', 'GET', '-d', 'x'], 'a GET request has no body'],
    [['-H', 'Host: other'], '--header: `host` cannot be let through'],
  ])('fetch %j: a request that makes no sense is named, without a stack', async (args, words) => {
    expect(await run('fetch', ...connection(), ...args, 'https://app.asunder.example/')).toBe(2)
    expect(terminal.shown.err).toContain(words)
    expect(terminal.shown.err.trim().split('\n').length).toBe(1)
  })

  test('plain HTTP needs its switch', async () => {
    const plain = connection().filter((arg) => arg !== '--plaintext-loopback')
    expect(await run('bundle', ...plain)).toBe(2)
    expect(terminal.shown.err).toContain('--plaintext-loopback')
  })

  test('the environment can name relay, trust and placement', async () => {
    const names: Record<string, string> = {
      ...{ ASUNDER_RELAY: pair.url, ASUNDER_TRUST: 'root.note', ASUNDER_PLACEMENT: 'front' },
    }
    const files = terminal.files
    terminal = { ...newTerminal({ env: (name) => names[name] }) }
    for (const [name, file] of files) terminal.files.set(name, file)
    expect(await run('bundle', '--memory', 'none', '--plaintext-loopback')).toBe(0)
  })
})

describe('ask', () => {
  beforeEach(() => {
    pair.app = (request) => {
      const body = JSON.parse(fromUtf8(request.content)) as { stream: boolean }
      if (!body.stream) return { content: '{"choices":[{"message":{"content":"whole"}}]}' }
      return { headers: [['content-type', 'text/event-stream']], content: events('One', ' two', '\u001b[31m three') }
    }
  })

  test('streams the answer to standard output, and says on standard error what was verified', async () => {
    expect(await run('ask', ...connection(), '--task', 'summarise', 'a', 'long', 'text')).toBe(0)
    expect(terminal.shown.out).toBe('One two\u001b[31m three\n')
    expect(terminal.shown.err).toContain('placement front')
    const body = JSON.parse(fromUtf8(pair.opened[0]?.content ?? new Uint8Array())) as { messages: unknown[] }
    expect(body.messages).toEqual([
      { role: 'system', content: 'Summarise the text that the user sends.' },
      { role: 'user', content: 'a long text' },
    ])
  })

  test('a terminal gets no control characters', async () => {
    const { files } = terminal
    terminal = newTerminal({ outIsTTY: true })
    terminal.files.set('root.note', files.get('root.note') ?? new Uint8Array())
    expect(await run('ask', ...connection(), '--quiet', 'hello')).toBe(0)
    expect(terminal.shown).toEqual({ out: 'One two\ufffd[31m three\n', err: '' })
  })

  test('--json gives the whole answer as one object', async () => {
    expect(await run('ask', ...connection(), '--quiet', '--json', 'hello')).toBe(0)
    expect(JSON.parse(terminal.shown.out)).toEqual({ choices: [{ message: { content: 'whole' } }] })
  })

  test.each([
    ['a file', ['--file', 'letter.txt']],
    ['standard input', []],
    ['standard input, said aloud', ['-']],
  ])('the text comes from %s', async (_name, args) => {
    const root = terminal.files.get('root.note') ?? new Uint8Array()
    terminal = newTerminal({ typed: 'dear Ana' })
    terminal.files.set('root.note', root).set('letter.txt', utf8('dear Ana'))
    expect(await run('ask', ...connection(), '--app', 'https://other.example', ...args)).toBe(0)
    expect(pair.opened[0]?.authority).toBe('other.example')
    expect(fromUtf8(pair.opened[0]?.content ?? new Uint8Array())).toContain('dear Ana')
  })

  test('the service’s own refusal is shown and exits with 1', async () => {
    pair.app = () => ({ status: 404, content: 'no such model' })
    expect(await run('ask', ...connection(), '--quiet', '--model', 'big', 'hello')).toBe(1)
    expect(terminal.shown.err).toBe('asunder: the service answered 404: no such model\n')
  })

  test('an answer cut short exits with 1 and keeps what was genuine', async () => {
    pair.cut = true
    expect(await run('ask', ...connection(), '--quiet', 'hello')).toBe(1)
    expect(terminal.shown.out).toContain('One two')
    expect(terminal.shown.err).toContain('answer-truncated')
  })

  test('events that are no chat completion, and text that is none, are named without a stack', async () => {
    pair.app = () => ({ content: 'data: <html>\n\n' })
    expect(await run('ask', ...connection(), '--quiet', 'hello')).toBe(1)
    expect(terminal.shown.err).toBe(
      'asunder: the service sent an event that is not JSON; is --app an OpenAI-compatible service?\n',
    )
    const root = terminal.files.get('root.note') ?? new Uint8Array()
    terminal = newTerminal({ stdin: ReadableStream.from([Uint8Array.of(0xff)]) as unknown as World['stdin'] })
    terminal.files.set('root.note', root)
    expect(await run('ask', ...connection(), '--quiet')).toBe(1)
    expect(terminal.shown.err).toContain('standard input cannot be read as text')
  })

  test('--timeout gives up', async () => {
    pair.onPost = () => new Promise(() => undefined)
    expect(await run('ask', ...connection(), '--quiet', '--timeout', '0.1', 'hello')).toBe(1)
    expect(terminal.shown.err).toContain('--timeout')
  })

  test('an interruption exits with 130', async () => {
    const root = terminal.files.get('root.note') ?? new Uint8Array()
    const interrupted = new AbortController()
    terminal = newTerminal({ signal: interrupted.signal })
    terminal.files.set('root.note', root)
    pair.onPost = () => {
      interrupted.abort()
      return new Promise(() => undefined)
    }
    expect(await run('ask', ...connection(), '--quiet', 'hello')).toBe(130)
  })
})

describe('bundle', () => {
  test('explains what was verified and what was not', async () => {
    expect(await run('bundle', ...connection())).toBe(0)
    expect(terminal.shown.out).toMatch(/^placement +front \(the gateway's operator is trusted\)\nbundle +serial 7/)
    expect(terminal.shown.out).toContain('not verified')
  })

  test('--json is the verdict', async () => {
    expect(await run('bundle', ...connection(), '--json')).toBe(0)
    expect(JSON.parse(terminal.shown.out)).toMatchObject({ serial: 7, operatorTrusted: true })
  })

  test('an unverified bundle exits with 1, names option and remedy, and prints no data', async () => {
    pair.bundle = await (await operator()).bundle({ keys: Uint8Array.of(0) })
    expect(await run('bundle', ...connection())).toBe(1)
    expect(terminal.shown.out).toBe('')
    expect(terminal.shown.err).toMatch(/^asunder: bundle-unverified: .+\n {2}--trust: nothing was sent/)
  })

  test('a root that cannot be read names its option', async () => {
    expect(await run('bundle', ...connection(), '--trust', 'lost.note')).toBe(1)
    expect(terminal.shown.err).toContain('--trust: cannot read lost.note')
  })
})

describe('fetch', () => {
  test('method, fields and body pass as typed; named fields are meant', async () => {
    pair.app = () => ({ status: 201, headers: [['x-kind', 'note']], content: 'stored' })
    const args = ['-X', 'PUT', '-H', 'X-Who: me', '-H', 'accept: text/plain', '-d', 'hello', '-i']
    expect(await run('fetch', ...connection(), ...args, 'https://app.asunder.example/n?x=1')).toBe(0)
    expect(terminal.shown.out).toBe('HTTP 201\nx-kind: note\n\nstored')
    expect(pair.opened[0]).toMatchObject({ method: 'PUT', path: '/n?x=1' })
    expect(pair.opened[0]?.headers).toEqual(
      expect.arrayContaining([
        ['x-who', 'me'],
        ['accept', 'text/plain'],
      ]),
    )
  })

  test('--output writes a file, --data reads one, --fail fails', async () => {
    terminal.files.set('in.bin', Uint8Array.of(1, 2, 3))
    pair.app = ({ content }) => ({ status: 500, content })
    const args = ['--data', '@in.bin', '--output', 'out.bin', '--fail']
    expect(await run('fetch', ...connection(), ...args, 'https://app.asunder.example/')).toBe(1)
    expect(terminal.files.get('out.bin')).toEqual(Uint8Array.of(1, 2, 3))
    expect(terminal.shown.out).toBe('')
  })

  test('a captive portal is named, and none of its words are shown', async () => {
    const portal = await serve((_request, response) => response.end('<html>pay here</html>'))
    const args = connection().map((arg) => (arg === pair.url ? portal.url : arg))
    expect(await run('fetch', ...args, 'https://app.asunder.example/')).toBe(1)
    expect(terminal.shown.err).toContain('relay-unexpected')
    expect(terminal.shown.err).toContain('--relay')
    expect(terminal.shown.err + terminal.shown.out).not.toContain('pay here')
    await portal.close()
  })
})

test.each([[[1, 2, 3, 5, 8]], [[1000]], [Array.from({ length: 80 }, () => 1)]])(
  'server-sent events come out whole in pieces of %j',
  async (sizes) => {
    const wire = utf8(': hello\r\ndata: {"a":"é"}\r\n\r\nevent: x\ndata: one\ndata:two\n\ndata: [DONE]\n\n')
    const cut = async function* () {
      let at = 0
      for (const size of [...sizes, 1000]) {
        await Promise.resolve()
        if (at < wire.length) yield wire.subarray(at, (at += size))
      }
    }
    expect(await Array.fromAsync(eventData(cut()))).toEqual(['{"a":"é"}', 'one\ntwo', '[DONE]'])
  },
)

async function* events(...texts: string[]): AsyncGenerator<string> {
  for (const content of texts) {
    yield `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  yield 'data: [DONE]\n\n'
}
