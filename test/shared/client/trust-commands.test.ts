/** `asunder trust`: roots made by hand, signed by several, handed on and read. trust.md 1. */
import { beforeEach, describe, expect, test } from 'vitest'
import { newestRoot, verifyRoot, type TrustRoot } from '../../../shared/attestation/trust-root.ts'
import { fromUtf8 } from '../../../shared/bytes.ts'
import { durationText } from '../../../shared/client/commands/output.ts'
import { main } from '../../../shared/client/commands/main.ts'
import { parseKey, verifierKey } from '../../../shared/tlog/key.ts'
import { readSigner } from '../../../shared/tlog/signer.ts'
import { newTerminal, secretOf, type Terminal } from './terminal.ts'

const now = Date.parse('2026-11-22T12:00:00.250Z')
const day = 86_400_000
let terminal: Terminal

beforeEach(() => {
  terminal = newTerminal({ now: () => now })
})

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  Object.assign(terminal.shown, { out: '', err: '' })
  const code = await main(args, terminal)
  return { code, ...terminal.shown }
}

const file = (path: string): string => fromUtf8(terminal.files.get(path) ?? expect.unreachable(`no ${path}`))

/** Signing keys `NAME.skey` with their verifier keys beside them, as people would keep them. */
async function keys(...names: string[]): Promise<void> {
  for (const name of names) {
    const { code, out } = await run('trust', 'keygen', name)
    expect(code).toBe(0)
    await terminal.writeFile(`${name}.vkey`, ReadableStream.from([new TextEncoder().encode(out)]))
  }
}

const each = (option: string, ...names: string[]): string[] => names.flatMap((name) => [option, `${name}.vkey`])
const by = (...names: string[]): string[] => names.flatMap((name) => ['--key', `${name}.skey`])

/** A witness's key is of another kind; these tests only need its public half. */
function witnesses(...names: string[]): string[] {
  return names.flatMap((name) => {
    const { publicKey } = parseKey(file(`${name}.vkey`).trim())
    return ['--witness', `${name}=${verifierKey(`${name}.example/w`, 'cosignature', publicKey).text}`]
  })
}

const operators = ['w1', 'w2', 'w3', 'w4', 'w5']
const everybody = ['r1', 'r2', 'r3', 'p1', 'p2', 'p3', 'b1', 't1', 'log', ...operators]

function production(...signers: string[]): string[] {
  return [
    ...['trust', 'init', '--use', 'production', ...by(...signers)],
    ...each('--root-key', 'r1', 'r2', 'r3'),
    ...each('--policy-key', 'p1', 'p2', 'p3'),
    ...[...each('--bundle-key', 'b1'), ...each('--timestamp-key', 't1')],
    ...['--log', 'log.example/cvms=log.vkey', ...witnesses(...operators)],
  ]
}

describe('keygen', () => {
  test('puts the secret into a file of its owner alone, and only the verifier key on standard output', async () => {
    const { code, out, err } = await run('trust', 'keygen', 'publisher.example/root-1')
    const secret = file('publisher.example-root-1.skey')
    const signer = await readSigner(secret.trim())
    expect([code, out]).toEqual([0, `${signer.vkey}\n`])
    expect(signer.name).toBe('publisher.example/root-1')
    expect([...terminal.secret]).toEqual(['publisher.example-root-1.skey'])
    expect(`${out}${err}`).not.toContain(secretOf(secret))
  })

  test('never overwrites', async () => {
    await run('trust', 'keygen', '-o', 'mine', 'a')
    const before = file('mine')
    expect(await run('trust', 'keygen', '-o', 'mine', 'a')).toMatchObject({ code: 1, out: '' })
    expect(file('mine')).toBe(before)
  })

  test.each([[['a b']], [['a+b']], [[]], [['a', 'b']]])('%j is a usage error', async (names) => {
    expect((await run('trust', 'keygen', ...names)).code).toBe(2)
    expect(terminal.files.size).toBe(0)
  })

  test('a name leads into no other folder', async () => {
    await run('trust', 'keygen', '../../etc/key')
    expect([...terminal.files.keys()]).toEqual(['etc-key.skey'])
  })
})

describe('init for development', () => {
  test('makes what is missing, and the root verifies', async () => {
    const { code, out } = await run('trust', 'init', '--use', 'development', '--name', 'try')
    const root = await verifyRoot(out)
    expect(code).toBe(0)
    expect([...terminal.secret].sort()).toEqual(
      ['bundle', 'policy', 'root', 'timestamp'].map((kind) => `try-${kind}.skey`),
    )
    expect(root).toMatchObject({
      ...{ version: 1, use: 'development', rootThreshold: 1, policyThreshold: 1, quorum: 0, minPolicySerial: 1 },
      ...{
        chips: 'allowlist',
        placements: ['front'],
        vendorRoots: [],
        notAfter: Math.floor(now / 1000) * 1000 + 90 * day,
      },
    })
    for (const path of terminal.secret) expect(out).not.toContain(secretOf(file(path)))
  })

  test('takes the keys that are given', async () => {
    await keys('r1', 'b1')
    const args = ['--use', 'development', ...each('--root-key', 'r1'), ...each('--bundle-key', 'b1'), ...by('r1')]
    const root = await verifyRoot((await run('trust', 'init', ...args)).out)
    expect([root.rootKeys[0]?.name, root.bundleKeys[0]?.name]).toEqual(['r1', 'b1'])
    expect(root.policyKeys[0]?.name).toBe('development-policy')
  })

  test('a key file in its way stops it', async () => {
    await run('trust', 'keygen', 'development-bundle')
    expect((await run('trust', 'init', '--use', 'development')).code).toBe(1)
    expect(terminal.shown.err).toContain('development-bundle.skey')
  })
})

describe('init for production', () => {
  beforeEach(() => keys(...everybody))

  test('has sensible defaults: 3 of 5 operators, most of the people, Genoa and Turin, chips by list, a year', async () => {
    const { code, out } = await run(...production('r1', 'r3'))
    const root = await verifyRoot(out)
    expect(code).toBe(0)
    expect(root).toMatchObject({
      ...{ version: 1, use: 'production', rootThreshold: 2, policyThreshold: 2, quorum: 3, minPolicySerial: 1 },
      ...{ chips: 'allowlist', placements: ['inside', 'sealed'] },
      notAfter: Math.floor(now / 1000) * 1000 + 365 * day,
    })
    // AMD's own, as attestation.md a.3 measured them.
    expect(root.vendorRoots.map((digest) => digest.slice(0, 8))).toEqual(['4c6598d1', '1f084161'])
    expect(root.witnesses.map(({ operator }) => operator)).toEqual(operators)
    expect(terminal.shown.err).toBe('')
  })

  test('one signature first, the others later and elsewhere', async () => {
    const first = await run(...production('r1'), '-o', 'one.note')
    expect(first).toMatchObject({ code: 0, out: '' })
    expect(first.err).toContain('1 of 2 signatures')
    expect(first.err).toContain('by r2, r3')
    expect((await run('trust', 'show', 'one.note')).code).toBe(1)
    const second = await run('trust', 'sign', ...by('r2'), 'one.note')
    expect([second.code, second.err]).toEqual([0, ''])
    expect((await verifyRoot(second.out)).version).toBe(1)
  })

  test.each([
    ['a key that is not there', ['--quorum', '6'], 1, 'bad-trust-root: quorum is more than there are operators'],
    ['a strange chip mode', ['--chips', 'all'], 2, '--chips: one of allowlist, log, any'],
    ['a strange placement', ['--placement', 'behind'], 2, '--placement: one of'],
    ['a strange vendor', ['--vendor', 'naples'], 2, '--vendor: genoa'],
    ['a private key in a public place', ['--bundle-key', 'b1.skey'], 2, '--bundle-key: a private key'],
    ['a key of another kind', ['--timestamp-key', 'nothing+00000000+AAAA'], 2, '--timestamp-key: not a verifier key'],
    ['a file that is not there', ['--policy-key', 'nobody.vkey'], 1, '--policy-key: cannot read nobody.vkey'],
    ['a log without its name', ['--log', 'log.vkey'], 2, '--log: a name, then =, then its key'],
    ['a life of no days', ['--days', '0'], 2, '--days: a whole number'],
    ['one key for two tasks', ['--bundle-key', 'p1.vkey'], 1, 'bad-trust-root: one public key in two places'],
    ['a signer that is no root key', by('p1'), 2, '--key: p1 is not among the --root-key'],
    ['a file that is no key', ['--key', 'r1.vkey'], 1, '--key: r1.vkey holds no signing key'],
  ])('%s is named: %j', async (_, args, code, words) => {
    const ended = await run(...production('r1'), ...args)
    expect(ended).toMatchObject({ code, out: '' })
    expect(ended.err).toContain(words)
    expect(ended.err).not.toContain('PRIVATE')
  })

  test('what is missing is told all at once', async () => {
    const { code, err } = await run('trust', 'init', '--use', 'production', ...by('r1'), ...each('--root-key', 'r1'))
    expect(code).toBe(2)
    expect(err).toContain('--bundle-key, --policy-key, --timestamp-key: who?')
    expect((await run('trust', 'init')).err).toContain('--use: one of production, development')
    expect((await run(...production())).err).toContain('--key is missing')
  })
})

describe('sign', () => {
  beforeEach(async () => {
    await keys(...everybody)
    await run(...production('r1'), '-o', 'one.note')
  })

  test.each([
    ['who has signed', ['r1'], 1, 'r1 has signed already'],
    ['who is no root key', ['p1'], 2, 'p1 is no root key here'],
  ])('%s is told', async (_, names, code, words) => {
    const ended = await run('trust', 'sign', ...by(...names), 'one.note')
    expect(ended).toMatchObject({ code, out: '' })
    expect(ended.err).toContain(words)
  })

  test('a text that is no root is not signed', async () => {
    const note = file('one.note').replace('"quorum":3', '"quorum":9')
    await terminal.writeFile('bad.note', ReadableStream.from([new TextEncoder().encode(note)]))
    expect(await run('trust', 'sign', ...by('r2'), 'bad.note')).toMatchObject({ code: 1, out: '' })
    expect(terminal.shown.err).toContain('bad-trust-root')
  })
})

describe('rotate', () => {
  let old: TrustRoot
  beforeEach(async () => {
    await keys(...everybody, 'r4', 'b2')
    await run(...production('r1', 'r2'), '-o', 'root.note')
    old = await verifyRoot(file('root.note'))
  })

  test('changes what is said and keeps the rest; signed by old and new it is followed', async () => {
    const { code, out, err } = await run(
      'trust',
      'rotate',
      ...by('r1', 'r2'),
      ...each('--bundle-key', 'b2'),
      'root.note',
    )
    const next = await newestRoot(old, [out])
    expect([code, err]).toEqual([0, ''])
    expect(next.bundleKeys.map(({ name }) => name)).toEqual(['b2'])
    expect({ ...next, bundleKeys: old.bundleKeys, version: 1, note: old.note }).toEqual(old)
  })

  test('a new list of root keys needs both thresholds, wherever their holders are', async () => {
    const change = ['trust', 'rotate', ...each('--root-key', 'r1', 'r3', 'r4'), 'root.note', '-o', 'next.note']
    await run(...change, ...by('r1', 'r4'))
    expect(terminal.shown.err).toContain('1 of 2 signatures that version 1 wants; next: asunder trust sign, by r2, r3')
    expect((await run('trust', 'show', 'root.note', 'next.note')).code).toBe(1)
    expect(terminal.shown.out).toContain('version 2 has 1 of 2 signatures by the root keys of version 1')
    expect((await run('trust', 'sign', ...by('r2'), 'next.note')).code).toBe(2)
    const { out } = await run('trust', 'sign', '--previous', 'root.note', ...by('r2'), 'next.note')
    const next = await newestRoot(old, [out])
    expect([next.version, next.rootThreshold]).toEqual([2, 2])
  })

  test.each([
    ['a root that is not signed enough', 'weak.note', [], 1, 'unsigned'],
    ['a floor of serials that falls', 'root.note', ['--min-policy-serial', '0'], 1, 'minPolicySerial falls'],
    ['a signer that nobody knows', 'root.note', by('p1'), 2, 'p1 is no root key here'],
  ])('%s: refused', async (_, path, args, code, words) => {
    await run(...production('r1'), '-o', 'weak.note')
    const ended = await run('trust', 'rotate', ...by('r1', 'r2'), ...args, path)
    expect(ended).toMatchObject({ code, out: '' })
    expect(ended.err).toContain(words)
  })
})

describe('show', () => {
  beforeEach(async () => {
    await keys(...everybody)
    await run(...production('r1', 'r2'), '-o', 'root.note')
  })

  const later = (days: number) => (terminal = { ...terminal, now: () => now + days * day })

  test('tells who may what, with fingerprints that a person can compare', async () => {
    const { code, out } = await run('trust', 'show', 'root.note')
    expect(code).toBe(0)
    for (const words of [
      'version 1, production',
      'signed by     r1, r2',
      '2 of 3 say what follows this root',
      '2 of 3 sign a policy',
      '3 of 5 operators must have seen a tree',
      '(Genoa)',
      'only chips that the policy lists',
    ]) {
      expect(out).toContain(words)
    }
    expect(out).not.toContain('wrong')
    expect(out).not.toContain('attention')
  })

  test.each([
    [334, 0, []],
    [335, 0, ['attention     it ends within 30 days: rotate it']],
    [366, 1, ['wrong         version 1 ended: carry a newer one']],
  ])('after %i days: exit %i, %j', async (days, code, words) => {
    later(days)
    const ended = await run('trust', 'show', 'root.note')
    expect(ended.code).toBe(code)
    expect(ended.out.split('\n').filter((line) => /^(attention|wrong)/.test(line))).toEqual(words)
  })

  test('a note that was changed is refused', async () => {
    const note = file('root.note').replace('"quorum":3', '"quorum":2')
    await terminal.writeFile('bad.note', ReadableStream.from([new TextEncoder().encode(note)]))
    expect(await run('trust', 'show', 'bad.note')).toMatchObject({ code: 1, out: '' })
    expect(terminal.shown.err).toContain('bad-signature')
  })

  test('what is unwise is told and does not fail', async () => {
    await run('trust', 'init', '--use', 'development', '-o', 'dev.note')
    const { code, out } = await run('trust', 'show', 'dev.note', '--json')
    const found = JSON.parse(out) as { wrong: string[]; attention: string[]; use: string }
    expect([code, found.use, found.wrong]).toEqual([0, 'development', []])
    expect(found.attention.join('\n')).toMatch(/simulated evidence[^]*root key[^]*policy key[^]*no log/)
  })

  test('versions out of order are told', async () => {
    const { code, out } = await run('trust', 'show', 'root.note', 'root.note')
    expect(code).toBe(1)
    expect(out).toContain('version 1 does not follow 1')
  })
})

test.each([
  [['trust']],
  [['trust', 'nothing']],
  [['trust', 'show']],
  [['trust', 'sign', 'x']],
  [['trust', 'rotate', 'x']],
])('%j is a usage error', async (args) => {
  expect(await run(...args)).toMatchObject({ code: 2, out: '' })
})

test.each([['keygen'], ['init'], ['sign'], ['rotate'], ['show']])('trust %s --help', async (name) => {
  const { code, out, err } = await run('trust', name, '--help')
  expect([code, err]).toEqual([0, ''])
  expect(out).toContain(`Usage: asunder trust ${name}`)
})

test.each([
  [0, '0 s'],
  [90_000, '1 min 30 s'],
  [86_640_000, '24 h 4 min'],
  [72 * 3_600_000, '72 h'],
  [7 * day, '7 days'],
])('%i ms are %s', (milliseconds, text) => {
  expect(durationText(milliseconds)).toBe(text)
})
