import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { gatewaySettings } from '../../gateway/config.ts'
import { SettingsError } from '../../shared/config/read.ts'

const allowSimulated = { rootSha256: 'a'.repeat(64), measurement: 'b'.repeat(96) }
const least = {
  placement: 'front',
  listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true },
  trust: 'root.note',
  cvm: { host: '127.0.0.1', port: 9000, role: 'app' },
  targets: ['https://app.example'],
  policy: 'policy.note',
  bundle: { file: 'bundle.note', signer: 'bundle.skey' },
}
const none = { cvm: undefined, targets: undefined, policy: undefined }
const other = { ...least.cvm, port: 9001 }
const sealed = { ...none, placement: 'sealed', cvms: [least.cvm, other], bundle: { file: 'bundle.note' } }
const inside = {
  ...none,
  placement: 'inside',
  cvms: [least.cvm],
  bundle: { file: 'b' },
  store: { kind: 'sqlite', file: 'c' },
}
const tls = { key: 'k', cert: 'c' }
const relays = { ...tls, clientCa: 'ca' }
const read = (more: object = {}) => gatewaySettings(JSON.stringify({ ...least, ...more }), 'test')

/** The lines of what was refused, or none. */
function told(more: object): string[] {
  try {
    read(more)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.message.split('\n')
    throw error
  }
}

describe('settings', () => {
  test('the least that works, and its defaults', () => {
    expect(read()).toMatchObject({
      keys: { kems: ['X25519', 'X-Wing'], lead: 600_000, life: 43_200_000, overlap: 7_200_000 },
      store: { kind: 'memory', claims: 1_000_000 },
      limits: { request: 1_048_576, answer: 16_777_216, stream: 1_073_741_824, chunks: 1_048_576, stall: 30_000 },
      dateWindow: 300_000,
      cvm: { connections: 64, firstByte: 60_000 },
      admin: { host: '127.0.0.1', port: 0 },
    })
  })

  test.each<[string, object, string, string]>([
    ['placement is named, never inferred', { placement: undefined }, 'placement: is missing', 'example front'],
    ['another placement', { placement: 'outside' }, 'placement: "outside" is not one of', 'example front'],
    ['OHTTP-G26: no target', { targets: [] }, 'targets: an empty list', 'https://app.example'],
    ['OHTTP-G27: an http target', { targets: ['http://app.example'] }, 'targets.0: .* is not an origin', 'https:'],
    ['a target with a path', { targets: ['https://app.example/v1'] }, 'targets.0: .* nothing more', 'https:'],
    ['a target with a user', { targets: ['https://a@app.example'] }, 'targets.0: .* nothing more', 'https:'],
    ['B-17: CONNECT as a method', { methods: ['CONNECT'] }, 'methods.0: .* other than CONNECT and TRACE', 'GET'],
    ['HOP-5: TRACE as a method', { methods: ['GET', 'TRACE'] }, 'methods.1: .* other than CONNECT and TRACE', 'GET'],
    ['one KEM twice', { keys: { kems: ['X-Wing', 'X-Wing'] } }, 'keys.kems: .* twice', 'X25519'],
    [
      'a KEM that is misspelt',
      { keys: { kems: ['X25591'] } },
      'keys.kems.0: .* is not one of',
      'Did you mean X25519\\?',
    ],
    [
      'DISC-8: an overlap shorter than copies of the list live',
      { keys: { overlap: 600_000 } },
      'keys.overlap: 600000 is not a duration from 15min',
      '2h',
    ],
    ['a CVM on no port', { cvm: { ...least.cvm, port: 0 } }, 'cvm.port: 0 is not .* from 1 to 65535', '9443'],
    ['a window of a day', { dateWindow: '24h' }, 'dateWindow: "24h" is not .* to 15min', '5min'],
    ['a host on no port', { publicHosts: ['g:99999'] }, 'publicHosts.0: .* up to 65535', 'relay.example'],
    ['more connections than any system has', { connections: 100_000_000 }, 'connections: .* to 1000000', ''],
    ['an unknown setting', { colour: 'red' }, 'colour: no setting', 'Known here: placement'],
  ])('refused: %s', (_, more, wrong, remedy) => {
    expect(told(more)).toEqual([expect.stringMatching(`^test(:1:\\d+)?: ${wrong}.*\\. .*${remedy}`)])
  })

  test.each<[string, object, string, string]>([
    [
      'OHTTP-R16: plaintext without its switch',
      { listen: { port: 0 } },
      'listen.tls: .* switch',
      'plaintextLoopback: true',
    ],
    [
      'OHTTP-R16: plaintext beyond loopback',
      { listen: { host: '0.0.0.0', port: 0, plaintextLoopback: true }, publicHosts: ['g'] },
      'listen.tls: needs tls: plaintext is served on loopback only',
      'listen.tls.key and listen.tls.cert',
    ],
    [
      'TLS and plaintext',
      { listen: { port: 0, tls, plaintextLoopback: true } },
      'listen.plaintextLoopback: contradicts listen.tls',
      'Remove listen.plaintextLoopback',
    ],
    [
      'no public host beyond loopback',
      { listen: { host: '0.0.0.0', port: 0, tls: relays } },
      'publicHosts: is needed',
      'publicHosts: \\[name.example\\]',
    ],
    [
      'SECURITY.md: a listener beyond loopback for anybody but relays',
      { listen: { host: '0.0.0.0', port: 0, tls }, publicHosts: ['g'] },
      'relays: is needed',
      'a name and a file of pins each, or name their authority as listen.tls.clientCa',
    ],
    [
      'relays that nobody could tell apart',
      { relays: [{ name: 'a', pins: 'a.pins' }] },
      'relays: cannot be told apart in plaintext',
      'listen.tls.key',
    ],
    [
      'two relays of one name',
      { listen: { port: 0, tls }, relays: ['a', 'b', 'a'].map((name) => ({ name, pins: `${name}.pins` })) },
      'relays.2.name: is the name of another relay',
      'Rename',
    ],
    [
      'half a rate',
      { listen: { port: 0, tls }, relays: [{ name: 'a', pins: 'p', rate: { burst: 1 } }] },
      'relays.0.rate.perSecond: is missing',
      '1000',
    ],
    [
      'a relay without pins',
      { listen: { port: 0, tls }, relays: [{ name: 'a' }] },
      'relays.0.pins: is missing',
      'first-relay.pins',
    ],
    [
      'a CVM on another machine whose agent cannot know us',
      { cvm: { ...least.cvm, host: '192.0.2.1' } },
      'cvm.identity: is needed',
      'identity.key and identity.cert',
    ],
    [
      'a CVM that would be slow because its cells wait',
      { profile: 'paced', cells: { period: '200ms' } },
      'limits.stall: is less than 256 times cells.period',
      'lower cells.period',
    ],
    ['valkey without a server', { store: { kind: 'valkey' } }, 'store.valkey: is missing', 'store.valkey.host'],
    [
      'a server that is not used',
      { store: { valkey: { host: 'v' } } },
      'store.valkey: would not be used',
      'kind: valkey',
    ],
    [
      'a file that is not used',
      { store: { kind: 'valkey', file: 'f', valkey: { host: 'v' } } },
      'store.file: would',
      '',
    ],
    [
      'plaintext to a server on another machine',
      { store: { kind: 'valkey', valkey: { host: 'v', tls: false } } },
      'store.valkey.tls: is needed',
      'store.valkey.ca',
    ],
    [
      'a certificate that plaintext cannot show',
      { store: { kind: 'valkey', valkey: { host: '127.0.0.1', tls: false, identity: tls } } },
      'store.valkey.tls: is off',
      'Remove it',
    ],
    ['front without a CVM', { cvm: undefined }, 'cvm: is missing', 'cvm.host'],
    ['front with several', { cvms: [least.cvm] }, 'cvms: is for placement sealed', 'as cvm'],
    ['front without targets', { targets: undefined }, 'targets: is missing', 'targets: \\[https'],
    ['sealed without a CVM', { ...sealed, cvms: undefined }, 'cvms: is missing', 'host, port and role'],
    ['sealed with one that is no list', { ...sealed, cvm: least.cvm }, 'cvm: is for placement front', 'as cvms'],
    ['sealed with targets of its own', { ...sealed, targets: least.targets }, 'targets: is for', 'requests.targets'],
    ['sealed with a policy of its own', { ...sealed, policy: 'p' }, 'policy: is for placement front', 'publish.policy'],
    ['sealed with methods of its own', { ...sealed, methods: ['GET'] }, 'methods: is for', 'requests.methods'],
    [
      'one of several CVMs that cannot know us',
      { ...sealed, cvms: [least.cvm, { ...least.cvm, host: '192.0.2.1' }] },
      'cvms.1.identity: is needed',
      'identity.key and identity.cert',
    ],
    [
      'trust.md 7: one of several CVMs simulated on another machine',
      { ...sealed, cvms: [least.cvm, { ...least.cvm, host: '192.0.2.1', allowSimulated, identity: tls }] },
      'cvms.1.allowSimulated: simulated evidence proves nothing',
      'Remove it',
    ],
    [
      'trust.md 7: simulated evidence and a listener that is not loopback',
      { cvm: { ...least.cvm, allowSimulated }, listen: { host: '0.0.0.0', port: 0, tls: relays }, publicHosts: ['g'] },
      'cvm.allowSimulated: simulated evidence proves nothing',
      'Remove it, or set listen.host and the host of the CVM to 127.0.0.1',
    ],
    [
      'trust.md 7: simulated evidence from another machine',
      { cvm: { ...least.cvm, host: '192.0.2.1', allowSimulated, identity: tls } },
      'cvm.allowSimulated: simulated evidence proves nothing',
      'Remove it, or set listen.host and the host of the CVM to 127.0.0.1',
    ],
    [
      'trust.md 1: keys that live for more than a day',
      { keys: { life: '24h' } },
      'keys.life: .* more than 24 hours',
      'Shorten one',
    ],
    [
      'OHTTP-G21: keys that outlive their store',
      { keys: { file: 'keys.json' } },
      'store.kind: keys that survive a restart need a store that does',
      'Set store.kind: sqlite',
    ],
    [
      'trust.md 1: more than two lists of keys at a time',
      { keys: { life: '2h', lead: '10min', overlap: '2h' } },
      'keys.life: is shorter than lead and overlap together',
      'Lengthen it',
    ],
    [
      'front without anything that evidence could be held against',
      { policy: undefined },
      'policy: is missing: .* no CVM would ever be attested',
      'policy init',
    ],
    ['a store of a CVM in a file', inside, 'store.kind: is for front and sealed', 'Remove it'],
    [
      'sealed that would sign and serve',
      { ...sealed, bundle: least.bundle },
      'bundle.signer: is for who publishes',
      'serves nothing',
    ],
    ['one CVM twice', { ...sealed, cvms: [other, least.cvm, other] }, 'cvms.2.port: is, with its host,', 'Remove one'],
    [
      'connections that end before their relay lets go of them',
      {
        listen: { host: '0.0.0.0', port: 443, tls: relays },
        publicHosts: ['g'],
        limits: { idle: '30s' },
      },
      'limits.idle: is not longer than the 30 s',
      'Set 75s',
    ],
    ['sqlite without a file', { store: { kind: 'sqlite' } }, 'store.file: is missing', 'store.file: claims.db'],
    [
      'memory with a file',
      { store: { kind: 'memory', file: 'x' } },
      'store.file: would not be used',
      'store.kind: sqlite',
    ],
    [
      'an admin listener for everybody',
      { admin: { host: '0.0.0.0', port: 1 } },
      'admin.host: .* stays on loopback',
      '127.0.0.1',
    ],
    [
      'one port for two listeners',
      { listen: { ...least.listen, port: 7 }, admin: { port: 7 } },
      'admin.port: is the port of the public listener',
      'another port',
    ],
  ])('an unsafe combination: %s', (_, more, wrong, remedy) => {
    expect(told(more)).toEqual([expect.stringMatching(`^test(:1:\\d+)?: ${wrong}.*\\. .*${remedy}`)])
  })

  test('keys of a CVM are in no file', () => {
    for (const keys of [{ file: 'k' }, { from: 'k' }]) {
      const paths = told({ ...inside, keys })
        .map((line) => line.split(': ')[1])
        .sort()
      expect(paths).toEqual([`keys.${Object.keys(keys).join()}`, 'store.kind'])
    }
  })

  test.each([
    { cvm: { ...least.cvm, allowSimulated } },
    { keys: { file: 'keys.json' }, store: { kind: 'sqlite', file: 'claims.db' } },
    { listen: { host: '0.0.0.0', port: 443, tls: relays }, publicHosts: ['gateway.example'] },
    { listen: { host: '::1', port: 443, tls } },
    { targets: ['https://app.example:8443', 'https://[::1]:8443'] },
    { placement: 'sealed', cvms: [least.cvm, other], bundle: { file: 'bundle.note' } },
  ])('taken: %j', (more) => {
    expect(read('cvms' in more ? { ...none, ...more } : more)).toMatchObject(more)
  })

  test('the examples of the README are taken', () => {
    const readme = readFileSync(new URL('../../gateway/README.md', import.meta.url), 'utf8')
    const [, example = ''] = /```yaml\n([^]*?)```/.exec(readme) ?? []
    expect(gatewaySettings(example, 'README.md').listen.tls?.clientCa).toBe('relays.pem')
    const [, publishing = ''] = [...readme.matchAll(/```yaml\n([^]*?)```/g)].map(([, yaml = '']) => yaml)
    expect(gatewaySettings(publishing, 'README.md').cvms).toHaveLength(2)
  })

  test('every mistake is named at once, unsafe combinations among them', () => {
    const lines = told({ targets: [], trust: 1, keys: { file: 'k', lfie: 1 }, admin: { host: '0.0.0.0', port: -1 } })
    const paths = lines.map((line) => line.split(': ')[1]).sort()
    expect(paths).toEqual(['admin.host', 'admin.port', 'keys.lfie', 'store.kind', 'targets', 'trust'])
  })
})
