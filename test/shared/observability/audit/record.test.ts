/** The record of security events: what a crash, a full disk, another hand and a second process do to it. */
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createHash } from 'node:crypto'
import { audited } from '../../../../shared/observability/audit/audited.ts'
import { auditEvents, eventRow, holds } from '../../../../shared/observability/audit/events.ts'
import { openRecord, type AuditFailure } from '../../../../shared/observability/audit/record.ts'
import { headOf, verifyRecord } from '../../../../shared/observability/audit/verify.ts'
import { createLog } from '../../../../shared/observability/log.ts'

const noon = Date.UTC(2026, 6, 1, 12, 0, 31)
const policy = `sha256:${'5'.repeat(64)}` as const

function scene(folder = mkdtempSync(join(tmpdir(), 'audit-'))) {
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'audit.record')
  const failures: AuditFailure[] = []
  const open = () => {
    return openRecord({ file, service: 'gateway', now: () => noon, failed: (why) => failures.push(why), retry: 20 })
  }
  const text = (): string => readFileSync(file, 'utf8')
  const events = (): string[] => verifyRecord(text()).entries.map(({ event }) => event)
  return { folder, file, failures, open, text, events }
}

const serials = (file: string): unknown[] =>
  verifyRecord(readFileSync(file, 'utf8')).entries.flatMap((entry) => entry['serial'] ?? [])

test('each line begins with the SHA-256 of the rest of it, and names the one before; times are minutes', () => {
  const { file, open, text } = scene()
  const record = open()
  record.note('policy-in-force', { serial: 7, policy })
  record.note('stopped', {})
  const lines = text().trimEnd().split('\n')
  const jsons = lines.map((line) => line.slice(65))
  const hashes = jsons.map((json) => createHash('sha256').update(json).digest('hex'))
  expect(lines).toEqual(jsons.map((json, at) => `${hashes[at]} ${json}`))
  expect(jsons.map((json) => JSON.parse(json) as unknown)).toEqual([
    { seq: 1, time: '2026-07-01T12:00:00Z', service: 'gateway', event: 'begun', prev: '0'.repeat(64) },
    {
      seq: 2,
      time: '2026-07-01T12:00:00Z',
      service: 'gateway',
      event: 'policy-in-force',
      prev: hashes[0],
      serial: 7,
      policy,
    },
    { seq: 3, time: '2026-07-01T12:00:00Z', service: 'gateway', event: 'stopped', prev: hashes[1] },
  ])
  expect(headOf(verifyRecord(text()))).toBe(hashes[2])
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('the next process goes on where the last one ended', () => {
  const { open, events, text } = scene()
  open().note('stopped', {})
  open().note('stopped', {})
  expect(events()).toEqual(['begun', 'stopped', 'stopped'])
  expect(verifyRecord(text()).broken).toBeUndefined()
})

test('what is said again on one topic is written once, for each thing that it is about', () => {
  const { open, text } = scene()
  const record = open()
  const why = 'target-unreachable'
  for (const cvm of [1, 2, 1, 2]) record.note('not-attested', { cvm, why })
  record.note('attested', { cvm: 1, simulated: true, measurement: `measurement:${'a'.repeat(96)}` })
  record.note('not-attested', { cvm: 1, why })
  record.note('not-attested', { cvm: 2, why })
  const said = verifyRecord(text()).entries.slice(1)
  expect(said.map(({ event, cvm }) => [event, cvm])).toEqual([
    ['not-attested', 1],
    ['not-attested', 2],
    ['attested', 1],
    ['not-attested', 1],
  ])
})

test('a crash inside the last line loses that line at most, and is owned up to', () => {
  const { file, open, text } = scene()
  const record = open()
  record.note('policy-in-force', { serial: 1, policy })
  const before = text()
  record.note('policy-in-force', { serial: 2, policy })
  const whole = text()
  const last = [3, 2, 1, 0].map((left) => whole.length - left)
  const cuts = Array.from({ length: 12 }, (_, at) => before.length + 1 + at * 17)
  for (const cut of [...cuts, ...last]) {
    writeFileSync(file, whole)
    truncateSync(file, cut)
    open().note('policy-in-force', { serial: 3, policy })
    const { broken, torn, entries } = verifyRecord(text())
    expect({ cut, broken }).toEqual({ cut, broken: undefined })
    const survived = cut >= whole.length - 1
    expect(torn).toBe(survived ? 0 : 1)
    expect(serials(file)).toEqual(survived ? [1, 2, 3] : [1, 3])
    expect(entries.filter(({ event }) => event === 'recovered')).toHaveLength(survived ? 0 : 1)
    // Nothing of what was on the disk was taken away.
    expect(text().startsWith(whole.slice(0, cut))).toBe(true)
  }
})

test.each(['edited', 'shortened at its beginning', 'another file'])(
  'a record that was %s is not gone on with',
  (how) => {
    const { file, open, text } = scene()
    const record = open()
    for (const serial of [1, 2]) record.note('policy-in-force', { serial, policy })
    const [first = '', ...others] = text().split('\n')
    const edited = text().replace('"serial":1', '"serial":9')
    const other = how === 'edited' ? edited : how === 'another file' ? 'hello\n' : others.join('\n')
    writeFileSync(file, other)
    expect(first).not.toBe('')
    expect(open).toThrow(
      expect.objectContaining({ code: 'audit-broken', message: expect.stringContaining(file) as string }),
    )
    expect(text()).toBe(other)
  },
)

test('a disk that refuses: said once, not working meanwhile, and nothing is lost once it takes again', async () => {
  const { folder, file, failures, open } = scene()
  const record = open()
  const away = join(folder, 'away')
  renameSync(file, away)
  for (const serial of [1, 2, 3]) record.note('policy-in-force', { serial, policy })
  expect(record.works()).toBe(false)
  expect(failures).toEqual(['unwritable'])
  renameSync(away, file)
  await vi.waitFor(() => expect(record.works()).toBe(true))
  expect(serials(file)).toEqual([1, 2, 3])
  expect(verifyRecord(readFileSync(file, 'utf8')).broken).toBeUndefined()
})

test.each([
  ['cut at its end', (text: string) => `${text.split('\n').slice(0, 2).join('\n')}\n`],
  ['emptied', () => ''],
  ['longer by an edit', (text: string) => text.replace('"serial":1', '"serial":10')],
])('a record that is %s while we run is not gone on with', async (_, change) => {
  const { file, failures, open, text } = scene()
  const record = open()
  for (const serial of [1, 2]) record.note('policy-in-force', { serial, policy })
  writeFileSync(file, change(text()))
  record.note('stopped', {})
  expect([record.works(), failures]).toEqual([false, ['changed']])
  await new Promise((resolve) => setTimeout(resolve, 60))
  expect([record.works(), failures]).toEqual([false, ['changed']])
  expect(text()).not.toContain('stopped')
})

test('two processes on one record: the entries of both stand, in one chain', async () => {
  const { open, text, failures } = scene()
  const [one, other] = [open(), open()]
  one.note('policy-in-force', { serial: 1, policy })
  other.note('policy-in-force', { serial: 2, policy })
  expect(other.works()).toBe(false)
  await vi.waitFor(() => expect(other.works()).toBe(true))
  expect(failures).toEqual(['changed'])
  const { broken, entries } = verifyRecord(text())
  expect([broken, entries.length]).toEqual([undefined, 3])
})

test('a log says everything, and the record what is a security event of it, by the fields of its row', () => {
  const { open, text } = scene()
  const lines: string[] = []
  type Events = {
    started: { configuration: typeof policy; port: number }
    readiness: { ready: boolean }
  }
  const log = audited(createLog<Events>({ service: 'gateway', write: (line) => lines.push(line) }), open())
  log('info', 'started', { configuration: policy, port: 4711 })
  log('info', 'readiness', { ready: true })
  expect(lines).toHaveLength(2)
  const { entries } = verifyRecord(text())
  expect(entries.map(({ event }) => event)).toEqual(['begun', 'started'])
  expect(entries[1]).toMatchObject({ configuration: policy })
  expect(text()).not.toContain('4711')
})

test.each([
  ['a field more', 'attested', { cvm: 1, simulated: true, measurement: `measurement:${'a'.repeat(96)}`, peer: 'x' }],
  ['a field less', 'attested', { cvm: 1, simulated: true }],
  ['an address for a word', 'not-attested', { cvm: 1, why: '203.0.113.7' }],
  ['a path for a word', 'not-attested', { cvm: 1, why: '/v1/chat' }],
  ['text for a digest', 'started', { configuration: 'sha256:hello' }],
  ['part of a number', 'policy-in-force', { serial: 1.5, policy }],
])('an entry does not hold %s', (_, name, fields) => {
  const row = eventRow(name)
  expect(row && holds(row, fields)).toBe(false)
})

test('no event is called like something of every object', () => {
  expect(eventRow('constructor')).toBeUndefined()
  expect(Object.keys(auditEvents).length).toBeGreaterThan(10)
})

test('a folder that is not there is told at the start', () => {
  const { folder, open } = scene()
  rmSync(folder, { recursive: true })
  expect(open).toThrow(/audit\.record/)
})
