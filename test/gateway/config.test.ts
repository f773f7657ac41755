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
  bundle: { file: 'bundle.note', signer: 'bundle.skey' },
}
const tls = { key: 'k', cert: 'c' }
const relays = { ...tls, clientCa: 'ca' }
const read = (more: object = {}) => gatewaySettings(JSON.stringify({ ...least, ...more }), 'test')

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

  test.each([
    ['placement is named, never inferred', { placement: undefined }],
    ['another placement', { placement: 'inside' }],
    ['OHTTP-R16: plaintext without its switch', { listen: { port: 0 } }],
    [
      'OHTTP-R16: plaintext off loopback',
      { listen: { host: '0.0.0.0', port: 0, plaintextLoopback: true }, publicHosts: ['g'] },
    ],
    ['no public host off loopback', { listen: { host: '0.0.0.0', port: 0, tls: relays } }],
    [
      'SECURITY.md: a listener beyond loopback for anybody but relays',
      { listen: { host: '0.0.0.0', port: 0, tls }, publicHosts: ['g'] },
    ],
    ['OHTTP-G26: no target', { targets: [] }],
    ['OHTTP-G27: an http target', { targets: ['http://app.example'] }],
    ['a target with a path', { targets: ['https://app.example/v1'] }],
    ['a target with a user', { targets: ['https://a@app.example'] }],
    ['B-17: CONNECT as a method', { methods: ['CONNECT'] }],
    ['HOP-5: TRACE as a method', { methods: ['GET', 'TRACE'] }],
    ['trust.md 1: keys that live for more than a day', { keys: { life: 86_400_000 } }],
    ['DISC-8: an overlap shorter than copies of the list live', { keys: { overlap: 600_000 } }],
    ['OHTTP-G21: keys that outlive their store', { keys: { file: 'keys.json' } }],
    ['sqlite without a file', { store: { kind: 'sqlite' } }],
    ['memory with a file', { store: { kind: 'memory', file: 'x' } }],
    [
      'trust.md 7: simulated evidence and a listener that is not loopback',
      { cvm: { ...least.cvm, allowSimulated }, listen: { host: '0.0.0.0', port: 0, tls: relays }, publicHosts: ['g'] },
    ],
    [
      'trust.md 7: simulated evidence from another machine',
      { cvm: { ...least.cvm, host: '192.0.2.1', allowSimulated } },
    ],
    ['an admin listener for everybody', { admin: { host: '0.0.0.0', port: 1 } }],
    ['an unknown setting', { colour: 'red' }],
  ])('refused: %s', (_, more) => {
    expect(() => read(more)).toThrow(SettingsError)
  })

  test.each([
    { cvm: { ...least.cvm, allowSimulated } },
    { keys: { file: 'keys.json' }, store: { kind: 'sqlite', file: 'claims.db' } },
    { listen: { host: '0.0.0.0', port: 443, tls: relays }, publicHosts: ['gateway.example'] },
    { listen: { host: '::1', port: 443, tls } },
    { targets: ['https://app.example:8443', 'https://[::1]:8443'] },
  ])('taken: %j', (more) => {
    expect(read(more)).toMatchObject(more)
  })

  test('the remedy for a listener that anybody could reach is named', () => {
    const listen = { host: '0.0.0.0', port: 0, tls }
    expect(() => read({ listen, publicHosts: ['g'] })).toThrow(/authority of your relays[\s\S]*listen\.tls\.clientCa/)
  })

  test('the example of the README is taken', () => {
    const readme = readFileSync(new URL('../../gateway/README.md', import.meta.url), 'utf8')
    const [, example = ''] = /```yaml\n([^]*?)```/.exec(readme) ?? []
    expect(gatewaySettings(example, 'README.md').listen.tls?.clientCa).toBe('relays.pem')
  })

  test('every mistake is named at once', () => {
    expect(() => read({ targets: [], trust: 1 })).toThrow(/targets[\s\S]*trust|trust[\s\S]*targets/)
  })
})
