/** `npm run demo` as its user meets it: real processes, a real recording, a verdict that can also be no. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ask } from '../../deploy/local/demo/ask.ts'
import { withWires } from '../../deploy/local/demo/wires.ts'
import { judge } from '../../deploy/local/seen/judge.ts'

const local = join(import.meta.dirname, '../../deploy/local')
const message = readFileSync(join(local, 'message.txt'), 'utf8')
// A folder of our own for each run's folder, so that what is left behind can be seen.
const temporary = mkdtempSync(join(tmpdir(), 'asj-'))
const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

type Run = {
  readonly child: ChildProcess
  readonly out: () => string
  readonly err: () => string
  readonly parts: () => number
}

function start(door: 'demo' | 'up', ...args: string[]): Run {
  const env = { PATH: process.env['PATH'], TMPDIR: temporary, NO_COLOR: '1' }
  const flags = ['--disable-warning=ExperimentalWarning', join(local, `${door}.ts`), ...args]
  const child = spawn(process.execPath, flags, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const out: string[] = []
  const err: string[] = []
  child.stdout.on('data', (part: Buffer) => out.push(part.toString()))
  child.stderr.on('data', (part: Buffer) => err.push(part.toString()))
  return { child, out: () => out.join(''), err: () => err.join(''), parts: () => out.length }
}

async function exit({ child }: Run): Promise<number | NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode ?? child.signalCode
}

/** Process ids that the run's output named. */
function pidsIn(text: string): number[] {
  return [...text.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid))
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const leftOver = (): string[] => readdirSync(temporary)

describe('the demo', { timeout: 90_000 }, () => {
  test('streams the answer, shows who saw what, exits with 0 and leaves nothing behind', async () => {
    const run = start('demo')
    expect(await exit(run), run.err() + run.out()).toBe(0)
    expect(run.out()).toMatch(/^- Nadia: /)
    expect(run.parts()).toBeGreaterThan(10)
    expect(run.out()).toMatch(/^relay +127\.\d+\.\d+\.\d+:\d+ +[\d,]+ B +none +none +yes$/mu)
    expect(run.out()).toMatch(/^gateway +127\.0\.0\.1:\d+ +[\d,]+ B +none +(\d+) of \1 +no$/mu)
    expect(run.out()).toMatch(/^app +unix socket +[\d,]+ B +(\d+) of \1 +\1 of \1 +no$/mu)
    expect(run.out()).toContain('Verdict: the relay knew who and not what')
    expect(run.out()).toContain('Evidence: SIMULATED')
    expect(run.out()).not.toContain('BROKEN')
    expect(run.err()).toContain('relay is ready')
    expect(run.err()).not.toContain('Nadia')
    expect(pidsIn(run.err())).toHaveLength(4)
    expect(pidsIn(run.err()).filter(alive)).toEqual([])
    expect(leftOver()).toEqual([])
  })

  test.each([
    ['sealed', 4, /^gateway +127\.0\.0\.1:\d+ +[\d,]+ B +none +none +no$/mu, 'the gateway neither'],
    ['inside', 3, /^CVM agent +127\.0\.0\.1:\d+ +[\d,]+ B +none +(\d+) of \1 +no$/mu, 'the CVM, which is the gateway'],
  ])('in placement %s it says what that one promises, and exits with 0', async (placement, processes, row, verdict) => {
    const run = start('demo', '--placement', placement, '--pace', '0')
    expect(await exit(run), run.err() + run.out()).toBe(0)
    expect(run.out()).toMatch(/^relay +127\.\d+\.\d+\.\d+:\d+ +[\d,]+ B +none +none +yes$/mu)
    expect(run.out()).toMatch(row)
    expect(run.out()).toContain(verdict)
    expect(run.out()).toContain('that the policy (serial 1) is the current one')
    expect(run.out()).not.toContain('BROKEN')
    expect(pidsIn(run.err())).toHaveLength(processes)
    expect(pidsIn(run.err()).filter(alive)).toEqual([])
    expect(leftOver()).toEqual([])
  })

  test('with --json and a file of its own it prints one object', async () => {
    const file = join(temporary, 'letter.txt')
    writeFileSync(file, '明日の午後三時に病院で会いましょう。手術の結果を母に言わないでください。保険証を持ってきて。')
    const run = start('demo', '--json', '--pace', '0', file)
    const code = await exit(run)
    rmSync(file)
    expect(code, run.err() + run.out()).toBe(0)
    const told = JSON.parse(run.out()) as { held: boolean; answer: string; rows: { party: string; words: number }[] }
    expect(told).toMatchObject({ held: true, placement: 'front', evidence: 'simulated' })
    expect(told.answer).toContain('病院')
    expect(told.rows.map(({ party }) => party)).toEqual(['relay', 'gateway', 'cvm', 'app'])
    expect(told.rows[0]?.words).toBe(0)
  })

  test('a message that also goes to the relay in the clear turns the verdict', async () => {
    const watched = await withWires({ pace: 0 }, async (pair) => {
      const answer = await ask({ pair, message, model: 'asunder-summarise', write: () => undefined })
      await (await fetch(pair.relay, { method: 'POST', body: message })).arrayBuffer()
      return answer
    })
    const { held, claims } = judge({ placement: 'front', message, answer: watched.result, ...watched })
    expect(held).toBe(false)
    expect(claims.filter((claim) => !claim.held).map(({ says }) => says)).toEqual([
      'no word of message or answer went through the relay',
    ])
  })

  test.each<[string[], string]>([
    [['--placement', 'anywhere'], '--placement: one of front, inside, sealed, not "anywhere"'],
    [['--upstream', 'http://example.com'], '--upstream: https, or http on this machine'],
    [['--nonsense'], '--nonsense'],
    [['/nowhere/at/all.txt'], '/nowhere/at/all.txt'],
  ])('called wrongly (%j) it says how and exits with 2', async (args, words) => {
    const run = start('demo', ...args)
    expect(await exit(run)).toBe(2)
    expect(run.err()).toContain(words)
    expect(run.out()).toBe('')
    expect(leftOver()).toEqual([])
  })
})

describe('with a model server in place of the app', { timeout: 90_000 }, () => {
  let server: Server
  const bodies: string[] = []
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.method === 'GET') return void response.end('{"data":[{"id":"tiny"}]}')
      let body = ''
      request.on('data', (part: Buffer) => (body += part.toString()))
      request.on('end', () => {
        bodies.push(body)
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const content of ['An illness ', 'in the ', 'family.']) {
          response.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`)
        }
        response.end('data: [DONE]\n\n')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => void server.close())

  test('its answer comes through, and the claims hold for it too', async () => {
    const run = start('demo', '--upstream', `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`)
    expect(await exit(run), run.err() + run.out()).toBe(0)
    expect(run.out()).toMatch(/^An illness in the family\.\n/)
    expect(bodies).toHaveLength(1)
    expect(JSON.parse(bodies[0] ?? '')).toMatchObject({ model: 'tiny', stream: true })
    expect(run.out()).toContain('Verdict: the relay knew who and not what')
  })
})

describe('nothing is left behind', { timeout: 90_000 }, () => {
  async function upAndRunning(...args: string[]): Promise<Run> {
    const run = start('up', ...args)
    await expect.poll(() => run.out() + run.err(), { timeout: 60_000, interval: 50 }).toContain('Ctrl-C')
    return run
  }

  test.each(['SIGTERM', 'SIGINT'] as const)('npm start ends cleanly on %s', async (signal) => {
    const run = await upAndRunning()
    expect(run.out()).toMatch(/asunder -- ask --relay http:\/\/127\.0\.0\.1:\d+\/ .*--placement front/)
    const trust = /--trust (\S+)/.exec(run.out())?.[1] ?? ''
    expect(existsSync(trust)).toBe(true)
    run.child.kill(signal)
    expect(await exit(run)).toBe(0)
    expect(pidsIn(run.err()).filter(alive)).toEqual([])
    expect(leftOver()).toEqual([])
  })

  test.each(['inside', 'sealed'])('npm start in placement %s can be asked as it says', async (placement) => {
    const run = await upAndRunning('--placement', placement, '--pace', '0')
    const [, words = ''] = /asunder -- ask (.*) --task compose "/.exec(run.out()) ?? []
    expect(words).toContain(`--placement ${placement} --allow-simulated `)
    const cli = join(local, '../../shared/client/cli.ts')
    const args = [
      '--disable-warning=ExperimentalWarning',
      cli,
      'ask',
      ...words.split(' '),
      '--task',
      'compose',
      'Come on Friday. Tom',
    ]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    children.push(child)
    const [out, err]: [string[], string[]] = [[], []]
    child.stdout.on('data', (part: Buffer) => out.push(part.toString()))
    child.stderr.on('data', (part: Buffer) => err.push(part.toString()))
    await once(child, 'exit')
    expect([child.exitCode, out.join('').length > 10], err.join('')).toEqual([0, true])
    expect(err.join('')).toContain('judged: SIMULATED evidence of 1 CVM, fresh, under policy 1 for asunder-local-app')
    run.child.kill('SIGTERM')
    expect(await exit(run)).toBe(0)
    expect(leftOver()).toEqual([])
  })

  test('not even by SIGKILL: the services notice', async () => {
    const run = await upAndRunning()
    run.child.kill('SIGKILL')
    await exit(run)
    await expect.poll(() => pidsIn(run.err()).filter(alive), { timeout: 15_000 }).toEqual([])
    for (const name of leftOver()) rmSync(join(temporary, name), { recursive: true })
  })

  test('when one of the processes dies, the others end and its log is shown', async () => {
    const run = await upAndRunning()
    const [, , gateway = 0] = pidsIn(run.err())
    process.kill(gateway, 'SIGKILL')
    expect(await exit(run)).toBe(1)
    expect(run.err()).toContain('gateway ended by itself. Its log ends with:')
    expect(pidsIn(run.err()).filter(alive)).toEqual([])
    expect(leftOver()).toEqual([])
  })

  test('told to stop while it starts, it stops', async () => {
    const run = start('demo')
    await expect.poll(run.err, { timeout: 60_000, interval: 10 }).toContain('cvm is up')
    run.child.kill('SIGTERM')
    expect(await exit(run)).toBe(143)
    await expect.poll(() => pidsIn(run.err()).filter(alive), { timeout: 15_000 }).toEqual([])
    expect(leftOver()).toEqual([])
  })
})
