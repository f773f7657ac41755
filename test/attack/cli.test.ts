/** `npm run attack`: what it takes, what it answers, and that two runs of one seed agree. */
import { expect, test } from 'vitest'
import { read } from './cli/options.ts'
import { run } from './cli/run.ts'
import type { Report } from './frame/report.ts'
import { groupOf } from './frame/scenario.ts'
import { scenarios } from './scenarios/all.ts'

function terminal() {
  const shown = { out: '', err: '', files: {} as Record<string, string> }
  const world = {
    out: (text: string) => void (shown.out += text),
    say: (text: string) => void (shown.err += `${text}\n`),
    write: (path: string, text: string) => void (shown.files[path] = text),
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
