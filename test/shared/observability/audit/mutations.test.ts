/** Records that a real relay and a real gateway wrote, and everything that can be done to one: which line is named, and what is not seen. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPair } from '../../../../deploy/local/pair/pair.ts'
import { main } from '../../../../shared/client/commands/main.ts'
import { utf8 } from '../../../../shared/bytes.ts'
import { hashOf } from '../../../../shared/observability/audit/entry.ts'
import { headOf, verifyRecord, type Why } from '../../../../shared/observability/audit/verify.ts'
import { newTerminal } from '../../client/terminal.ts'

const services = ['relay', 'gateway'] as const
const records = new Map<string, string[]>()
let folder = ''

beforeAll(async () => {
  const pair = await startPair({ keep: true })
  folder = pair.folder
  await pair.stop()
  for (const service of services) {
    const text = readFileSync(join(folder, service, 'audit.record'), 'utf8')
    records.set(service, text.split('\n').slice(0, -1))
  }
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const linesOf = (service: string): string[] => records.get(service) ?? []
const whole = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')

/** `text` as its own writer would have written it. */
const rehashed = (line: string): string => `${hashOf(line.slice(65))} ${line.slice(65)}`
const edited = (line: string): string => line.replace('"seq"', '"sep"')
const later = (line: string): string => line.replace(/"time":"20/, '"time":"21')

type Mutation = {
  readonly what: string
  /** `at` counts from 0 */
  readonly apply: (lines: readonly string[], at: number) => readonly string[]
  /** line that is named, counted from 1, and why; nothing where the record cannot tell */
  readonly named: (at: number, length: number) => { line: number; why: Why } | undefined
}

const mutations: readonly Mutation[] = [
  {
    what: 'edited',
    apply: (lines, at) => lines.with(at, later(lines[at] ?? '')),
    named: (at) => ({ line: at + 1, why: 'edited' }),
  },
  {
    what: 'edited and hashed anew',
    apply: (lines, at) => lines.with(at, rehashed(later(lines[at] ?? ''))),
    named: (at, length) => (at + 1 < length ? { line: at + 2, why: 'unlinked' } : undefined),
  },
  {
    what: 'made into something that no service writes, and hashed anew',
    apply: (lines, at) => lines.with(at, rehashed(edited(lines[at] ?? ''))),
    named: (at) => ({ line: at + 1, why: 'damaged' }),
  },
  {
    what: 'given another event, and hashed anew',
    apply: (lines, at) => lines.with(at, rehashed((lines[at] ?? '').replace(/"event":"[a-z-]+"/, '"event":"visited"'))),
    named: (at) => ({ line: at + 1, why: 'unknown-event' }),
  },
  {
    what: 'dropped',
    apply: (lines, at) => lines.toSpliced(at, 1),
    named: (at, length) => (at + 1 === length ? undefined : { line: at + 1, why: at === 0 ? 'headless' : 'gap' }),
  },
  {
    what: 'moved one down',
    apply: (lines, at) => lines.toSpliced(at, 1).toSpliced(at + 1, 0, lines[at] ?? ''),
    named: (at) => ({ line: at + 1, why: at === 0 ? 'headless' : 'gap' }),
  },
  {
    what: 'there twice',
    apply: (lines, at) => lines.toSpliced(at, 0, lines[at] ?? ''),
    named: (at) => ({ line: at + 2, why: 'repeated' }),
  },
  {
    what: 'replaced by other text',
    apply: (lines, at) => lines.with(at, 'hello'),
    named: (at) => ({ line: at + 1, why: 'damaged' }),
  },
  {
    what: 'where the record is cut',
    apply: (lines, at) => lines.slice(0, at),
    named: () => undefined,
  },
]

describe.each(services)('the record of a real %s', (service) => {
  test('stands, and tells of a start, keys or copies, and a stop', () => {
    const { broken, entries } = verifyRecord(whole(linesOf(service)))
    expect(broken).toBeUndefined()
    expect(entries.map((entry) => entry.service)).toEqual(entries.map(() => service))
    const told = entries.map(({ event }) => event)
    const others = service === 'relay' ? ['mirror-refreshed'] : ['keys-turned', 'bundle-served', 'attested']
    expect(told).toEqual(expect.arrayContaining(['begun', 'started', ...others, 'stopped']))
    expect([told[0], told.at(-1)]).toEqual(['begun', 'stopped'])
  })

  test.each(mutations)('an entry $what', ({ apply, named }) => {
    const lines = linesOf(service)
    const head = headOf(verifyRecord(whole(lines)))
    for (const at of lines.keys()) {
      const other = apply(lines, at)
      if (whole(other) === whole(lines)) continue
      const changed = verifyRecord(whole(other))
      expect({ at, broken: changed.broken }).toEqual({ at, broken: named(at, lines.length) })
      // What the record itself cannot tell, a head that was kept elsewhere can.
      if (changed.broken === undefined) expect(changed.hashes).not.toContain(head)
    }
  })
})

test('the bundle that the relay showed to everybody is the one that the gateway published', () => {
  const entries = (service: string) => verifyRecord(whole(linesOf(service))).entries
  const published = entries('gateway').flatMap((entry) => (entry.event === 'bundle-served' ? entry['bundle'] : []))
  const copies = entries('relay').filter((entry) => entry.event === 'mirror-refreshed')
  expect(published).toHaveLength(1)
  expect(copies.flatMap((entry) => (entry['resource'] === 'bundle' ? entry['copy'] : []))).toEqual(published)
})

describe('asunder audit verify', () => {
  async function verified(text: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const terminal = newTerminal()
    terminal.files.set('r', utf8(text))
    const code = await main(['audit', 'verify', 'r', ...args], terminal)
    return { code, ...terminal.shown }
  }

  test('prints how much stands and the head, which a later run still finds', async () => {
    const lines = linesOf('gateway')
    const early = await verified(whole(lines.slice(0, -1)))
    const head = /^head: ([0-9a-f]{64})$/m.exec(early.out)?.[1] ?? ''
    expect(early).toMatchObject({
      code: 0,
      out: expect.stringContaining(`${lines.length - 1} entries stand`) as string,
    })
    const late = await verified(whole(lines), '--head', head)
    expect(late).toMatchObject({ code: 0, out: expect.stringContaining('the given head is there') as string })
    const cut = await verified(whole(lines.slice(0, -2)), '--head', head)
    expect(cut).toMatchObject({ code: 1, out: expect.stringContaining('LOST') as string })
  })

  test('names the first line that does not stand', async () => {
    const lines = linesOf('relay')
    const { code, out } = await verified(whole(lines.toSpliced(1, 1)))
    expect([code, out]).toEqual([1, expect.stringContaining('BROKEN: line 2 has a later number than its turn')])
    const json = await verified(whole(lines.with(2, later(lines[2] ?? ''))), '--json')
    expect(JSON.parse(json.out)).toMatchObject({ entries: 2, broken: { line: 3, why: 'edited' } })
  })

  test.each([
    ['nothing at all', '', [], 1],
    ['a line without an end', `${'0'.repeat(64)} {"seq"`, [], 1],
    ['a head that is none', '', ['--head', 'abc'], 2],
    ['two records', '', ['r'], 2],
  ])('%s is refused', async (_, text, args, code) => {
    expect((await verified(text, ...args)).code).toBe(code)
  })
})
