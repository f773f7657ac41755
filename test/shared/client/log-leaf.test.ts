/** `asunder log leaf`: the exact bytes, and nothing that is missing, misplaced or sloppy. Usage of its neighbours. */
import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { utf8 } from '../../../shared/bytes.ts'
import { main } from '../../../shared/client/commands/main.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { signNote } from '../../../shared/tlog/note.ts'
import { makeText } from '../../../shared/tlog/signed-text.ts'
import { generateSigner } from '../../../shared/tlog/signer.ts'
import { policyJson } from '../attestation/policies.ts'
import { operator } from './operator.ts'
import { newTerminal, type Terminal } from './terminal.ts'
import { gatewayKey } from './town.ts'

const people = await operator()
const someHash = 'ab'.repeat(32)

let terminal: Terminal

beforeEach(() => {
  terminal = newTerminal()
  put('root.note', people.root)
})

const put = (name: string, text: string | Uint8Array): void =>
  void terminal.files.set(name, typeof text === 'string' ? utf8(text) : text)
const run = (...args: string[]): Promise<number> => main(['log', ...args], terminal)
const json = (): unknown => JSON.parse(terminal.shown.out)
const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')

const m48 = '01'.repeat(48)
const common: Record<string, string> = {
  ...{ role: 'cvm', tee: 'simulated', measurement: m48, 'guest-svn': '10' },
  ...{ 'not-after': '2027-01-31T00:00:00Z', artifact: '09'.repeat(32) },
}
const snp = { ...common, tee: 'sev-snp', 'host-data': '02'.repeat(32) }
const tdx = { ...common, tee: 'tdx', 'mr-config-id': '03'.repeat(48), rtmr: Array(4).fill('04'.repeat(48)).join(',') }
const optionsOf = (fields: Record<string, string>): string[] =>
  Object.entries(fields).flatMap(([name, value]) => [`--${name}`, value])

describe('log leaf', () => {
  test('a release: the lines of attestation.md d.2 over the identity of trust.md 4', async () => {
    expect(await run('leaf', 'release', ...optionsOf(snp), '--json')).toBe(0)
    const absent = '030000040000050000060000070000080000'
    const tuple = Buffer.from(`010030${m48}020020${'02'.repeat(32)}${absent}09000363766d`, 'hex')
    const text = `asunder release v1\ncvm\nsev-snp\n${sha256(tuple)}\n10\n2027-01-31T00:00:00Z\n${'09'.repeat(32)}\n`
    const data = Buffer.from(text)
    expect(json()).toEqual({ kind: 'release', data: data.toString('base64'), leafHash: sha256(`\0${text}`) })
  })

  test('--raw is the data alone, and without either people can read it', async () => {
    await run('leaf', 'release', ...optionsOf(snp), '--raw')
    const raw = terminal.shown.out
    expect(raw.startsWith('asunder release v1\ncvm\n')).toBe(true)
    terminal.shown.out = ''
    await run('leaf', 'release', ...optionsOf(snp))
    expect(terminal.shown.out).toContain(`leaf hash  ${sha256(`\0${raw}`)}`)
  })

  test.each([
    ['sev-snp', snp, { hostData: '02'.repeat(32) }],
    ['tdx', tdx, { mrConfigId: '03'.repeat(48), rtmr: Array(4).fill('04'.repeat(48)) }],
    ['simulated', common, {}],
  ])('%s from a JSON file is the same leaf as from options', async (tee, fields, more) => {
    await run('leaf', 'release', ...optionsOf(fields), '--raw')
    const fromOptions = terminal.shown.out
    terminal.shown.out = ''
    const rest = { guestSvn: 10, notAfter: '2027-01-31T00:00:00Z', artifactSha256: '09'.repeat(32) }
    put('release.json', JSON.stringify({ role: 'cvm', tee, measurement: m48, ...rest, ...more }))
    expect(await run('leaf', 'release', 'release.json', '--raw')).toBe(0)
    expect(terminal.shown.out).toBe(fromOptions)
  })

  test.each([
    ...Object.keys(snp).map((name) => ['sev-snp', name, snp] as const),
    ...Object.keys(tdx).map((name) => ['tdx', name, tdx] as const),
  ])('a %s release without %s is refused, and says what it is', async (_, name, fields) => {
    const rest = Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name))
    expect(await run('leaf', 'release', ...optionsOf(rest))).toBe(2)
    expect(terminal.shown.err).toMatch(new RegExp(`--${name} is missing: \\S`))
    expect(terminal.shown.out).toBe('')
  })

  test.each([
    ['a platform that we do not know', { ...snp, tee: 'sgx' }, '--tee must be one of sev-snp, tdx, simulated'],
    ['upper case', { ...snp, measurement: 'AB'.repeat(48) }, '--measurement must be 48 bytes'],
    ['a short measurement', { ...snp, measurement: '01' }, '--measurement must be 48 bytes'],
    ['a long HOST_DATA', { ...snp, 'host-data': '02'.repeat(48) }, '--host-data must be 32 bytes'],
    ['an RTMR in SEV-SNP', { ...snp, rtmr: tdx.rtmr }, '--rtmr does not belong to a sev-snp release'],
    ['HOST_DATA in TDX', { ...tdx, 'host-data': '02'.repeat(32) }, '--host-data does not belong to a tdx release'],
    ['three RTMRs', { ...tdx, rtmr: '04,04,04' }, '--rtmr must be a list of 4'],
    ['an ID key of zeros', { ...snp, 'id-key-digest': '00'.repeat(48) }, '--id-key-digest: zeros'],
    ['half a version', { ...snp, 'guest-svn': '1.5' }, '--guest-svn must be an integer'],
    ['a sloppy time', { ...snp, 'not-after': '2027-01-31' }, '--not-after must be a time'],
    ['a role of two lines', { ...snp, role: 'a\nb' }, '--role must be one line'],
  ])('%s is refused', async (_, fields, words) => {
    expect(await run('leaf', 'release', ...optionsOf(fields as Record<string, string>))).toBe(2)
    expect(terminal.shown.err).toContain(words)
  })

  test.each([
    ['an unknown key', '{"role":"cvm","tee":"simulated","extra":1}', 'measurement is missing'],
    ['a key twice', '{"role":"cvm","role":"cvm"}', 'a key twice'],
    ['a list', '[]', 'a release is a JSON object'],
    ['no JSON', 'hello', 'JSON'],
  ])('a JSON file with %s is refused', async (_, text, words) => {
    put('release.json', text)
    expect(await run('leaf', 'release', 'release.json')).toBe(1)
    expect(terminal.shown.err).toContain('--release: release.json: bad-encoding')
    expect(terminal.shown.err).toContain(words)
  })

  test('an unknown key in an otherwise good file is refused', async () => {
    const rest = { guestSvn: 0, notAfter: '2027-01-31T00:00:00Z', artifactSha256: '09'.repeat(32) }
    put('release.json', JSON.stringify({ role: 'cvm', tee: 'simulated', measurement: m48, ...rest, colour: 'red' }))
    expect(await run('leaf', 'release', 'release.json')).toBe(1)
    expect(terminal.shown.err).toContain('colour does not belong')
  })

  test('a policy: the digest of its text without signature lines', async () => {
    const text = makeText('policy', policyJson())
    put('policy.note', await signNote(text, [await generateSigner('p.example')]))
    expect(await run('leaf', 'policy', 'policy.note', '--json')).toBe(0)
    const data = Buffer.concat([Buffer.from('asunder policy v1\n'), Buffer.from(sha256(text), 'hex')])
    const prefixed = Buffer.concat([Buffer.of(0), data])
    expect(json()).toEqual({ kind: 'policy', data: data.toString('base64'), leafHash: sha256(prefixed) })
    for (const [note, code] of [
      [people.root, 'malformed-note'],
      [await signNote(makeText('policy', { any: 'thing' }), [await generateSigner('p.example')]), 'bad-encoding'],
    ] as const) {
      put('policy.note', note)
      expect(await run('leaf', 'policy', 'policy.note')).toBe(1)
      expect(terminal.shown.err).toContain(code)
    }
  })

  test('a key list: the digest of its bytes', async () => {
    const keys = serializeKeyConfigs([gatewayKey().config])
    put('keys.bin', keys)
    expect(await run('leaf', 'keys', 'keys.bin', '--json')).toBe(0)
    const data = Buffer.concat([Buffer.from('asunder keys v1\n'), Buffer.from(sha256(keys), 'hex')])
    expect(json()).toMatchObject({ kind: 'keys', leafHash: sha256(Buffer.concat([Buffer.of(0), data])) })
    put('keys.bin', 'no key list')
    expect(await run('leaf', 'keys', 'keys.bin')).toBe(1)
    expect(terminal.shown.err).toContain('bad-key-config')
  })

  test.each([
    [['leaf'], 'release, policy or keys'],
    [['leaf', 'image'], 'release, policy or keys'],
    [['leaf', 'policy'], 'give the file'],
    [['leaf', 'release', 'a', 'b'], 'one file'],
    [['leaf', 'release', 'a', '--role', 'cvm'], 'a file or options'],
    [['add', 'folder'], 'give exactly one of'],
    [['verify'], 'exactly one proof'],
    [['verify', 'proof', '--trust', 'root.note'], 'give exactly one of'],
    [['verify', 'proof', '--leaf', 'AB', '--trust', 'root.note'], '32 bytes in lower-case hex'],
    [['verify', 'proof', '--leaf', someHash, '--keys', 'x'], 'not both'],
    [['verify', 'proof', '--leaf', someHash], '--trust is missing'],
    [['audit', 'one'], 'two checkpoints'],
    [['witness'], 'needs a command'],
    [['witness', 'dance'], 'no command "dance"'],
    [['init', 'folder'], '--name is missing'],
    [['grow'], 'no command "grow"'],
  ])('%j is a usage error that says what to do', async (args, words) => {
    expect(await run(...args)).toBe(2)
    expect(terminal.shown.err).toContain(words)
  })

  test.each([
    ['leaf'],
    ['verify'],
    ['audit'],
    ['init'],
    ['add'],
    ['checkpoint'],
    ['prove'],
    ['witness'],
    ['witness', 'cosign'],
  ])('log %s --help is its own', async (...words) => {
    expect(await run(...words, '--help')).toBe(0)
    expect(terminal.shown.out).toContain(`Usage: asunder log ${words.join(' ')} `)
  })
})
