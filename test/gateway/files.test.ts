/** What the files of a gateway must hold: `config check` says of each what is wrong, and a start says the same. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { gatewayDefinition } from '../../gateway/config.ts'
import { base64url } from '../../shared/bytes.ts'
import { readSettingsAndFiles, SettingsError, type Definition } from '../../shared/config/read.ts'
import type { Rows } from '../../shared/config/rows.ts'
import { generateSigningKey, readSigner } from '../../shared/tlog/signer.ts'
import { certificatePem, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import { relayDefinition } from '../../relay/config.ts'
import { root } from '../house/walk.ts'
import { fleet, role } from '../shared/attestation/fleet.ts'
import { mint } from '../shared/privacy-pass/mint.ts'
import { pinLine } from '../shared/upstream/pin-line.ts'
import { developmentRoot } from './trust.ts'

const now = Math.floor(Date.now() / 1000) * 1000
const day = 86_400_000
const [one, two] = [selfSigned({ commonName: 'one', use: 'server' }), selfSigned({ commonName: 'two', use: 'client' })]
const issuer = mint()
const until = new Date(now + day).toISOString()

let folder = ''
const write = (name: string, text: string | Buffer): void => writeFileSync(join(folder, name), text, { mode: 0o600 })
const moved = (days: number): string => pinLine(two.privateKey, days)

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'asunder-held-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { skey } = await generateSigningKey('publisher')
  write('bundle.skey', skey)
  write('root.note', await developmentRoot(await readSigner(skey), now + day))
  for (const [name, identity] of Object.entries({ server: one, 'to-cvm': two })) {
    write(`${name}.key`, privateKeyPem(identity))
    write(`${name}.pem`, certificatePem(identity))
  }
  write('relays.pem', certificatePem(two))
  write('first.pins', moved(30))
  write('second.pins', pinLine(one.privateKey, 30))
  write('store.password', 'word\n')
  write('issuer.key', base64url(issuer.verifier.tokenKey))
})

const settings = {
  placement: 'front',
  listen: { port: 0, tls: { key: 'server.key', cert: 'server.pem', clientCa: 'relays.pem' } },
  relays: [
    { name: 'first', pins: 'first.pins' },
    { name: 'second', pins: 'second.pins' },
  ],
  trust: 'root.note',
  cvm: {
    host: '127.0.0.1',
    port: 1,
    role: 'app',
    identity: { key: 'to-cvm.key', cert: 'to-cvm.pem' },
    allowSimulated: { rootSha256: 'a'.repeat(64), measurement: 'b'.repeat(96) },
  },
  targets: ['https://app.example'],
  keys: { file: 'keys.json' },
  store: { kind: 'sqlite', file: 'claims.db' },
  bundle: { file: 'bundle.note', signer: 'bundle.skey' },
  tokens: { issuer: 'issuer.example', origins: ['app.example'], keys: [{ file: 'issuer.key', until }] },
}
const withValkey = {
  keys: {},
  store: { kind: 'valkey', valkey: { host: 'v', ca: 'relays.pem', password: 'store.password' } },
}

async function told<G extends Rows>(definition: Definition<G>, given: object, at = now): Promise<string[]> {
  const sources = { text: JSON.stringify(given), source: 'g', places: { folder, credentials: undefined }, now: at }
  try {
    const { bearable } = await readSettingsAndFiles(definition, sources)
    return bearable.map(({ path, wrong }) => `but ${path}: ${wrong}`)
  } catch (error) {
    if (error instanceof SettingsError) return error.message.split('\n').map((line) => line.replace(/^g:\d+:\d+: /, ''))
    throw error
  }
}
const gateway = (more: object = {}, at?: number) => told(gatewayDefinition, { ...settings, ...more }, at)

test('files that hold what they should are taken', async () => {
  expect(await gateway()).toEqual([])
  expect(await gateway(withValkey)).toEqual([])
})

describe('a file that holds something else is named, with its setting and the remedy', () => {
  const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  test.each<[string, string, string, RegExp, object?]>([
    [
      'no certificate',
      'server.pem',
      'x',
      /^listen\.tls\.cert: .*server\.pem is not a certificate: .*\. Give it in PEM/,
    ],
    ['one that is damaged', 'server.pem', garbage, /^listen\.tls\.cert: .* certificate 1 in it cannot be read/],
    ['no private key', 'server.key', 'x', /^listen\.tls\.key: .*server\.key is not a private key: .*passphrase/],
    ['the key of another', 'server.key', privateKeyPem(two), /^listen\.tls\.key: is not the key of .* server\.pem/],
    [
      'no authority',
      'relays.pem',
      '# none yet\n',
      /^listen\.tls\.clientCa: .*relays\.pem is not a file of authorities/,
    ],
    ['a key in front', 'to-cvm.key', 'x', /^cvm\.identity\.key: .*to-cvm\.key is not a private key/],
    ['another key there', 'to-cvm.key', privateKeyPem(one), /^cvm\.identity\.key: is not the key of/],
    [
      'pins that are none',
      'first.pins',
      'x',
      /^relays\.0\.pins: .*first\.pins is not a file of pins: line 1 is not 64/,
    ],
    ['no pins', 'first.pins', '\n', /^relays\.0\.pins: .* no pin is in it/],
    ['pins of another', 'second.pins', moved(9), /^relays\.1\.pins: has a pin that first has too.*Ask both operators/],
    ['no root', 'root.note', 'x', /^trust: .*root\.note is not a trust root: .*\. Take the root's note/],
    [
      'no signer',
      'bundle.skey',
      'x',
      /^bundle\.signer: .*bundle\.skey is not a key that signs bundles: .*trust keygen/,
    ],
    ['no keys', 'keys.json', '{}', /^keys\.file: .*keys\.json is not a file of keys: .*\. Put back a copy/],
    [
      'no database',
      'claims.db',
      'x'.repeat(99),
      /^store\.file: .*claims\.db is not a database of ours.*Put back a copy/,
    ],
    ['no token key', 'issuer.key', 'x', /^tokens\.keys\.0\.file: .*issuer\.key is not a token key of this type/],
    [
      'a later root that is none',
      'later.note',
      'x',
      /^bundle\.roots\.0: .*later\.note is not a trust root/,
      { bundle: { ...settings.bundle, roots: ['later.note'] } },
    ],
    [
      'keys from elsewhere',
      'their.json',
      '[]',
      /^keys\.from: .*their\.json is not a file of keys/,
      { ...withValkey, keys: { from: 'their.json' }, bundle: { file: 'b' } },
    ],
    [
      'no password',
      'store.password',
      'a\nb',
      /^store\.valkey\.password: .*password is not a file with a password: it is not one line/,
      withValkey,
    ],
    [
      'no authority of the store',
      'relays.pem',
      'x',
      /^store\.valkey\.ca: .*relays\.pem is not a file of authorities/,
      { ...withValkey, listen: { port: 0, tls: { key: 'server.key', cert: 'server.pem' } } },
    ],
  ])('%s', async (_, name, text, says, more) => {
    write(name, text)
    expect(await gateway(more)).toEqual([expect.stringMatching(says)])
  })

  test('all at once, beside what is wrong with settings, and what is in a secret is not quoted', async () => {
    for (const name of ['server.key', 'server.pem', 'first.pins', 'bundle.skey', 'keys.json', 'issuer.key']) {
      write(name, 'hunter2')
    }
    const lines = await gateway({ dateWindow: 'often' })
    expect(lines).toHaveLength(7)
    expect(lines.join('\n')).not.toContain('hunter2')
  })

  test('the process says it in the same words for config check and for a start, ends with 2, and has written nothing', () => {
    write('first.pins', 'x')
    write('relays.pem', 'x')
    write('settings.json', JSON.stringify(settings))
    const run = (...words: string[]) => {
      const args = ['gateway/main.ts', ...words, '--config', join(folder, 'settings.json')]
      return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: {} })
    }
    const [checked, started] = [run('config', 'check'), run()]
    expect(checked.stderr).toMatch(/relays\.pem is not a file of authorities.*\n.*first\.pins is not a file of pins/)
    expect([started.status, started.stderr]).toEqual([2, checked.stderr])
    expect([checked.status, started.stdout]).toEqual([2, ''])
    expect(run('rotate-keys').stderr).not.toContain('first.pins')
  })
})

test('more connections than the system lets this process have are refused, with what to allow', async () => {
  const sources = { text: JSON.stringify(settings), source: 'g', places: { folder, credentials: undefined }, now }
  const reading = (openFiles: number) => readSettingsAndFiles(gatewayDefinition, { ...sources, openFiles })
  await expect(reading(10_163)).rejects.toThrow(/connections: needs 10164 open files.*LimitNOFILE=10164/)
  await expect(reading(10_164)).resolves.toBeDefined()
})

describe('what has ended', () => {
  test('pins: nobody left is refused, and one who is left out is told of', async () => {
    write('first.pins', moved(-1))
    expect(await gateway()).toEqual([
      expect.stringMatching(/^but relays\.0\.pins: has no pin .* first is not believed/),
    ])
    write('second.pins', pinLine(one.privateKey, -1))
    expect(await gateway()).toEqual([
      expect.stringMatching(/^relays\.0\.pins: has no pin that has not ended/),
      expect.stringMatching(/^relays\.1\.pins: has no pin that has not ended/),
    ])
  })

  test('a token key is borne beside another', async () => {
    const keys = [{ file: 'issuer.key', until: new Date(now - 1000).toISOString() }]
    expect(await gateway({ tokens: { ...settings.tokens, keys } })).toEqual([
      expect.stringMatching(/^tokens\.keys\.0\.until: is over/),
    ])
    write('other.key', base64url(mint().verifier.tokenKey))
    const both = [...keys, { file: 'other.key', until }]
    expect(await gateway({ tokens: { ...settings.tokens, keys: both } })).toEqual([
      expect.stringMatching(/^but tokens\.keys\.0\.until: is over/),
    ])
  })

  test('a trust root is refused', async () => {
    write('issuer.key', 'x')
    const later = await gateway({ tokens: undefined }, now + 2 * day)
    expect(later).toEqual([expect.stringMatching(/^trust: has ended\. Ask the publisher/)])
  })
})

describe('trust', () => {
  test('of another placement, or for production beside simulated evidence, is refused', async () => {
    const of = async (root: object): Promise<string[]> => {
      write('root.note', (await fleet({ at: now, root })).rootNote)
      return gateway()
    }
    expect(await of({ placements: ['sealed'] })).toEqual([
      expect.stringMatching(/^trust: allows sealed, and not front/),
    ])
    expect(await of({ placements: ['front'], use: 'production' })).toEqual([
      expect.stringMatching(/^trust: is for production, where simulated evidence is worth nothing/),
    ])
  })

  test('a policy is one of the root, for the role of the CVM; one that ended is told of, and another may come', async () => {
    const ships = await fleet({ at: now, root: { placements: ['front'] } })
    write('root.note', ships.rootNote)
    const { policy } = await ships.notes({ serial: 42 })
    write('policy.note', policy)
    const cvm = { ...settings.cvm, allowSimulated: undefined, role }
    const more = { policy: 'policy.note', cvm }
    expect(await gateway(more)).toEqual([])
    expect(await gateway({ ...more, cvm: { ...cvm, role: 'other' } })).toContainEqual(
      expect.stringMatching(`^cvm\\.role: is other, and the policy is for ${role}`),
    )
    write('policy.note', policy.replace('42', '43'))
    expect(await gateway(more)).toContainEqual(
      expect.stringMatching(/^policy: is none that the trust root stands behind/),
    )
    write('policy.note', policy)
    expect(await gateway({ ...more, tokens: undefined }, now + 8 * day)).toContainEqual(
      expect.stringMatching(/^but policy: does not count now/),
    )
  })
})

describe('a relay', () => {
  const route = { gateway: 'https://gw.example', ca: 'relays.pem', pins: 'first.pins' }
  const shown = { key: 'to-cvm.key', cert: 'to-cvm.pem' }
  const whole = {
    listen: { port: 0, tls: { key: 'server.key', cert: 'server.pem' } },
    routes: [{ ...route, clientCertificate: shown }],
  }
  const relay = (more: object = {}) => told(relayDefinition, { ...whole, ...more })

  test('takes files that hold what they should', async () => {
    expect(await relay()).toEqual([])
  })

  test.each<[string, string, string, RegExp]>([
    ['no authority of the gateway', 'relays.pem', 'x', /^routes\.0\.ca: .*relays\.pem is not a file of authorities/],
    ['no pins', 'first.pins', 'x', /^routes\.0\.pins: .*first\.pins is not a file of pins/],
    ['pins that have ended', 'first.pins', moved(-1), /^routes\.0\.pins: has no pin that has not ended/],
    ['another key', 'to-cvm.key', privateKeyPem(one), /^routes\.0\.clientCertificate\.key: is not the key of/],
    ['another key for clients', 'server.key', privateKeyPem(two), /^listen\.tls\.key: is not the key of/],
  ])('names %s', async (_, name, text, says) => {
    write(name, text)
    expect(await relay()).toEqual([expect.stringMatching(says)])
  })

  test('bears a route whose pins have ended beside one that goes on', async () => {
    write('first.pins', moved(-1))
    const routes = [...whole.routes, { ...route, name: 'second', pins: 'second.pins' }]
    expect(await relay({ routes })).toEqual([expect.stringMatching(/^but routes\.0\.pins: /)])
  })
})
