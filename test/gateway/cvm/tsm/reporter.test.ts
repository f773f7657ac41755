/** The reporter over its real socket: who may ask, what can be asked at all, and who gets a report when many want one. */
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { base64, hex } from '../../../../shared/bytes.ts'
import { evidenceLimits } from '../../../../shared/attestation/evidence.ts'
import { type Binding, type KeyBinding, reportData } from '../../../../shared/attestation/report-data.ts'
import { Refusal } from '../../../../shared/refusal.ts'
import { readOwnReport } from '../../../../gateway/cvm/own-report.ts'
import type { EvidenceProvider } from '../../../../gateway/cvm/provider.ts'
import { reporterEvidence } from '../../../../gateway/cvm/reporter/client.ts'
import { checkSocket } from '../../../../gateway/cvm/reporter/private-socket.ts'
import { rationed } from '../../../../gateway/cvm/reporter/ration.ts'
import { createReporter, type ReporterOptions } from '../../../../gateway/cvm/reporter/server.ts'
import { writeBinding } from '../../../../gateway/cvm/reporter/wire.ts'
import { tsmEvidence } from '../../../../gateway/cvm/tsm.ts'
import { codeOf } from '../../../shared/tlog/code-of.ts'
import { binding, forged, role } from './forged.ts'
import { inProcess, type Tree } from './trees.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const keyBinding: KeyBinding = {
  kind: 2,
  role,
  key_config_sha256: new Uint8Array(32).fill(4),
  anchor: new Uint8Array(40).fill(5),
  not_before: 1_700_000_000n,
  not_after: 1_700_003_600,
  policy_sha256: new Uint8Array(32).fill(6),
}

function room(mode = 0o700): string {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-reporter-'))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, mode)
  return folder
}

type Running = { socket: string; tree: Tree; lines: unknown[] }
async function reporterWith(options: Partial<ReporterOptions> = {}, folder = room()): Promise<Running> {
  const tree = await inProcess(forged().chip)
  const lines: unknown[] = []
  const provider = tsmEvidence({ kind: 'sev-snp', root: tree.root, files: tree.files })
  const log: ReporterOptions['log'] = (level, event, ...[fields]) => void lines.push({ level, event, ...fields })
  const reporter = createReporter({ provider, role, log, countsEvery: 20, ...options })
  const socket = join(folder, 'reporter.sock')
  await reporter.listen(socket)
  cleanups.push(() => reporter.close())
  return { socket, tree, lines }
}

const ask = (socket: string, question: Binding = binding) =>
  reporterEvidence({ kind: 'sev-snp', socket }).evidence(question)

/** What comes back for these octets, as they are. */
async function raw(path: string, question: string, end = true): Promise<string> {
  const socket = connect(path)
  let answer = ''
  socket.on('data', (data: Buffer) => (answer += data.toString()))
  socket.on('error', () => undefined)
  socket.write(question, 'latin1')
  if (end) socket.end()
  await once(socket, 'close')
  return answer
}

describe('what can be asked', () => {
  test.each([
    ['a connection', binding],
    ['a key', keyBinding],
    ['a role beyond ASCII', { ...binding, role: 'rôle "1"' }],
  ])('%s: the report speaks of exactly that', async (_what, question) => {
    const { socket } = await reporterWith({ role: question.role })
    const evidence = await ask(socket, question)
    expect(hex(readOwnReport(evidence).reportData)).toBe(hex(reportData(question)))
  })

  const question = JSON.parse(writeBinding(binding)) as Record<string, unknown>
  const key = JSON.parse(writeBinding(keyBinding)) as Record<string, unknown>
  const bytes = (length: number) => base64(new Uint8Array(length))
  const refusals: [string, unknown, string][] = [
    ['64 bytes as they are', { kind: 1, report_data: bytes(64) }, 'bad-encoding'],
    ['64 bytes beside the fields', { ...question, report_data: bytes(64) }, 'bad-encoding'],
    ['a kind that is reserved', { ...question, kind: 3 }, 'bad-encoding'],
    ['a kind that is reserved, with the fields of a key', { ...key, kind: 3 }, 'bad-encoding'],
    ['a kind in words', { ...question, kind: '1' }, 'bad-encoding'],
    ['no kind', { ...question, kind: undefined }, 'bad-encoding'],
    ['nothing', null, 'bad-encoding'],
    ['a list', [question], 'bad-encoding'],
    ['a field less', { ...question, nonce: undefined }, 'bad-encoding'],
    ['a field of the other kind', { ...question, anchor: bytes(40) }, 'bad-encoding'],
    ['a short nonce', { ...question, nonce: bytes(31) }, 'bad-encoding'],
    ['a long exporter', { ...question, exporter: bytes(33) }, 'bad-encoding'],
    ['a short anchor', { ...key, anchor: bytes(39) }, 'bad-encoding'],
    ['a time before 1970', { ...key, not_before: -1 }, 'bad-encoding'],
    ['half a second', { ...key, not_after: 1.5 }, 'bad-encoding'],
    ['another role', { ...question, role: 'other' }, 'role-refused'],
    ['the role twice', JSON.stringify(question).replace('{', '{"role":"other",'), 'bad-encoding'],
    ['no JSON', 'report', 'bad-encoding'],
    ['no UTF-8', { ...question, role: '\xff' }, 'bad-encoding'],
    ['more than a question', JSON.stringify({ ...question, role: 'x'.repeat(5_000) }), ''],
  ]
  test.each(refusals)('%s is refused, and the platform is not asked', async (_what, given, code) => {
    const { socket, tree } = await reporterWith()
    const answer = await raw(socket, typeof given === 'string' ? given : JSON.stringify(given))
    expect(answer).toBe(code === '' ? '' : JSON.stringify({ refused: code }))
    expect((await tree.seen()).reports).toBe(0)
  })

  test('a question without an end is not waited for', async () => {
    const { socket } = await reporterWith({ askWithin: 50 })
    expect(await raw(socket, '{"kind":1', false)).toBe('')
  })

  test('what the platform refuses is told by its code; a fault of ours by no more than that', async () => {
    const failing = (cause: Error): EvidenceProvider => ({ kind: 'sev-snp', evidence: () => Promise.reject(cause) })
    const first = await reporterWith({ provider: failing(new Refusal('platform-unsupported', 'secret')) })
    const second = await reporterWith({ provider: failing(new Error('secret')) })
    expect(await codeOf(() => ask(first.socket))).toBe('platform-unsupported')
    expect(await codeOf(() => ask(second.socket))).toBe('evidence-unavailable')
    const line = { level: 'warn', event: 'report-refused', code: 'fault', count: '<10' }
    await vi.waitFor(() => expect(second.lines).toEqual([line]), { interval: 5 })
  })
})

describe('who may ask', () => {
  test('one user: the folder is theirs, and so is the socket', async () => {
    const { socket } = await reporterWith()
    const { mode, uid } = statSync(socket)
    expect(mode & 0o777).toBe(0o600)
    expect(uid).toBe(statSync(join(socket, '..')).uid)
  })

  test('the socket of an earlier run is replaced', async () => {
    const folder = room()
    const before = createServer().listen(join(folder, 'reporter.sock'))
    await once(before, 'listening')
    cleanups.push(() => before.close())
    const { socket } = await reporterWith({}, folder)
    expect((await ask(socket)).kind).toBe('sev-snp')
  })

  const places: [string, () => string, string][] = [
    ['a folder that others may enter', () => room(0o711), 'must have the mode 0700'],
    ['a folder of the group', () => room(0o770), 'must have the mode 0700'],
    ['no folder', () => join(room(), 'none'), 'make it with mode 0700'],
    ['a link to a folder', () => linked(room()), 'not a link'],
    ['a file where the socket goes', () => occupied(room()), 'is no socket'],
  ]
  test.each(places)('%s is refused', async (_what, folder, says) => {
    const refused = reporterWith({}, folder())
    const message = expect.stringContaining(says) as string
    await expect(refused).rejects.toMatchObject({ code: 'insecure-configuration', message })
  })

  test('the agent looks as well: at the folder, the modes and the owner', async () => {
    const { socket } = await reporterWith()
    const me = process.getuid?.() ?? -1
    checkSocket(socket, me)
    expect(await codeOf(() => checkSocket(socket, me + 1))).toBe('insecure-configuration')
    chmodSync(socket, 0o666)
    expect(await codeOf(() => ask(socket))).toBe('insecure-configuration')
    chmodSync(socket, 0o600)
    chmodSync(join(socket, '..'), 0o755)
    expect(await codeOf(() => ask(socket))).toBe('insecure-configuration')
    expect(await codeOf(() => ask(join(room(), 'none')))).toBe('evidence-unavailable')
    const folder = room()
    writeFileSync(join(folder, 'reporter.sock'), '', { mode: 0o600 })
    expect(await codeOf(() => ask(join(folder, 'reporter.sock')))).toBe('insecure-configuration')
  })
})

describe('the agent believes no answer that it did not ask for', () => {
  async function answering(text: string): Promise<string> {
    const socket = join(room(), 'reporter.sock')
    const server = createServer((asker) => asker.resume().end(text, 'latin1'))
    await once(server.listen(socket), 'listening')
    cleanups.push(() => server.close())
    chmodSync(socket, 0o600)
    return socket
  }

  const answers: [string, string, string][] = [
    ['evidence of another kind', '{"kind":"tdx","report":"AA==","endorsements":[],"collateral":null}', 'bad-evidence'],
    ['nothing', '', 'evidence-unavailable'],
    ['a code that is none of ours', '{"refused":"later"}', 'bad-encoding'],
    ['no JSON', 'no', 'bad-encoding'],
    ['no UTF-8', '{"refused":"\xff', 'bad-encoding'],
    ['more than there can be', ' '.repeat(evidenceLimits.text + 1), 'evidence-unavailable'],
  ]
  test.each(answers)('%s', async (_what, text, code) => {
    const socket = await answering(text)
    expect(await codeOf(() => ask(socket))).toBe(code)
  })

  test('nor waits for ever', async () => {
    const socket = join(room(), 'reporter.sock')
    const server = createServer(() => undefined)
    await once(server.listen(socket), 'listening')
    chmodSync(socket, 0o600)
    cleanups.push(() => server.close())
    const patient = reporterEvidence({ kind: 'sev-snp', socket, within: 50 })
    expect(await codeOf(() => patient.evidence(binding))).toBe('evidence-unavailable')
  })
})

describe('rations', () => {
  /** A platform that gives a report when it is told to. */
  function slow() {
    const waiting: (() => void)[] = []
    const provider: EvidenceProvider = {
      kind: 'sev-snp',
      evidence: () =>
        new Promise((resolve) => {
          const evidence = { kind: 'sev-snp', report: new Uint8Array(), endorsements: [], collateral: null } as const
          waiting.push(() => resolve(evidence))
        }),
    }
    return { provider, waiting }
  }
  const many = 1_000
  const outcome = (work: Promise<unknown>) =>
    work.then(
      () => 'given',
      (cause: unknown) => (cause as Refusal).code,
    )
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  test('so many at a time, so many waiting, and a key has a slot that links cannot take', async () => {
    const { provider, waiting } = slow()
    const links = { atOnce: 2, waiting: 1, perMinute: many }
    const one = rationed({ provider, links, keys: { atOnce: 1, waiting: 0, perMinute: many } })
    const asked = Array.from({ length: 4 }, () => outcome(one.evidence(binding)))
    expect(await asked[3]).toBe('evidence-unavailable')
    expect(waiting).toHaveLength(2)
    const key = outcome(one.evidence(keyBinding))
    await turn()
    expect(waiting).toHaveLength(3)
    waiting[2]?.()
    expect(await key).toBe('given')
    waiting[0]?.()
    expect(await asked[0]).toBe('given')
    await turn()
    expect(waiting).toHaveLength(4)
    waiting[1]?.()
    waiting[3]?.()
    expect(await Promise.all(asked.slice(0, 3))).toEqual(['given', 'given', 'given'])
    const last = outcome(one.evidence(binding))
    await turn()
    waiting[4]?.()
    expect(await last).toBe('given')
  })

  test('a slot comes back after a failure', async () => {
    const failing: EvidenceProvider = {
      kind: 'sev-snp',
      evidence: () => Promise.reject(new Refusal('bad-evidence', '')),
    }
    const ration = { atOnce: 1, waiting: 0, perMinute: many }
    const one = rationed({ provider: failing, links: ration, keys: ration })
    for (let i = 0; i < 3; i++) expect(await outcome(one.evidence(binding))).toBe('bad-evidence')
  })

  test('so many a minute, of each kind', async () => {
    let now = 0
    const ready: EvidenceProvider = {
      kind: 'sev-snp',
      evidence: () =>
        Promise.resolve({ kind: 'sev-snp', report: new Uint8Array(), endorsements: [], collateral: null }),
    }
    const links = { atOnce: 9, waiting: 9, perMinute: 3 }
    const one = rationed({ provider: ready, links, keys: { ...links, perMinute: 1 }, now: () => now })
    const next = () => outcome(one.evidence(binding))
    expect([await next(), await next(), await next(), await next()]).toEqual([
      ...['given', 'given', 'given'],
      'evidence-unavailable',
    ])
    expect(await outcome(one.evidence(keyBinding))).toBe('given')
    expect(await outcome(one.evidence(keyBinding))).toBe('evidence-unavailable')
    now = 20_000
    expect([await next(), await next()]).toEqual(['given', 'evidence-unavailable'])
  })
})

function linked(folder: string): string {
  symlinkSync(folder, `${folder}.link`)
  cleanups.push(() => rmSync(`${folder}.link`))
  return `${folder}.link`
}

function occupied(folder: string): string {
  writeFileSync(join(folder, 'reporter.sock'), '')
  return folder
}
