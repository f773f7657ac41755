/** The relay's settings: the least that works, and everything that it does not run, each with its message. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { relaySettings } from '../../relay/config.ts'
import { SettingsError } from '../../shared/config/read.ts'

const listen = { host: '127.0.0.1', port: 0, plaintextLoopback: true }
const tls = { key: 'k', cert: 'c' }
const route = { gateway: 'http://127.0.0.1:1', plaintextLoopback: true }
const secure = { gateway: 'https://gw.example', clientCertificate: tls }
const least = { listen, routes: [route] }
const read = (more: object = {}) => relaySettings(JSON.stringify({ ...least, ...more }), 'test')

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

test('the least that works, and its defaults', () => {
  expect(read()).toEqual({
    listen,
    routes: [{ ...route, vantages: [] }],
    cors: false,
    profile: 'direct',
    cells: { period: 100, ahead: 5 },
    mixing: { tick: 50, requests: 1024, octets: 67_108_864, memory: 1_073_741_824 },
    limits: {
      ...{ request: 1_048_576, answer: 16_777_216, stream: 1_073_741_824, stall: 30_000 },
      ...{ headerSection: 16_384, fields: 128, head: 15_000, idle: 75_000 },
      ...{
        drainBytes: 8_388_608,
        drainTime: 30_000,
        connections: 2_500,
        exchanges: 512,
        abandoned: 128,
        incremental: 32,
      },
    },
    upstream: {
      ...{ http: '1.1', connections: 128, streams: 1, queue: 1024, wait: 5_000 },
      ...{ firstByte: 65_000, stall: 30_000, lifetime: 300_000 },
    },
    connections: 10_000,
    admin: { host: '127.0.0.1', port: 0 },
    drain: 30_000,
  })
})

test.each([
  { listen: { host: '0.0.0.0', port: 443, tls }, publicHosts: ['relay.example', 'relay.example:8443'] },
  { listen: { host: '::1', port: 443, tls } },
  { routes: [secure, { ...secure, name: 'second', ca: 'ca.pem', pins: 'gateway.pins' }] },
  {
    routes: [
      { gateway: 'https://gw.example', pins: 'gateway.pins' },
      { name: 'second', gateway: 'https://[::1]:1' },
    ],
  },
  { listen: { port: 443, tls }, publicHosts: ['localhost'], routes: [{ gateway: 'https://localhost' }] },
  { rate: { perSecond: 0.5, burst: 10 } },
  { profile: 'mixed', mixing: { tick: 250, requests: 1 } },
  { profile: 'paced', cells: { period: 250, ahead: 1 } },
  { limits: { incremental: 0 }, upstream: { connections: 1, queue: 0 } },
])('taken: %j', (more) => {
  expect(read(more)).toMatchObject(more)
})

test.each([
  [2, '2'],
  ['2', '2'],
  [1.1, '1.1'],
  ['1.1', '1.1'],
])('HTTP %j is HTTP/%s', (http, version) => {
  expect(relaySettings(JSON.stringify({ ...least, routes: [secure], upstream: { http } }), 'test').upstream.http).toBe(
    version,
  )
})

test('the example of the README is taken', () => {
  const readme = readFileSync(new URL('../../relay/README.md', import.meta.url), 'utf8')
  const [, example = ''] = /```yaml\n([^]*?)```/.exec(readme) ?? []
  expect(relaySettings(example, 'README.md').routes[0].ca).toBe('gateway-ca.pem')
})

describe('refused, with the setting and the remedy', () => {
  test.each<[string, object, string, string]>([
    ['no route', { routes: [] }, 'routes: is missing', 'routes.0.gateway'],
    ['a gateway that is no URL', { routes: [{ gateway: 'gw.example' }] }, 'routes.0.gateway: "gw.example"', 'https:'],
    [
      'a gateway with a user',
      { routes: [{ gateway: 'https://a@gw.example' }] },
      'routes.0.gateway: .* without user',
      'https:',
    ],
    ['a request limit above 64 MiB', { limits: { request: '65MiB' } }, 'limits.request: .* at most 64MiB', '1MiB'],
    ['half a rate', { rate: { burst: 1 } }, 'rate.perSecond: is missing', '10'],
    [
      'a public host with a scheme',
      { publicHosts: ['https://r.example'] },
      'publicHosts.0: .* without scheme',
      'relay.example',
    ],
    ['a traffic profile that is not there', { profile: 'horizon' }, 'profile: "horizon" is not', 'direct'],
    ['ticks that nobody would wait for', { mixing: { tick: '2s' } }, 'mixing.tick: .* from 10ms to 1s', '50ms'],
    ['an unknown setting', { debug: true }, 'debug: no setting has this name', 'Known here: listen'],
  ])('%s', (_, more, wrong, remedy) => {
    expect(told(more)).toEqual([expect.stringMatching(`^test:1:\\d+: ${wrong}.*\\. .*${remedy}`)])
  })

  test.each<[string, object, string, string]>([
    [
      'OHTTP-R16: plaintext without its switch',
      { listen: { port: 0 } },
      'listen.tls: needs tls, or the switch',
      'listen.plaintextLoopback: true',
    ],
    [
      'OHTTP-R16: plaintext beyond loopback',
      { listen: { ...listen, host: '0.0.0.0' }, publicHosts: ['r'] },
      'listen.tls: needs tls: plaintext is served on loopback only',
      'listen.tls.key and listen.tls.cert',
    ],
    [
      'TLS and plaintext',
      { listen: { ...listen, tls } },
      'listen.plaintextLoopback: contradicts listen.tls',
      'Remove listen.plaintextLoopback',
    ],
    [
      'no public host beyond loopback',
      { listen: { host: '0.0.0.0', port: 0, tls } },
      'publicHosts: is needed',
      'publicHosts: \\[name.example\\]',
    ],
    [
      'an admin listener for everybody',
      { admin: { host: '0.0.0.0' } },
      'admin.host: .* stays on loopback',
      '127.0.0.1',
    ],
    [
      'one port for two listeners',
      { listen: { ...listen, port: 7 }, admin: { port: 7 } },
      'admin.port: is the port of the public listener',
      'another port',
    ],
    ['a second route without a name', { routes: [route, secure] }, 'routes.1.name: is missing', 'name: second'],
    [
      'two routes of one name',
      {
        routes: [
          { ...route, name: 'a' },
          { ...secure, name: 'a' },
        ],
      },
      'routes.1.name: .* names must differ',
      'Rename one',
    ],
    [
      'OHTTP-R16: http: to another machine',
      { routes: [{ gateway: 'http://gw.example', plaintextLoopback: true }] },
      'routes.0.gateway: is http: to another machine',
      'Write https:',
    ],
    [
      'a vantage that anybody on the way can speak for',
      { routes: [{ ...route, vantages: ['https://other.example', 'http://other.example'] }] },
      'routes.0.vantages: has an http: origin',
      'Write https:',
    ],
    [
      'a vantage that is the gateway',
      { routes: [{ ...secure, vantages: ['https://gw.example:443/x', 'https://other.example'] }] },
      'routes.0.vantages: has the gateway itself',
      'somebody else',
    ],
    [
      'a relay that would send to itself',
      { listen: { port: 443, tls }, publicHosts: ['GW.example:443'], routes: [secure] },
      'routes.0.gateway: is a host of publicHosts',
      'Write the address of the gateway',
    ],
    [
      'two sides that do not know each other',
      { routes: [{ gateway: 'https://gw.example', ca: 'ca.pem' }] },
      'routes.0.clientCertificate: is missing, and pins too',
      'Give clientCertificate.key',
    ],
    [
      'OHTTP-R16: http: on loopback without the switch',
      { routes: [{ gateway: 'http://127.0.0.1:1' }] },
      'routes.0.gateway: is http: without the switch',
      'plaintextLoopback: true',
    ],
    [
      'the switch for plaintext beside https:',
      { routes: [{ ...secure, plaintextLoopback: true }] },
      'routes.0.plaintextLoopback: allows plaintext',
      'Remove it',
    ],
    [
      'a certificate that plaintext cannot show',
      { routes: [{ ...route, clientCertificate: tls }] },
      'routes.0.gateway: is http:, so that ca, pins and clientCertificate',
      'Write https:',
    ],
    [
      'uploads that could hold every connection',
      { upstream: { connections: 32 } },
      'limits.incremental: is not below upstream.connections',
      'raise upstream.connections',
    ],
    [
      'room for less than a few answers',
      { profile: 'mixed', mixing: { memory: '63MiB' } },
      'mixing.memory: is less than four of the largest answers',
      'lower limits.answer',
    ],
    [
      'a batch that the largest request does not fit into',
      { profile: 'mixed', mixing: { octets: '1MiB' }, limits: { request: '2MiB' } },
      'mixing.octets: is less than the largest request',
      'lower limits.request',
    ],
    [
      'answers let go before their requests have left',
      { profile: 'mixed', mixing: { tick: '100ms' }, limits: { drainTime: 99 } },
      'limits.drainTime: is less than mixing.tick',
      'Raise it',
    ],
    [
      'several requests at a time on a connection of HTTP/1.1',
      { upstream: { streams: 2 } },
      'upstream.streams: is more than one',
      'upstream.http: 2',
    ],
    [
      'HTTP/2 in plaintext',
      { upstream: { http: 2 }, routes: [{ gateway: 'http://127.0.0.1:1', plaintextLoopback: true }] },
      'routes.0.gateway: is http:, where upstream.http: 2 is not spoken',
      'Write https:',
    ],
  ])('an unsafe combination: %s', (_, more, wrong, remedy) => {
    expect(told(more)).toEqual([expect.stringMatching(`^test(:1:\\d+)?: ${wrong}.*\\. .*${remedy}`)])
  })

  test('every broken route is named, also beside one that is no route at all', () => {
    const routes = [{ gateway: 'http://a.example' }, { gateway: 1 }, { name: 'c', gateway: 'http://b.example' }]
    const paths = told({ routes }).map((line) => line.split(': ')[1])
    expect(paths).toEqual(['routes.0.gateway', 'routes.1.name', 'routes.1.gateway', 'routes.2.gateway'])
  })
})
