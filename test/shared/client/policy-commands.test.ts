/** `asunder policy`: drafts, signatures one after the other, and checks that tell everything. trust.md 1. */
import { beforeEach, describe, expect, test } from 'vitest'
import { readPolicyFields } from '../../../shared/attestation/policy-fields.ts'
import { verifyStatement } from '../../../shared/attestation/serial-statement.ts'
import { strictSnp } from '../../../shared/attestation/sev-snp/policy.ts'
import { verifyPolicy } from '../../../shared/attestation/signed-policy.ts'
import { utf8 } from '../../../shared/bytes.ts'
import { readDraft } from '../../../shared/client/commands/policy-draft.ts'
import { leafOf } from '../attestation/policies.ts'
import { day, Desk, now } from './policy-desk.ts'
import { secretOf } from './terminal.ts'

let desk: Desk

beforeEach(async () => {
  desk = await Desk.open()
})

type Found = { ok: boolean; problems: { code: string; message: string; remedy: string }[]; attention: string[] }

async function check(path: string, ...args: string[]): Promise<{ code: number; found: Found }> {
  const { code, out } = await desk.run('policy', 'check', '--json', path, ...args)
  return { code, found: JSON.parse(out) as Found }
}

const codes = ({ problems }: Found): string[] => problems.map(({ code }) => code)

describe('init', () => {
  test('writes a draft that is strict, current, explained, and lets nothing in', async () => {
    const { code, out, err } = await desk.run('policy', 'init', '--role', 'app')
    const policy = readPolicyFields(readDraft(out).value)
    expect([code, err]).toEqual([0, ''])
    expect(policy).toMatchObject({ serial: 1, role: 'app', notBefore: now, notAfter: now + 7 * day })
    expect(policy.snp).toEqual(strictSnp)
    expect(policy).toEqual(
      readPolicyFields({
        ...(readDraft('{"version":1,"serial":1,"role":"app","snp":{}}').value as object),
        notBefore: '2026-11-22T12:00:00Z',
        notAfter: '2026-11-29T12:00:00Z',
      }),
    )
    expect(out.split('\n').filter((line) => line.trim().startsWith('//')).length).toBeGreaterThan(20)
  })

  test.each([
    [[], '--role is missing'],
    [['--role', 'app', '--days', '8'], '--days: a whole number from 1 to 7'],
    [['--role', 'app', '--serial', '0'], '--serial: a whole number from 1'],
    [['--role', 'app', '--life', '8'], "Unknown option '--life'"],
  ])('%j is a usage error', async (args, words) => {
    expect(await desk.run('policy', 'init', ...args)).toMatchObject({ code: 2, out: '' })
    expect(desk.terminal.shown.err).toContain(words)
  })

  test('a role with quotes is a role like any other', async () => {
    const { out } = await desk.run('policy', 'init', '--role', 'a"b')
    expect(readPolicyFields(readDraft(out).value).role).toBe('a"b')
  })
})

describe('sign', () => {
  test('several people, one after the other; who is missing is told while somebody is', async () => {
    await desk.draft()
    const first = await desk.run(
      'policy',
      'sign',
      '--key',
      'ana.skey',
      '--root',
      'root.note',
      'draft.json',
      '-o',
      'one.note',
    )
    expect(first).toMatchObject({ code: 0, out: '' })
    expect(first.err).toBe('1 of 2 signatures; next: asunder policy sign, by ben, cleo\n')
    const second = await desk.run('policy', 'sign', '--key', 'cleo.skey', '--root', 'root.note', 'one.note')
    expect([second.code, second.err]).toEqual([0, ''])
    expect((await verifyPolicy(second.out, { root: desk.root, now })).signers).toEqual(['ana', 'cleo'])
    expect(second.out.startsWith(desk.file('one.note'))).toBe(true)
  })

  test.each([
    ['no key', [], 2, '--key is missing'],
    [
      'a key of somebody else',
      ['--key', 'stranger.skey', '--root', 'root.note'],
      2,
      'stranger is not among the policyKeys',
    ],
    ['the timestamp key', ['--key', 'time.skey', '--root', 'root.note'], 2, 'time is not among the policyKeys'],
    ['a key that is none', ['--key', 'root.note'], 1, 'root.note holds no signing key'],
  ])('with %s: refused', async (_, args, code, words) => {
    await desk.draft()
    const ended = await desk.run('policy', 'sign', ...args, 'draft.json')
    expect(ended).toMatchObject({ code, out: '' })
    expect(ended.err).toContain(words)
    expect(ended.err).not.toContain('PRIVATE')
  })

  test('nobody signs twice, nor what clients would refuse, nor what the root does not allow', async () => {
    await desk.draft()
    await desk.signed()
    expect((await desk.run('policy', 'sign', '--key', 'ana.skey', 'policy.note')).err).toContain(
      'ana has signed already',
    )
    await desk.draft('wide.json', ['"clockSkew": "PT120S"', '"clockSkew": "PT1H"'])
    expect(await desk.run('policy', 'sign', '--key', 'ana.skey', 'wide.json')).toMatchObject({ code: 1, out: '' })
    await desk.draft('chips.json', ['"mode": "allowlist"', '"mode": "any"'])
    expect((await desk.run('policy', 'sign', '--key', 'ana.skey', 'chips.json')).code).toBe(0)
    const ended = await desk.run('policy', 'sign', '--key', 'ana.skey', '--root', 'root.note', 'chips.json')
    expect(ended).toMatchObject({ code: 1, out: '' })
    expect(ended.err).toContain('policy-widens: policy.snp.chips.mode any is wider')
  })
})

describe('statement', () => {
  test('says which serial is current, now', async () => {
    await desk.draft()
    await desk.signed()
    const { code, out } = await desk.run(
      'policy',
      'statement',
      '--key',
      'time.skey',
      '--policy',
      'policy.note',
      '--root',
      'root.note',
    )
    expect(code).toBe(0)
    expect(await verifyStatement(out, { root: desk.root, role: 'app', now })).toMatchObject({ serial: 42, time: now })
    const said = await desk.run('policy', 'statement', '--key', 'time.skey', '--role', 'app', '--serial', '43')
    expect(await verifyStatement(said.out, { root: desk.root, role: 'app', now })).toMatchObject({ serial: 43 })
  })

  test.each([
    [['--key', 'time.skey'], 'give --policy, or --role and --serial'],
    [['--key', 'time.skey', '--role', 'app'], 'give --policy, or --role and --serial'],
    [['--key', 'time.skey', '--policy', 'x', '--role', 'app'], 'not both'],
    [['--role', 'app', '--serial', '1'], '--key is missing'],
    [['--key', 'time.skey', '--key', 'ana.skey', '--role', 'app', '--serial', '1'], 'one key signs a statement'],
    [['--key', 'ana.skey', '--role', 'app', '--serial', '1', '--root', 'root.note'], 'not among the timestampKeys'],
    [['--key', 'time.skey', '--role', 'app', '--serial', '1', 'more'], 'no file here'],
  ])('%j is a usage error', async (args, words) => {
    desk.put('x', '{}')
    expect(await desk.run('policy', 'statement', ...args)).toMatchObject({ code: 2, out: '' })
    expect(desk.terminal.shown.err).toContain(words)
  })
})

describe('check', () => {
  test('a draft that stands', async () => {
    await desk.draft()
    const { code, out } = await desk.run('policy', 'check', 'draft.json')
    expect(code).toBe(0)
    expect(out).toContain('attention: policy.snp.minTcb has no floor for Genoa')
    expect(out).toContain('attention: not held against a trust root: give --root')
    expect(out.endsWith('nothing is wrong\n')).toBe(true)
  })

  test('a signed policy against root, statement and log', async () => {
    await desk.draft()
    await desk.signed()
    await desk.run('policy', 'statement', '--key', 'time.skey', '--policy', 'policy.note', '-o', 'statement.note')
    const leaf = leafOf(desk.file('policy.note'))
    desk.log.add(leaf)
    desk.put(
      'proof',
      await desk.log.proof(leaf, [
        [0, now],
        [1, now],
      ]),
    )
    const all = ['--root', 'root.note', '--statement', 'statement.note', '--proof', 'proof', '--last-serial', '42']
    const whole = await check('policy.note', ...all)
    expect(whole).toMatchObject({ code: 0, found: { ok: true, problems: [] } })
    expect(whole.found.attention.join()).not.toContain('not ')
  })

  test('everything that is wrong at once, each with its place and its remedy', async () => {
    await desk.draft(
      'bad.json',
      ...([
        ['"serial": 42', '"serial": "42", "logs": []'],
        ['"debug": 0', '"debug": 2'],
        ['"digest": "aaaa', '"digest": "AAaa'],
        ['"PT26H"', '"PT99H"'],
      ] as const),
    )
    const { code, found } = await check('bad.json', '--root', 'root.note')
    const places = [
      'policy.logs',
      'policy.serial',
      'policy.snp.guestPolicy.debug',
      'policy.snp.measurements[0].digest',
      'policy.log.maxCosignatureAge',
    ]
    expect([code, found.ok]).toEqual([1, false])
    for (const place of places) expect(found.problems.map(({ message }) => message.split(' ')[0])).toContain(place)
    expect(found.problems.every(({ remedy }) => remedy.length > 10)).toBe(true)
  })

  test.each<[string, readonly (readonly [string, string])[], string[], string[]]>([
    ['too low for the root', [['"serial": 42', '"serial": 9']], [], ['rolled-back']],
    ['lower than clients have seen', [], ['--last-serial', '43'], ['rolled-back']],
    [
      'wider than the root',
      [
        ['"mode": "allowlist"', '"mode": "log"'],
        ['"debug": 0', '"debug": null'],
      ],
      [],
      ['policy-widens', 'policy-widens'],
    ],
    [
      'over',
      [
        ['"notBefore": "2026-11-22T12:00:00Z"', '"notBefore": "2026-11-20T12:00:00Z"'],
        ['"notAfter": "2026-11-29T12:00:00Z"', '"notAfter": "2026-11-21T12:00:00Z"'],
      ],
      [],
      ['policy-expired'],
    ],
  ])('%s', async (_, changes, args, expected) => {
    await desk.draft('draft.json', ...changes)
    const { code, found } = await check('draft.json', '--root', 'root.note', ...args)
    expect(code).toBe(1)
    expect(codes(found)).toEqual(expected)
  })

  test('a note with too few signatures, an old statement, and a proof of something else: three problems', async () => {
    await desk.draft()
    await desk.signed()
    await desk.run(
      'policy',
      'statement',
      '--key',
      'time.skey',
      '--role',
      'app',
      '--serial',
      '43',
      '-o',
      'statement.note',
    )
    desk.log.add(utf8('something else'))
    desk.put(
      'proof',
      await desk.log.proof(utf8('something else'), [
        [0, now],
        [1, now],
      ]),
    )
    const all = ['--root', 'root.note', '--statement', 'statement.note', '--proof', 'proof']
    expect(codes((await check('policy.note', ...all)).found)).toEqual(['rolled-back', 'root-mismatch'])
    expect(codes((await check('one.note', ...all)).found)).toEqual(['unsigned', 'rolled-back', 'unsigned'])
    desk.now = now + 25 * 3_600_000
    expect(codes((await check('policy.note', ...all)).found)).toEqual(['statement-too-old', 'root-mismatch'])
    desk.put('proof', '')
    expect(codes((await check('policy.note', ...all)).found)).toEqual(['statement-too-old', 'no-proof'])
  })

  test.each([
    ['a comma too few', '{\n// a comment\n"version": 1\n"serial": 2}', 'bad-encoding', 'JSON: no } at 4:1'],
    ['a key twice', '{"serial": 1,\n"serial": 2}', 'bad-encoding', 'JSON: a key twice ("serial", first at 1:2) at 2:9'],
    ['a note of another kind', 'asunder root v1\n{}\n\n— a AAAAAAAA\n', 'malformed-note', 'asunder policy v1'],
    ['half a note', 'asunder policy v1\n{}\n', 'malformed-note', 'no blank line'],
    ['nothing', '', 'bad-encoding', 'JSON'],
  ])('%s: told with its line', async (_, text, code, words) => {
    desk.put('bad', text)
    const { found } = await check('bad')
    expect(codes(found)).toEqual([code])
    expect(found.problems[0]?.message).toContain(words)
  })

  test('a string with two slashes is no comment', async () => {
    await desk.draft('draft.json', ['"role": "app"', '"role": "https://app"'])
    expect((await check('draft.json')).code).toBe(0)
    await desk.run('policy', 'sign', '--key', 'ana.skey', 'draft.json', '-o', 'one.note')
    expect(desk.file('one.note')).toContain('"role":"https://app"')
  })

  test.each([[['x']], [[]], [['a', 'b']], [['x', '--statement', 'y']], [['x', '--proof', 'y']]])(
    '%j: exit 1 for a file that is not there, 2 for what makes no sense',
    async (args) => {
      expect(await desk.run('policy', 'check', ...args)).toMatchObject({ code: args.length === 1 ? 1 : 2, out: '' })
    },
  )
})

test('no secret is ever printed', async () => {
  await desk.draft()
  await desk.signed()
  const printed: string[] = []
  const calls = [
    ['policy', 'check', 'policy.note', '--root', 'root.note'],
    ['policy', 'explain', 'policy.note'],
    ['policy', 'sign', '--key', 'cleo.skey', 'policy.note'],
    ['policy', 'statement', '--key', 'time.skey', '--policy', 'policy.note'],
    ['policy', 'check', 'ana.skey'],
    ['policy', 'sign', '--key', 'ana.skey', 'ana.skey'],
    ['trust', 'show', 'ana.skey'],
    ['trust', 'sign', '--key', 'ana.skey', 'root.note'],
  ]
  for (const args of calls) {
    const { out, err } = await desk.run(...args)
    printed.push(out, err)
  }
  expect(printed.join('').length).toBeGreaterThan(1000)
  for (const path of desk.terminal.secret) {
    expect(printed.join('')).not.toContain(secretOf(desk.file(path)).slice(4, 24))
  }
})

test.each([['init'], ['sign'], ['check'], ['explain'], ['statement']])('policy %s --help', async (name) => {
  const { code, out, err } = await desk.run('policy', name, '--help')
  expect([code, err]).toEqual([0, ''])
  expect(out).toContain(`Usage: asunder policy ${name}`)
})
