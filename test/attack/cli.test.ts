/** `npm run attack`: what it takes, what it answers, and that two runs of one seed agree. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createObliviousFetch } from '../../shared/client/index.ts'
import { read } from './cli/options.ts'
import { run } from './cli/run.ts'
import { serve } from './cli/serve.ts'
import type { Report } from './frame/report.ts'
import { groupOf } from './frame/scenario.ts'
import { scenarios } from './scenarios/all.ts'

function terminal() {
  const shown = { out: '', err: '', files: {} as Record<string, string> }
  const world = {
    out: (text: string) => void (shown.out += text),
    say: (text: string) => void (shown.err += `${text}\n`),
    write: (path: string, text: string) => void (shown.files[path] = text),
    stopped: () => Promise.resolve(),
  }
  return { shown, world }
}

async function reported(...args: string[]): Promise<Report> {
  const { shown, world } = terminal()
  expect(await run([...args, '--json'], world)).toBe(0)
  return JSON.parse(shown.out) as Report
}

test.each([
  [['--only', 'R98'], '--only R98'],
  [['Z'], '--only Z'],
  [['--seed', 'x'], '--seed'],
  [['--seed', '-1'], '--seed'],
  [['--seed', '1.5'], '--seed'],
  [['--mutant', 'clever'], '--mutant clever'],
  [['--quickly'], '--quickly'],
  [['--file', 'nowhere.ts'], '--file nowhere.ts'],
  [['new', 'scenario.js'], 'new'],
  [['serve', 'nobody'], 'serve nobody'],
  [['serve', 'relay', '--trick', 'none'], '--trick none'],
  [['serve', 'network'], '--to'],
  [['serve'], 'give one of relay, gateway, network'],
  [['serve', 'relay', 'gateway'], 'one role'],
  [['serve', 'relay', '--to', '80'], '--to'],
  [['serve', 'network', '--to', '0'], '--to'],
  [['serve', 'gateway', '--gateway', 'http://127.0.0.1:1'], '--gateway'],
  [['serve', 'relay', '--gateway', 'https://127.0.0.1:1'], '--gateway'],
  [['serve', 'relay', '--port', 'x'], '--port'],
  [['serve', 'relay', '--drop'], '--drop'],
])('wrong use ends with 3 and names the option: %j', async (args, name) => {
  const { shown, world } = terminal()
  expect(await run(args, world)).toBe(3)
  expect(shown.err).toContain(name)
  expect(shown.out).toBe('')
})

test('every scenario has an id of its own, and stands in the list under it', async () => {
  const ids = scenarios.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const { shown, world } = terminal()
  expect(await run(['--list'], world)).toBe(0)
  for (const { id, title } of scenarios) {
    expect(shown.out.split('\n').find((line) => line.startsWith(id))).toContain(title)
  }
  expect(shown.out).toContain(`${scenarios.length} scenarios`)
  expect(scenarios.map(groupOf).length).toBe(ids.length)
})

test('help names every option', async () => {
  const { shown, world } = terminal()
  expect(await run(['--help'], world)).toBe(0)
  for (const option of ['--list', '--only ID', '--quick', '--seed N', '--mutant naive', '--json', '--out FILE']) {
    expect(shown.out).toContain(option)
  }
})

test('two runs of one seed agree, in every outcome and in what the dice decided', async () => {
  const [one, other] = [await reported('G06', 'R12', 'R19'), await reported('G06', 'R12', 'R19')]
  expect(one.summary.agreement).toBe(other.summary.agreement)
  expect(one.attacks.map(({ says }) => says)).toEqual(other.attacks.map(({ says }) => says))
  const third = await reported('G06', '--seed', '2')
  expect(third.attacks[0]?.says).not.toBe(one.attacks.find(({ id }) => id === 'G06')?.says)
})

test('the report says what was played, what came of it, and how to play it again', async () => {
  const { shown, world } = terminal()
  expect(await run(['R12', '--out', 'report.json', '--junit', 'junit.xml'], world)).toBe(0)
  const report = JSON.parse(shown.files['report.json'] ?? '') as Report
  expect(report).toMatchObject({
    version: 1,
    run: { tool: 'attack', seed: 1, subject: 'ours' },
    summary: {
      passed: 1,
      all: 1,
      exposed: 0,
      verdict: 'PASS',
      proof: { looked: 1, fell: 1 },
      groups: { R: { passed: 1 } },
    },
    attacks: [
      { id: 'R12', group: 'R', outcome: 'BLOCKED', naive: { outcome: 'EXPOSED' }, verdict: 'pass', measure: null },
    ],
  })
  const [, again = ''] = report.attacks[0]?.replay.split(' -- ') ?? []
  expect(read(again.split(' '))).toMatchObject({ only: ['R12'], seed: 1 })
  expect(shown.files['junit.xml']).toContain('<testcase name="R12 ')
  expect(shown.out).toContain('PASS: 1 of 1 passed')
})

test('a new scenario runs as it was made, and bites a naive pair', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'attack-new-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'mine.ts')
  const { shown, world } = terminal()
  expect(await run(['new', file], world)).toBe(0)
  writeFileSync(file, shown.files[file] ?? '')
  const report = await reported('--file', file)
  expect(report.attacks).toMatchObject([
    { id: 'R99', outcome: 'BLOCKED', naive: { outcome: 'EXPOSED' }, verdict: 'pass' },
  ])
})

test('a new scenario takes no file’s place, and a port that is taken is said so', async () => {
  const { shown, world } = terminal()
  const write = (): never => {
    throw new Error('EEXIST: file already exists')
  }
  expect(await run(['new', 'mine.ts'], { ...world, write })).toBe(3)
  const { url, close } = await serve(['relay'])
  onTestFinished(close)
  expect(await run(['serve', 'relay', '--port', new URL(url).port], world)).toBe(3)
  expect(shown.err).toMatch(/new mine.ts: EEXIST.*\n.*--port \d+: somebody listens there/s)
})

test('serve shows what comes, and a network its lengths and times', async () => {
  const lines: string[] = []
  const relay = await serve(['relay'], (line) => lines.push(line))
  const { port } = new URL(relay.url)
  const network = await serve(['network', '--to', port], (line) => lines.push(line))
  onTestFinished(relay.close)
  onTestFinished(network.close)
  await (await globalThis.fetch(`${network.url}/.well-known/asunder-bundle`, { headers: { 'X-Lkt': '1' } })).text()
  expect(lines.filter((line) => line.startsWith('GET /.well-known/asunder-bundle  0 octets  '))).toHaveLength(1)
  expect(lines.join('\n')).toContain(' x-lkt')
  expect(
    lines.filter((line) => / ms {2}connection 0 {2}from (client|server) {2}\d+ octets$/.test(line)).length,
  ).toBeGreaterThan(1)
})

test.each([
  ['relay', 'honest', 'hello'],
  ['relay', 'page', 'relay-unexpected'],
  ['relay', 'redirect', 'relay-redirected'],
  ['relay', 'throttle', 'rate-limited'],
  ['relay', 'drop', 'relay-unreachable'],
  ['relay', 'flip', 'answer-damaged'],
  ['gateway', 'honest', 'hello'],
  ['gateway', 'date', 'date-refused'],
  ['gateway', 'status', 'relay-unexpected'],
])('serve %s --trick %s: a client of ours ends with %s', async (role, trick, end) => {
  const { url, says, close } = await serve([role, '--trick', trick])
  onTestFinished(close)
  const trust = readFileSync(/trust root of its keys: (\S+)/.exec(says)?.[1] ?? '', 'utf8')
  const wait = (): Promise<void> => Promise.resolve()
  const fetch = createObliviousFetch({ relay: url, trust, placement: 'front', plaintextLoopback: true, wait })
  onTestFinished(() => fetch.close())
  const answer = fetch('https://app.asunder.example/', { method: 'POST', body: 'x' })
  const ended = await answer
    .then((response) => response.text())
    .catch((cause: unknown) => (cause as { code?: string }).code)
  expect(ended).toBe(end)
})
