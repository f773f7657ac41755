/** PP-3 to PP-11 at the gateway: tokens inside the seal, spent once, never seen by the CVM; and refusals that are sealed. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { gatewaySettings } from '../../gateway/config.ts'
import { openGateway } from '../../gateway/service.ts'
import { takeToken, turnstile } from '../../gateway/tokens.ts'
import { base64url, fromHex, fromUtf8 } from '../../shared/bytes.ts'
import { SettingsError } from '../../shared/config/read.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import type { Field } from '../../shared/http/fields.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { readChallengeField, writeTokenChallenge } from '../../shared/privacy-pass/challenge.ts'
import { createGate } from '../../shared/privacy-pass/gate.ts'
import { tokenField } from '../../shared/privacy-pass/token.ts'
import { Refusal } from '../../shared/refusal.ts'
import { createLedger } from '../../shared/store/ledger.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { mint } from '../shared/privacy-pass/mint.ts'
import { vectors } from '../shared/privacy-pass/vectors.ts'
import { innerMessage, outerRequest, sealedTown, throughGateway } from './sealed-town.ts'
import { askThrough, place, worldOf } from './settled.ts'
import {
  ask,
  askChunked,
  binaryRequest,
  open,
  post,
  start,
  suite,
  town,
  valueOf,
  type Inside,
  type Told,
} from './town.ts'

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
const ours = challengeFor('app.asunder.example')
const fresh = (): string => tokenField(issuer.token(ours))
const carrying = (...values: string[]): Inside => ({
  headers: values.map((value): Field => ['authorization', value]),
})

function gateOf({ capacity = 100, until = start + hour, now = () => start } = {}) {
  const claims = createMemoryStore({ shares: { tokens: capacity }, now })
  const { spend } = createLedger({ claims, now, random: (length) => new Uint8Array(length) })
  const keys = [{ ...issuer.verifier, until }]
  return turnstile(createGate({ issuer: 'issuer.example', origins: ['app.asunder.example'], keys, spend, now }))
}

const guarded = (more: object = {}) => town({ tokens: gateOf(), ...more })

describe.each([
  ['standard', ask],
  ['chunked', askChunked],
] as const)('family %s', (_family, tell) => {
  test('with a token it is served, the same token does not serve twice, and the CVM sees neither', async () => {
    const at = await guarded()
    const token = fresh()
    const told = [await tell(at, carrying(token)), await tell(at, carrying(token)), await tell(at, carrying(fresh()))]
    expect(told.map(({ inner }) => inner.status)).toEqual([200, 401, 200])
    expect(at.outcomes).toEqual(['served', 'token-spent', 'served'])
    await expect.poll(() => at.seen.length).toBe(2)
    expect(JSON.stringify(at.seen).toLowerCase()).not.toMatch(/authorization|privatetoken/)
    expect(JSON.stringify(at.seen)).not.toContain(token.slice(30, 80))
  })

  test('without one the CVM is asked nothing, and the refusal shows the challenge inside the seal', async () => {
    const at = await guarded()
    const { outer, inner, text } = await tell(at)
    expect([outer.status, outer.headers.get('www-authenticate')]).toEqual([200, null])
    expect(inner.status).toBe(401)
    expect(inner.headers.map(([name]) => name)).toEqual(['content-type', 'cache-control', 'www-authenticate'])
    expect(JSON.parse(text)).toEqual({ type: 'about:blank', title: 'Unauthorized', status: 401 })
    const field = valueOf(inner.headers, 'www-authenticate') ?? ''
    expect(readChallengeField(field)).toMatchObject([{ challenge: ours, tokenKey: issuer.verifier.tokenKey }])
    expect(field.match(/PrivateToken challenge=/g)?.length).toBe(2)
    expect([at.seen, at.pool.sent, at.outcomes]).toEqual([[], 0, ['token-missing']])
  })
})

test('from outside a refusal looks like a small answer', async () => {
  const at = await guarded()
  const sizes = [await ask(at), await ask(at, carrying(fresh())), await ask(at, carrying('PrivateToken token=x'))]
  expect(sizes.map(({ size }) => size)).toEqual([1024, 1024, 1024])
})

const damaged: [string, () => Inside, string][] = [
  ['no token', () => ({}), 'token-missing'],
  ['another scheme', () => carrying('Bearer abc'), 'token-missing'],
  ['no credentials', () => carrying('PrivateToken'), 'token-refused'],
  ['not base64url', () => carrying('PrivateToken token="***"'), 'token-refused'],
  ['half a token', () => carrying(tokenField(issuer.token(ours).subarray(0, 98))), 'token-refused'],
  ['a token of another issuer', () => carrying(tokenField(stranger.token(ours))), 'token-refused'],
  ['a token for the relay', () => carrying(tokenField(issuer.token(challengeFor('relay.example')))), 'token-refused'],
  ['two lines', () => carrying(fresh(), fresh()), 'token-refused'],
  ['two in one line', () => carrying(`${fresh()}, ${fresh()}`), 'token-refused'],
  ['one behind another scheme', () => carrying(`Bearer abc, ${fresh()}`), 'token-missing'],
  [
    'a greased type',
    () => carrying(tokenField(Uint8Array.from([0x7f, 0x3f, ...issuer.token(ours).subarray(2)]))),
    'token-refused',
  ],
]

test.each(damaged)('PP-11: the same sealed answer: %s', async (_what, inside, outcome) => {
  const at = await guarded()
  const [bare, refused] = [await ask(at), await ask(at, inside())]
  const said = ({ inner, text }: Told): unknown => [inner.status, inner.headers, text]
  expect(said(refused)).toEqual(said(bare))
  expect(at.outcomes).toEqual(['token-missing', outcome])
  expect(at.seen).toEqual([])
})

test('a token on the outside is none: the relay’s layer is not ours', async () => {
  const at = await guarded()
  const sealed = await sealRequest(nodeHpke, at.key.config, suite, binaryRequest({}))
  const headers = { 'content-type': 'message/ohttp-req', authorization: fresh() }
  const outer = await at.app.request('/', { method: 'POST', headers, body: sealed.message })
  expect((await open(outer, sealed)).inner.status).toBe(401)
})

test('the app’s own credentials stay, beside a token and without tokens at all', async () => {
  const at = await guarded()
  await ask(at, carrying('Bearer mine', fresh()))
  const free = await town()
  await ask(free, carrying('PrivateToken token="for the app"'))
  await expect.poll(() => [at.seen.length, free.seen.length]).toEqual([1, 1])
  const seen = [at, free].map(({ seen: [one] }) => one?.headers.filter(([name]) => name === 'authorization'))
  expect(seen).toEqual([[['authorization', 'Bearer mine']], [['authorization', 'PrivateToken token="for the app"']]])
})

test('placement sealed: the token is of the outer layer, and spent before a CVM is asked', async () => {
  const at = await sealedTown([{}], { tokens: gateOf({ now: Date.now, until: Date.now() + hour }) })
  const [cvm] = at.cvms
  if (cvm === undefined) throw new TypeError('a CVM')
  const send = async (more: readonly Field[], inside: Inside = {}) => {
    const there = await innerMessage(cvm.config, inside)
    const { said } = await throughGateway(at, outerRequest(there.message, { authority: `${cvm.id}.cvm.invalid`, more }))
    return said
  }
  const token: Field = ['authorization', fresh()]
  const said = [await send([]), await send([], carrying(fresh())), await send([token]), await send([token])]
  expect(said.map(({ status }) => status)).toEqual([401, 401, 200, 401])
  expect(valueOf(said[0]?.headers ?? [], 'www-authenticate')).toMatch(/^PrivateToken /)
  expect(at.outcomes).toEqual(['token-missing', 'token-missing', 'served', 'token-spent'])
  expect(cvm.machine.reached.length).toBe(1)
})

test('what is refused for another reason costs no token', async () => {
  const at = await guarded()
  const token = carrying(fresh())
  const told = [
    await ask(at, { ...token, authority: 'evil.example' }),
    await ask(at, { ...token, date: start - hour }),
    await ask(at, { ...token, method: 'TRACE' }),
    await ask(at, token),
  ]
  expect(told.map(({ inner }) => inner.status)).toEqual([403, 400, 400, 200])
})

test('a replay is refused as one, and costs nobody a token', async () => {
  const at = await guarded()
  const sealed = await sealRequest(nodeHpke, at.key.config, suite, binaryRequest(carrying(fresh())))
  for (let i = 0; i < 2; i++) await (await post(at.app, 'message/ohttp-req', sealed.message)).arrayBuffer()
  expect(at.outcomes).toEqual(['served', 'replayed'])
})

test('a request without a good token takes no room in the replay store', async () => {
  const at = await guarded({ capacity: 2 }) // one for requests with a Date
  for (let i = 0; i < 4; i++) expect((await ask(at)).inner.status).toBe(401)
  expect((await ask(at, carrying(fresh()))).inner.status).toBe(200)
})

test.each([
  ['no room is left', gateOf({ capacity: 0 })],
  ['every key has ended', gateOf({ until: start })],
])('fails closed, and says that it is not the token: %s', async (_what, tokens) => {
  const at = await guarded({ tokens })
  const { inner } = await ask(at, carrying(fresh()))
  expect([inner.status, valueOf(inner.headers, 'retry-after')]).toEqual([503, '1'])
  expect([at.outcomes, at.seen]).toEqual([['token-unavailable'], []])
})

test.each([
  ['privatetoken x=y', true],
  ['Basic x, PRIVATETOKEN token="y"', true],
  ['Bearer privatetokens', false],
  ['Bearer x-privatetoken', false],
])('%s: ours is %s', (value, taken) => {
  const head = { method: 'GET', scheme: 'https', authority: 'a', path: '/', headers: carrying(value).headers ?? [] }
  expect(takeToken(head).head.headers.length).toBe(taken ? 0 : 1)
})

describe('from settings', () => {
  const until = new Date(Date.now() + hour).toISOString()
  const type1 = vectors('type1').cases.find(({ id }) => id === 'pp1-go-1')
  const type2 = vectors('type2').cases.find(({ id }) => id === 'pp2-go-2')
  const store = { kind: 'sqlite', file: 'claims.db' }
  const published = base64url(issuer.verifier.tokenKey)

  const tokensOf = (more: object) => ({ issuer: 'issuer.example', origins: ['app.asunder.example'], ...more })
  const dated = (value: string) => binaryRequest({ ...carrying(value), date: Date.now() })

  async function started(more: object, files: Readonly<Record<string, [text: string, mode?: number]>>) {
    const at = await place(undefined, { store, tokens: tokensOf(more) })
    for (const [name, [text, mode = 0o600]] of Object.entries(files))
      writeFileSync(join(at.folder, name), text, { mode })
    const world = worldOf(at.folder)
    const replica = async () => {
      const service = await openGateway(gatewaySettings(JSON.stringify(at.settings), 'test'), world)
      onTestFinished(() => service.force())
      const admin = (path: string) => fetch(`http://127.0.0.1:${String(service.adminPort)}${path}`)
      await expect.poll(async () => (await admin('/readyz')).text(), { timeout: 5_000 }).toBe('ready\n')
      return { url: `http://127.0.0.1:${String(service.port)}`, admin, service }
    }
    return { ...at, replica, lines: world.lines }
  }

  test('two replicas share a store: a token is spent once; no line, metric or file holds it', async () => {
    const at = await started({ keys: [{ file: 'issuer.key', until }] }, { 'issuer.key': [`${published}\n`] })
    Object.assign(at.settings, { keys: { file: 'keys.json' } })
    const one = await at.replica()
    const two = await at.replica()
    const bytes = issuer.token(ours)
    const spend = ({ url }: { url: string }) =>
      askThrough(url, dated(tokenField(bytes))).then(({ inner }) => inner?.status)
    expect((await Promise.all([one, two].map(spend))).toSorted()).toEqual([200, 401])
    expect(await Promise.all([one, two].map(spend))).toEqual([401, 401])
    const pages = await Promise.all([one, two].map(async ({ admin }) => (await admin('/metrics')).text()))
    expect(pages.join('')).toContain('outcome="token-spent"}')
    const files = ['claims.db', 'claims.db-wal'].map((name) => readFileSync(join(at.folder, name)).toString('latin1'))
    const said = [JSON.stringify(at.lines), ...pages, ...files].join('\n')
    for (const form of ['latin1', 'hex', 'base64', 'base64url'] as const) {
      expect(said).not.toContain(Buffer.from(bytes.subarray(2, 34)).toString(form).slice(0, 32))
    }
  })

  test.skipIf(type1 === undefined).each([
    ['type 1', type1, ['origin.example'], { secretKeys: [{ file: 'issuer.key', until }] }, 'skS'],
    ['type 2', type2, ['foo.example', 'bar.example'], { keys: [{ file: 'issuer.key', until }] }, 'pkS'],
  ])('a token from others’ hands is taken once: %s', async (_type, vector, origins, keys, key) => {
    const at = await started({ ...keys, origins }, { 'issuer.key': [base64url(fromHex(String(vector?.[key])))] })
    const { url } = await at.replica()
    const token = (): Uint8Array<ArrayBuffer> => dated(String(vector?.['authorization']))
    const statuses: (number | undefined)[] = []
    for (let i = 0; i < 2; i++) statuses.push((await askThrough(url, token())).inner?.status)
    expect(statuses).toEqual([200, 401])
  })

  test.each([
    [
      'a type 2 file that holds no key',
      { keys: [{ file: 'bad.key', until }] },
      SettingsError,
      /tokens\.keys\.0\.file: bad\.key/,
    ],
    [
      'a type 1 file that holds no key',
      { secretKeys: [{ file: 'bad.key', until }] },
      SettingsError,
      /tokens\.secretKeys/,
    ],
    ['a secret that others may read', { secretKeys: [{ file: 'open.key', until }] }, Refusal, /open to others/],
  ])('does not start: %s', async (_what, more, kind, says) => {
    const at = await started(more, { 'bad.key': ['bm90IGEga2V5'], 'open.key': ['bm90', 0o644] })
    const failed = await at.replica().catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(kind)
    expect(String(failed)).toMatch(says)
    expect(String(failed)).not.toContain('bm90')
  })

  test.each([
    ['no key', tokensOf({}), store, /secretKeys for type 1/],
    ['a store that forgets', tokensOf({ keys: [{ file: 'k', until }] }), undefined, /survives a restart/],
    ['an end that is no time', tokensOf({ keys: [{ file: 'k', until: 'soon' }] }), store, /until/],
    ['one key twice', tokensOf({ secretKeys: [1, 2].map(() => ({ file: 'k', until })) }), store, /secretKeys\.1\.file/],
  ])('settings are refused: %s', async (_what, tokens, kept, says) => {
    const at = await place(undefined, { tokens, ...(kept === undefined ? {} : { store: kept }) })
    expect(() => gatewaySettings(JSON.stringify(at.settings), 'test')).toThrow(says)
  })

  test('settings are refused: tokens inside, where there is nobody here to ask for them', async () => {
    const at = await place(undefined, { store, tokens: tokensOf({ keys: [{ file: 'k', until }] }) })
    const settings = JSON.stringify({ ...at.settings, placement: 'inside' })
    expect(() => gatewaySettings(settings, 'test')).toThrow(/tokens: is for front and sealed/)
  })

  test('a file with spent tokens does no harm to a gateway that asks for none any more', async () => {
    const at = await started({ keys: [{ file: 'issuer.key', until }] }, { 'issuer.key': [published] })
    const one = await at.replica()
    expect((await askThrough(one.url, dated(fresh()))).inner?.status).toBe(200)
    await one.service.force()
    Object.assign(at.settings, { tokens: undefined })
    const two = await at.replica()
    const { inner } = await askThrough(two.url)
    expect(inner && fromUtf8(inner.content)).toBe('hello')
  })
})
