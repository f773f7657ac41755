/** PP-5 to PP-11 at the relay: who comes without a good token stays outside, and no token goes on or stays anywhere. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { relaySettings } from '../../relay/config.ts'
import { openRelay, type RelayService } from '../../relay/service.ts'
import { tokenCheck } from '../../relay/tokens.ts'
import type { RelayEvents } from '../../relay/vocabulary.ts'
import { base64url } from '../../shared/bytes.ts'
import { SettingsError } from '../../shared/config/read.ts'
import { createLog } from '../../shared/observability/log.ts'
import { readChallengeField, writeTokenChallenge } from '../../shared/privacy-pass/challenge.ts'
import { createGate, type GateKey } from '../../shared/privacy-pass/gate.ts'
import { tokenField } from '../../shared/privacy-pass/token.ts'
import { createLedger } from '../../shared/store/ledger.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { mint } from '../shared/privacy-pass/mint.ts'
import { redisIsHere, startRedis } from '../shared/store/redis.ts'
import { ask, bodyOf, good, head, post, rawGateway, relayTo, type TestRelay, type TestRelayOptions } from './harness.ts'

const issuer = mint()
const stranger = mint()
const hour = 3_600_000

const challengeFor = (...origins: string[]): Uint8Array =>
  writeTokenChallenge({
    tokenType: 2,
    issuerName: 'issuer.example',
    redemptionContext: new Uint8Array(),
    originInfo: origins,
  })
const ours = challengeFor('relay.example')
const fresh = (): string => tokenField(issuer.token(ours))
const withToken = (authorization: string, more: Record<string, string> = {}, body?: string): string =>
  post({ authorization, ...more }, body)

function deskOf(keys: readonly GateKey[] = [{ ...issuer.verifier, until: Date.now() + hour }], capacity = 100) {
  const claims = createMemoryStore({ shares: { tokens: capacity } })
  const { spend } = createLedger({ claims, now: Date.now, random: (length) => new Uint8Array(length) })
  return tokenCheck(createGate({ issuer: 'issuer.example', origins: ['relay.example'], keys, spend, now: Date.now }))
}

async function guarded(options: TestRelayOptions = {}) {
  const gateway = await rawGateway(() => good)
  const relay = await relayTo(gateway.port, { tokens: deskOf(), ...options })
  return { gateway, relay }
}

const statusOf = (text: string): string => text.slice(9, 12)
const send = async (relay: TestRelay, text: string): Promise<string> => statusOf(await ask(relay.port, text))

test('with a token it is served, and the same token does not serve twice', async () => {
  const { relay, gateway } = await guarded()
  const token = fresh()
  expect([await send(relay, withToken(token)), await send(relay, withToken(token))]).toEqual(['200', '401'])
  expect(await send(relay, withToken(fresh()))).toBe('200')
  expect(relay.outcomes).toEqual(['served', 'token-spent', 'served'])
  expect(gateway.heard.join('').match(/POST/g)?.length).toBe(2)
})

test('the incremental way asks for one as well', async () => {
  const { relay, gateway } = await guarded()
  const upload = (more: string): string =>
    `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: message/ohttp-chunked-req\r\nincremental: ?1\r\n${more}` +
    'transfer-encoding: chunked\r\n\r\n6\r\nopaque\r\n0\r\n\r\n'
  expect(await send(relay, upload(''))).toBe('401')
  expect(gateway.heard).toEqual([])
  await ask(relay.port, upload(`authorization: ${fresh()}\r\n`))
  expect(gateway.heard.join('')).toContain('opaque')
})

test('OHTTP-R1, HOP-1: the head toward the gateway is the one that it has without tokens, and no token is in it', async () => {
  const { relay, gateway } = await guarded()
  const open = await relayTo(gateway.port)
  const token = fresh()
  await ask(relay.port, withToken(token))
  await ask(open.port, post())
  const [guardedRequest = '', openRequest = ''] = gateway.heard
  expect(guardedRequest).toBe(openRequest)
  expect(guardedRequest).toContain('opaque')
  expect(guardedRequest.toLowerCase()).not.toMatch(/authorization|privatetoken/)
  expect(guardedRequest).not.toContain(token.slice(30, 80))
})

const damaged: [string, () => string | undefined, string][] = [
  ['no token', () => undefined, 'token-missing'],
  ['another scheme', () => 'Bearer abc', 'token-missing'],
  ['no credentials', () => 'PrivateToken', 'token-refused'],
  ['not base64url', () => 'PrivateToken token="***"', 'token-refused'],
  ['half a token', () => tokenField(issuer.token(ours).subarray(0, 98)), 'token-refused'],
  ['a token of another issuer', () => tokenField(stranger.token(ours)), 'token-refused'],
  ['a token for another origin', () => tokenField(issuer.token(challengeFor('gateway.example'))), 'token-refused'],
  ['two tokens', () => `${fresh()}, ${fresh()}`, 'token-refused'],
  ['two lines', () => `${fresh()}\r\nauthorization: ${fresh()}`, 'token-refused'],
  [
    'a greased type',
    () => tokenField(Uint8Array.from([0x7f, 0x3f, ...issuer.token(ours).subarray(2)])),
    'token-refused',
  ],
]

describe('PP-11: one answer, octet for octet', () => {
  test.each(damaged)('%s', async (_what, field, outcome) => {
    const { relay, gateway } = await guarded()
    const authorization = field()
    const answers = [
      await ask(relay.port, post()),
      await ask(relay.port, authorization === undefined ? post() : withToken(authorization)),
    ]
    const [bare = [], refused = []] = answers.map((text) => [...head(text), bodyOf(text)])
    expect(refused).toEqual(bare)
    expect(refused[0]).toBe('HTTP/1.1 401 Unauthorized')
    expect(bodyOf(answers[1] ?? '')).toBe('{"type":"about:blank","title":"Unauthorized","status":401}')
    expect(relay.outcomes).toEqual(['token-missing', outcome])
    expect(gateway.heard).toEqual([])
  })

  test('it carries the challenge, with grease, and nothing else that other refusals have not', async () => {
    const { relay } = await guarded()
    const lines = head(await ask(relay.port, post()))
    const names = lines.slice(1).map((line) => line.split(':')[0])
    expect(names).toEqual(['date', 'content-type', 'cache-control', 'www-authenticate', 'content-length'])
    const field = lines.find((line) => line.startsWith('www-authenticate: '))?.slice('www-authenticate: '.length) ?? ''
    expect(readChallengeField(field)).toMatchObject([{ challenge: ours, tokenKey: issuer.verifier.tokenKey }])
    expect(field.match(/PrivateToken challenge=/g)?.length).toBe(2)
  })
})

test('what is refused for another reason costs no token', async () => {
  const { relay } = await guarded({ hosts: ['relay.example'], rate: { perSecond: 0.001, burst: 2 } })
  const token = fresh()
  expect(await send(relay, withToken(token, { 'content-type': 'text/plain' }))).toBe('415')
  expect(await send(relay, withToken(token, { host: 'other.example' }))).toBe('421')
  expect(await send(relay, withToken(token))).toBe('200')
  expect(await send(relay, withToken(fresh()))).toBe('429')
})

test.each([
  ['no room is left', deskOf(undefined, 0)],
  ['every key has ended', deskOf([{ ...issuer.verifier, until: Date.now() }])],
])('fails closed, and says that it is not the token: %s', async (_what, tokens) => {
  const { relay, gateway } = await guarded({ tokens })
  expect(await send(relay, withToken(fresh()))).toBe('503')
  expect(relay.outcomes).toEqual(['token-unavailable'])
  expect(gateway.heard).toEqual([])
})

test('bundle and keys need no token', async () => {
  const { relay } = await guarded()
  const text = await ask(relay.port, 'GET /.well-known/ohttp-gateway HTTP/1.1\r\nhost: x\r\n\r\n')
  expect(statusOf(text)).toBe('503') // nothing mirrored here, but nobody asks for a token
})

test('a page may send a token and read the challenge', async () => {
  const { relay } = await guarded({ cors: true })
  const preflight = head(await ask(relay.port, 'OPTIONS / HTTP/1.1\r\nhost: x\r\n\r\n'))
  expect(preflight).toContain('access-control-allow-headers: content-type, incremental, authorization')
  const refused = head(await ask(relay.port, post({ origin: 'https://page.example' })))
  expect(refused).toContain('access-control-allow-origin: *')
  expect(refused).toContain('access-control-expose-headers: retry-after, www-authenticate')
})

describe('from settings', () => {
  const listen = { host: '127.0.0.1', port: 0, plaintextLoopback: true }
  const until = new Date(Date.now() + hour).toISOString()

  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'relay-'))
    onTestFinished(() => rmSync(path, { recursive: true, force: true }))
    writeFileSync(join(path, 'issuer.key'), `${base64url(issuer.verifier.tokenKey)}\n`)
    return path
  }

  const tokens = (more: object = {}) => ({
    ...{ issuer: 'issuer.example', origins: ['relay.example'], keys: [{ file: 'issuer.key', until }] },
    ...{ store: { file: 'tokens.db' }, ...more },
  })

  async function open(
    gatewayPort: number,
    directory: string,
    more: object = {},
  ): Promise<{ service: RelayService; lines: string[]; clock: { ahead: number } }> {
    const clock = { ahead: 0 }
    const lines: string[] = []
    const log = createLog<RelayEvents>({ service: 'relay', write: (line) => lines.push(line) })
    const path = (name: string): string => join(directory, name)
    const world = {
      now: () => Date.now() + clock.ahead,
      salt: () => new Uint8Array(32),
      file: (name: string) => readFileSync(path(name)),
      path,
      log,
    }
    const routes = [{ gateway: `http://127.0.0.1:${String(gatewayPort)}`, plaintextLoopback: true }]
    const text = JSON.stringify({ listen, routes, tokens: tokens(more) })
    const service = await openRelay(relaySettings(text, 'test'), world)
    onTestFinished(() => service.force())
    return { service, lines, clock }
  }

  test('two replicas share a store: a token is spent once, also after both were started anew', async () => {
    const gateway = await rawGateway(() => good)
    const directory = folder()
    const [one, two] = [await open(gateway.port, directory), await open(gateway.port, directory)]
    const token = fresh()
    const at = (replica: { service: RelayService }) => ask(replica.service.port, withToken(token)).then(statusOf)
    expect((await Promise.all([at(one), at(two)])).toSorted()).toEqual(['200', '401'])
    await one.service.force()
    await two.service.force()
    expect(await at(await open(gateway.port, directory))).toBe('401')
  })

  describe.skipIf(!redisIsHere)('relays on two machines share a server', () => {
    const valkey = (port: number) => ({
      store: { kind: 'valkey', valkey: { host: '127.0.0.1', port, tls: false, prefix: 'relay' } },
    })
    const ready = ({ service }: { service: RelayService }): Promise<string> =>
      ask(service.adminPort, 'GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n')

    test('a token that is spent at one is refused at the other, and neither is in the server', async () => {
      const gateway = await rawGateway(() => good)
      const redis = await startRedis()
      onTestFinished(() => redis.stop())
      const [one, two] = [
        await open(gateway.port, folder(), valkey(redis.port)),
        await open(gateway.port, folder(), valkey(redis.port)),
      ]
      const bytes = issuer.token(ours)
      const at = ({ service }: { service: RelayService }, token: string) =>
        ask(service.port, withToken(token)).then(statusOf)
      expect(await at(one, tokenField(bytes))).toBe('200')
      expect(await at(two, tokenField(bytes))).toBe('401')
      expect(await at(two, fresh())).toBe('200')
      const nonce = Buffer.from(bytes.subarray(2, 34)).toString('hex')
      expect(redis.cli('keys', '*')).toContain('{relay}:claim:')
      expect(redis.cli('keys', '*')).not.toContain(nonce)
    })

    test('nobody is let in unremembered while it is away', async () => {
      const gateway = await rawGateway(() => good)
      const redis = await startRedis()
      const one = await open(gateway.port, folder(), valkey(redis.port))
      expect(statusOf(await ask(one.service.port, withToken(fresh())))).toBe('200')
      await redis.stop()
      expect(statusOf(await ask(one.service.port, withToken(fresh())))).toBe('503')
      await expect.poll(() => ready(one)).toMatch(/not ready: .*tokens/)
      expect(gateway.heard.join('').match(/POST/g)).toHaveLength(1)
    })
  })

  test('OPS-1: a token is in no line, no metric and no file; its outcome is a word', async () => {
    const gateway = await rawGateway(() => good)
    const directory = folder()
    const { service, lines, clock } = await open(gateway.port, directory)
    const bytes = issuer.token(ours)
    // Counts are shown in tens, at the next whole minute.
    for (let i = 0; i < 11; i++) await ask(service.port, withToken(tokenField(bytes)))
    for (let i = 0; i < 10; i++) await ask(service.port, post())
    clock.ahead = 60_000
    const metrics = (): Promise<string> => ask(service.adminPort, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
    await expect.poll(metrics).toContain('outcome="token-spent"} 10')
    const page = await metrics()
    expect(page).toContain('outcome="token-missing"} 10')
    expect(page).toContain('outcome="token-refused"} 0')
    const nonce = Buffer.from(bytes.subarray(2, 34))
    const database = ['tokens.db', 'tokens.db-wal'].map((name) => readFileSync(join(directory, name)))
    const said = [...lines, page, ...database.map((file) => file.toString('latin1'))].join('\n')
    for (const form of ['latin1', 'hex', 'base64', 'base64url'] as const) {
      expect(said).not.toContain(nonce.toString(form).slice(0, 32))
    }
    expect(said).not.toContain(base64url(bytes).slice(0, 40))
  })

  test('a key that ends makes the relay unready', async () => {
    const gateway = await rawGateway(() => good)
    const soon = new Date(Date.now() + 50).toISOString()
    const { service } = await open(gateway.port, folder(), { keys: [{ file: 'issuer.key', until: soon }] })
    const ready = (): Promise<string> => ask(service.adminPort, 'GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n')
    await expect.poll(ready).toMatch(/not ready: .*tokens/)
  })

  test.each([
    ['a key file of another kind', { keys: [{ file: 'other.key', until }] }, /tokens\.keys\.0\.file: other\.key/],
    ['no key', { keys: [] }, /tokens\.keys/],
    ['no end', { keys: [{ file: 'issuer.key' }] }, /until/],
    ['no origins', { origins: [] }, /tokens\.origins/],
    ['an origin with a path', { origins: ['relay.example/x'] }, /host:port/],
    ['an issuer with a user', { issuer: 'me@issuer.example' }, /host:port/],
    ['no store', { store: {} }, /tokens\.store\.file/],
    ['a store that forgets', { store: { kind: 'memory' } }, /tokens\.store\.kind: .*sqlite, valkey/],
    ['a server that is not named', { store: { kind: 'valkey' } }, /tokens\.store\.valkey: is missing/],
    [
      'a file beside a server',
      { store: { kind: 'valkey', file: 'x.db', valkey: { host: '127.0.0.1', tls: false } } },
      /tokens\.store\.file: would not be used/,
    ],
    [
      'a server on another machine in plaintext',
      { store: { kind: 'valkey', valkey: { host: 'valkey.example', tls: false } } },
      /tokens\.store\.valkey\.tls: is needed/,
    ],
    [
      'one key twice',
      {
        keys: [
          { file: 'issuer.key', until },
          { file: 'issuer.key', until },
        ],
      },
      /tokens\.keys\.1\.file: is the file of another key/,
    ],
    ['something unknown', { secretKeys: [] }, /secretKeys/],
  ])('is refused: %s', async (_what, more, says) => {
    const directory = folder()
    writeFileSync(join(directory, 'other.key'), 'bm90IGEga2V5\n')
    const failed = await open(1, directory, more).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(SettingsError)
    expect(String(failed)).toMatch(says)
    expect(String(failed)).not.toContain('bm90')
  })
})
