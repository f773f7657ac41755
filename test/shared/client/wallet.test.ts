/** Wallets over real sockets: batches of one size, each token once, and challenges of nobody but the configured issuer. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { generateKeys, type SigningKey } from '../../../deploy/local/issuer/keys.ts'
import { base64url } from '../../../shared/bytes.ts'
import { fileMemory } from '../../../shared/client/index.ts'
import { createWallet, readIssuer, type Issuer } from '../../../shared/client/tokens.ts'
import { challengeDigest, challengeField, writeTokenChallenge } from '../../../shared/privacy-pass/challenge.ts'
import { redeem, type Verifier } from '../../../shared/privacy-pass/redeem.ts'
import { blindRsaVerifier } from '../../../shared/privacy-pass/rsa.ts'
import { readToken, readTokenField } from '../../../shared/privacy-pass/token.ts'
import { voprfVerifier } from '../../../shared/privacy-pass/voprf.ts'
import { codeOf } from './clients.ts'
import { testIssuer, walletOf } from './issuer.ts'

const origins = ['relay.example']

const challengeOf = (tokenType: number, more: object = {}): Uint8Array<ArrayBuffer> =>
  writeTokenChallenge({
    tokenType,
    issuerName: 'issuer.example',
    redemptionContext: new Uint8Array(),
    originInfo: origins,
    ...more,
  })

let keys: readonly SigningKey[]
let others: readonly SigningKey[]

beforeAll(async () => {
  keys = await generateKeys()
  others = await generateKeys()
})

const rsa = (): SigningKey => keys[0] ?? neverMade()
const secret = (): SigningKey => keys[1] ?? neverMade()
function neverMade(): never {
  throw new TypeError('no keys')
}

const issuerOf = (...own: SigningKey[]) => testIssuer('issuer.example', origins, own)

function verifierOf({ tokenKey, secretKey }: SigningKey): Verifier {
  return secretKey === undefined ? blindRsaVerifier(tokenKey) : voprfVerifier(secretKey)
}

describe.each([
  ['type 1', () => secret(), 52],
  ['type 2', () => rsa(), 259],
] as const)('%s', (_type, keyOf, length) => {
  test('a batch is 32 requests that look alike, and each token is good for our challenge', async () => {
    const key = keyOf()
    const issuer = await issuerOf(key)
    const wallet = walletOf(issuer)
    const field = await wallet.take()
    const [first] = issuer.asked
    expect(issuer.asked.length).toBe(32)
    expect(first).toMatchObject({ type: 'application/private-token-request', length })
    expect(issuer.asked.filter((one) => JSON.stringify(one) !== JSON.stringify(first))).toEqual([])
    expect(first?.names).not.toContain('cookie')
    const digest = challengeDigest(challengeOf(key.type.id))
    const accepted = { verifiers: [verifierOf(key)], digestFor: () => digest }
    const nonces = new Set<string>()
    for (const one of [field, ...(await Promise.all(Array.from({ length: 31 }, () => wallet.take())))]) {
      const [token] = redeem(readTokenField(one), accepted)
      nonces.add(token.nonce.toHex())
    }
    expect(nonces.size).toBe(32)
    expect(issuer.asked.length).toBe(32)
  })

  test('an issuer that signs with another key than it publishes is found out', async () => {
    const key = keyOf()
    const other = others.find(({ type }) => type === key.type) ?? neverMade()
    const issuer = await issuerOf({ ...other, tokenKey: key.tokenKey, keyId: key.keyId })
    const wallet = walletOf(issuer)
    expect(await codeOf(wallet.fill())).toBe('token-unavailable')
    expect(await wallet.holdings()).toEqual([])
  })
})

test('no token is handed out twice, however many ask at once; who finds none waits for the same batch', async () => {
  const issuer = await issuerOf(rsa())
  const wallet = walletOf(issuer, { batch: 4 })
  const fields = await Promise.all(Array.from({ length: 10 }, () => wallet.take()))
  expect(new Set(fields).size).toBe(10)
  expect(issuer.asked.length).toBe(12)
})

test('tokens are given out in another order than they were asked for, as the dice say', async () => {
  const issuer = await issuerOf(secret())
  const orders: boolean[] = []
  for (const dice of [0, 0.99]) {
    const drawn = vi.spyOn(crypto, 'getRandomValues')
    const wallet = walletOf(issuer, { batch: 5, random: () => dice })
    await wallet.fill()
    const nonces = drawn.mock.results.flatMap(({ value }) =>
      (value as Uint8Array).length === 32 ? [value as Uint8Array] : [],
    )
    drawn.mockRestore()
    const given: string[] = []
    for (let i = 0; i < 5; i++) given.push(readToken(readTokenField(await wallet.take())).nonce.toHex())
    const asked = nonces.map((nonce) => nonce.toHex()).filter((nonce) => given.includes(nonce))
    expect(asked.length).toBe(5)
    orders.push(JSON.stringify(given) === JSON.stringify(asked))
    expect(given).toEqual(dice === 0 ? asked : asked.toReversed())
  }
  expect(orders).toEqual([true, false])
})

test('a batch lies for a random while before its first use, and not again after that', async () => {
  const issuer = await issuerOf(secret())
  const waits: number[] = []
  let clock = 1_000_000
  const wait = (milliseconds: number): Promise<void> => {
    waits.push(milliseconds)
    clock += milliseconds
    return Promise.resolve()
  }
  const wallet = walletOf(issuer, { batch: 2, delay: 60_000, random: () => 0.25, now: () => clock, wait })
  await wallet.take()
  await wallet.take()
  await wallet.take()
  expect(waits).toEqual([15_000, 15_000])
  expect(await wallet.holdings()).toMatchObject([{ type: 1, tokens: 1, usableFrom: clock }])
})

describe('an issuer that does not give', () => {
  const failures: [string, (answer: () => Promise<Response>) => Response | Promise<Response>][] = [
    ['500', () => new Response('', { status: 500 })],
    ['429', () => new Response('', { status: 429 })],
    ['another type', async (answer) => new Response(await (await answer()).arrayBuffer())],
    ['an answer without end', () => issued(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(65_536)) }))],
    ['nothing', () => issued(new Uint8Array(0))],
    ['a short answer', () => issued(new Uint8Array(255))],
    ['a long answer', () => issued(new Uint8Array(2_000))],
    ['noise', () => issued(new Uint8Array(256).fill(1))],
    ['a redirect', () => new Response(null, { status: 307, headers: { location: '/token-request' } })],
  ]
  test.each(failures)('%s, once in a batch: no token of it is kept', async (_what, instead) => {
    const issuer = await issuerOf(rsa())
    issuer.instead = (count, answer) => (count === 3 ? instead(answer) : undefined)
    const wallet = walletOf(issuer, { batch: 4 })
    expect(await codeOf(wallet.take())).toBe('token-unavailable')
    expect(await wallet.holdings()).toEqual([])
    expect(await wallet.take()).toMatch(/^PrivateToken token="/)
  })

  test('cannot be reached', async () => {
    const issuer = await issuerOf(secret())
    const wallet = walletOf({ issuer: { ...issuer.issuer, url: 'http://127.0.0.1:1/' } })
    expect(await codeOf(wallet.take())).toBe('token-unavailable')
  })
})

function issued(body: Uint8Array<ArrayBuffer> | ReadableStream): Response {
  return new Response(body, { headers: { 'content-type': 'application/private-token-response' } })
}

describe('challenges', () => {
  const announced = (tokenType: number, tokenKey?: Uint8Array, more: object = {}): string =>
    challengeField([
      { challenge: challengeOf(tokenType, more), tokenKey: tokenKey as Uint8Array<ArrayBuffer> | undefined },
    ])

  test.each([
    ['ours, with our key', () => announced(2, rsa().tokenKey), 2],
    ['ours, without a key', () => announced(2), 2],
    ['ours of the other type', () => announced(1, secret().tokenKey), 1],
    [
      'ours beside a greased one and one of others',
      () => `${announced(0x7f3f)}, ${announced(2, rsa().tokenKey)}, Basic`,
      2,
    ],
    ['two of ours: one is answered', () => `${announced(1, secret().tokenKey)}, ${announced(2, rsa().tokenKey)}`, 1],
  ])('answered: %s', async (_what, field, type) => {
    const wallet = walletOf(await issuerOf(rsa(), secret()), { batch: 1 })
    wallet.accept(field())
    expect(readToken(readTokenField(await wallet.take())).type.id).toBe(type)
  })

  test.each([
    ['another issuer', () => announced(2, rsa().tokenKey, { issuerName: 'other.example' })],
    ['another key of that name', () => announced(2, others[0]?.tokenKey)],
    [
      'other origins',
      () => announced(2, rsa().tokenKey, { originInfo: ['relay.example', 'you-are-number-7.example'] }),
    ],
    ['every origin', () => announced(2, rsa().tokenKey, { originInfo: [] })],
    [
      'a context, which could be made for one client',
      () => announced(2, rsa().tokenKey, { redemptionContext: new Uint8Array(32) }),
    ],
    ['a key for the other type', () => announced(1, rsa().tokenKey)],
    ['a greased type alone', () => announced(0x7f3f)],
    ['another scheme', () => 'Basic realm="x"'],
    ['no authentication field', () => 'PrivateToken "'],
  ])('refused: %s', async (_what, field) => {
    const issuer = await issuerOf(rsa(), secret())
    const wallet = walletOf(issuer)
    expect(await codeOf(Promise.try(() => wallet.accept(field())))).toBe('challenge-refused')
    expect(issuer.asked).toEqual([])
  })
})

describe('the stock', () => {
  function path(): string {
    const folder = mkdtempSync(join(tmpdir(), 'wallet-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    return join(folder, 'wallet')
  }

  test('in a file that only its owner reads survives, and two processes never give the same token', async () => {
    const issuer = await issuerOf(rsa())
    const file = path()
    const both = () => walletOf(issuer, { batch: 8, memory: fileMemory(file) })
    const [one, two] = [both(), both()]
    await one.fill()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const fields = await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? one : two).take()))
    expect(new Set(fields).size).toBe(8)
    expect(issuer.asked.length).toBe(8)
    expect(readFileSync(file, 'utf8')).toBe('{"version":1,"lots":[]}')
  })

  test('a memory without update is not overtaken by ourselves', async () => {
    const issuer = await issuerOf(secret())
    let text: string | undefined
    const slow = <T>(value: T): Promise<T> => new Promise((resolve) => setTimeout(resolve, 1, value))
    const memory = { load: () => slow(text), save: (next: string) => slow(void (text = next)) }
    const wallet = walletOf(issuer, { batch: 6, memory })
    await wallet.fill()
    const fields = await Promise.all(Array.from({ length: 6 }, () => wallet.take()))
    expect(new Set(fields).size).toBe(6)
  })

  test('tokens of another key or challenge stay where they are', async () => {
    const issuer = await issuerOf(rsa(), secret())
    let text: string | undefined
    const memory = { load: () => text, save: (next: string) => void (text = next) }
    await walletOf(issuer, { batch: 2, memory }).fill()
    const moved = walletOf({ issuer: { ...issuer.issuer, origins: ['other.example'] } }, { batch: 1, memory })
    expect(await moved.holdings()).toEqual([])
    const token = readToken(readTokenField(await moved.take()))
    expect(token.challengeDigest).toEqual(challengeDigest(challengeOf(2, { originInfo: ['other.example'] })))
    expect(await walletOf(issuer, { memory }).holdings()).toMatchObject([{ type: 2, tokens: 2 }])
  })

  test.each([
    ['not JSON', 'x'],
    ['another version', '{"version":2,"lots":[]}'],
    ['lots that are none', '{"version":1,"lots":[{"label":"a","usableFrom":1,"tokens":[7]}]}'],
  ])('that is damaged is not overwritten: %s', async (_what, text) => {
    const saved: string[] = []
    const issuer = await issuerOf(secret())
    const wallet = walletOf(issuer, { memory: { load: () => text, save: (next) => void saved.push(next) } })
    expect(await codeOf(wallet.take())).toBe('memory-failed')
    expect(saved).toEqual([])
  })
})

describe('what an application ships', () => {
  const issuer = (): Issuer => ({
    name: 'issuer.example',
    origins,
    url: 'https://issuer.example/token-request',
    keys: [{ type: 2, key: base64url(rsa().tokenKey) }],
  })

  test('is read', () => {
    expect(readIssuer(JSON.stringify(issuer()))).toEqual(issuer())
    expect(createWallet({ issuer: issuer() }).issuer).toEqual(issuer())
  })

  test.each([
    ['no JSON', () => 'x', /not JSON/],
    ['a part missing', () => JSON.stringify({ ...issuer(), origins: undefined }), /needs `name`/],
    ['no key', () => JSON.stringify({ ...issuer(), keys: [] }), /at least one key/],
    [
      'a key of another type',
      () => JSON.stringify({ ...issuer(), keys: [{ ...issuer().keys[0], type: 1 }] }),
      /not a token key/,
    ],
    [
      'an unknown type',
      () => JSON.stringify({ ...issuer(), keys: [{ ...issuer().keys[0], type: 9 }] }),
      /not a token key/,
    ],
    [
      'a key that is no base64url',
      () => JSON.stringify({ ...issuer(), keys: [{ type: 2, key: '***' }] }),
      /not a token key/,
    ],
  ])('is refused: %s', (_what, text, says) => {
    expect(() => readIssuer(text())).toThrow(says)
  })

  test.each([
    ['http', { url: 'http://issuer.example/' }, {}],
    ['http on loopback without the switch', { url: 'http://127.0.0.1/' }, {}],
    ['http elsewhere with it', { url: 'http://issuer.example/' }, { plaintextLoopback: true }],
    ['credentials', { url: 'https://me@issuer.example/' }, {}],
    ['no URL', { url: 'issuer' }, {}],
    ['no batch', {}, { batch: 0 }],
    ['half a batch', {}, { batch: 1.5 }],
  ])('makes no wallet: %s', (_what, more, options) => {
    expect(() => createWallet({ issuer: { ...issuer(), ...more }, ...options })).toThrow(TypeError)
  })
})
