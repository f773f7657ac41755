/** Tokens of a client at a pair that asks for them, or lies about it: one fresh token an attempt, one challenge a request. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { utf8 } from '../../../shared/bytes.ts'
import type { Issuer, Wallet } from '../../../shared/client/tokens.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { problem } from '../../../shared/http/problem.ts'
import { ObliviousError } from '../../../shared/client/errors.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { answering, sending } from './misbehaviour.ts'
import { town, type AppAnswer, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'
const asks = 'PrivateToken challenge="for us"'
const foreign = 'PrivateToken challenge="for somebody else"'

/** Gives numbered tokens and takes any challenge but the foreign one. */
type Numbered = Wallet & { readonly given: string[]; readonly accepted: string[] }

function numbered(side: string): Numbered {
  const given: string[] = []
  const accepted: string[] = []
  const issuer: Issuer = { name: `${side}.issuer.example`, origins: [], url: '', keys: [{ type: 2, key: side }] }
  return {
    ...{ issuer, given, accepted },
    fill: () => Promise.resolve(),
    take: () =>
      Promise.resolve(given[given.push(`PrivateToken token="${side}-${String(given.length + 1)}"`) - 1] ?? ''),
    accept(field) {
      if (field.includes(foreign)) throw new ObliviousError('challenge-refused')
      accepted.push(field)
    },
    holdings: () => Promise.resolve([]),
  }
}

let pair: Town
let fetch: Visitor
let tokens: { relay: Numbered; gateway: Numbered }

beforeEach(async () => {
  pair = await town()
  tokens = { relay: numbered('relay'), gateway: numbered('gateway') }
  fetch = visitor(pair, { tokens })
})

afterEach(async () => {
  await fetch.close()
  await pair.close()
})

const outer = (): (string | undefined)[] =>
  pair.posts().map(({ rawHeaders }) => {
    const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'authorization')
    return at < 0 ? undefined : rawHeaders[at + 1]
  })
const inner = (): string[][] =>
  pair.opened.map(({ headers }) => headers.flatMap(([name, value]) => (name === 'authorization' ? [value] : [])))

/** The gateway's sealed refusal, for as many requests as the test says. */
const refusing =
  (times: number, field = asks) =>
  (_request: unknown, count: number): AppAnswer =>
    count > times ? { content: 'hello' } : unauthorized(field)

const unauthorized = (field: string): AppAnswer => ({
  status: 401,
  headers: [
    ['content-type', mediaTypes.problem],
    ['www-authenticate', field],
  ],
  content: problem(401).body,
})

describe.each(['standard', 'chunked'] as const)('family %s', (family) => {
  beforeEach(() => {
    fetch = visitor(pair, { tokens, family })
  })

  test('PP-9: every request carries one fresh token for each side, each in its own layer', async () => {
    for (let i = 0; i < 2; i++) expect(await (await fetch(target)).text()).toBe('hello')
    expect(outer()).toEqual(tokens.relay.given)
    expect(inner()).toEqual(tokens.gateway.given.map((one) => [one]))
    expect([tokens.relay.given.length, tokens.gateway.given.length]).toEqual([2, 2])
    expect(pair.everythingItSaw()).not.toContain('gateway-')
  })

  test('a challenge of the relay is answered once: the same sealed bytes, another token', async () => {
    pair.onPost = (...args) => (pair.posts().length === 1 ? sending(problem(401, { challenge: asks }))(...args) : false)
    expect(await (await fetch(target, { method: 'POST', body: 'the dossier' })).text()).toBe('hello')
    const [first, second, ...more] = pair.posts()
    expect([more, first?.body.length]).toEqual([[], second?.body.length])
    expect(second?.body).toEqual(first?.body)
    expect(outer()).toEqual(['PrivateToken token="relay-1"', 'PrivateToken token="relay-2"'])
    expect(tokens.gateway.given.length).toBe(1)
    expect(tokens.relay.accepted).toEqual([asks])
  })

  test('a challenge of the gateway is answered once, after a while: sealed anew, with fresh tokens for both', async () => {
    pair.app = refusing(1)
    expect(await (await fetch(target, { method: 'POST', body: 'the dossier' })).text()).toBe('hello')
    const [first, second] = pair.posts()
    expect(second?.body).not.toEqual(first?.body)
    expect(inner()).toEqual([['PrivateToken token="gateway-1"'], ['PrivateToken token="gateway-2"']])
    expect(outer()).toEqual(tokens.relay.given)
    expect(tokens.gateway.accepted).toEqual([asks])
  })

  test.each([
    ['relay', () => (pair.onPost = sending(problem(401, { challenge: asks })))],
    ['gateway', () => (pair.app = refusing(Infinity))],
  ])('never two challenges for one request: a %s that only ever asks gets two tokens', async (side, misbehave) => {
    misbehave()
    expect(await codeOf(fetch(target))).toBe('token-refused')
    expect(pair.posts().length).toBe(2)
    expect(tokens[side as 'relay' | 'gateway'].given.length).toBe(2)
  })

  test('nor one of each side', async () => {
    pair.onPost = (...args) => (pair.posts().length === 1 ? sending(problem(401, { challenge: asks }))(...args) : false)
    pair.app = refusing(1)
    expect(await codeOf(fetch(target))).toBe('token-refused')
    expect(pair.posts().length).toBe(2)
  })

  test.each([
    ['relay', () => (pair.onPost = sending(problem(401, { challenge: foreign })))],
    ['gateway', () => (pair.app = refusing(1, foreign))],
  ])('a challenge of the %s for anybody else is a typed error, and nothing is sent again', async (_side, misbehave) => {
    misbehave()
    expect(await codeOf(fetch(target))).toBe('challenge-refused')
    expect(pair.posts().length).toBe(1)
  })

  test.each([
    ['relay', () => (pair.onPost = sending(problem(401, { challenge: asks })))],
    ['gateway', () => (pair.app = refusing(1))],
  ])('a caller without a wallet for the %s is told, and asked for nothing', async (_side, misbehave) => {
    misbehave()
    const bare = visitor(pair, { family })
    expect(await codeOf(bare(target))).toBe('challenge-refused')
    expect([outer(), pair.posts().length]).toEqual([[undefined], 1])
    await bare.close()
  })

  test('the gateway’s challenge is answered at most once in ten minutes: it would be a probe of the way', async () => {
    let clock = Date.now()
    fetch = visitor(pair, { tokens, family, now: () => clock })
    pair.app = (_request, count) => (count % 2 === 1 ? unauthorized(asks) : { content: 'hello' })
    expect((await fetch(target)).status).toBe(200)
    pair.app = (_request, count) => (count === 3 ? unauthorized(asks) : { content: 'hello' })
    clock += 599_000
    expect(await codeOf(fetch(target))).toBe('token-refused')
    expect(fetch.waits).toEqual([3000])
    expect(pair.posts().length).toBe(3)
  })
})

test('CHK-14: a refusal that was cut is no refusal', async () => {
  fetch = visitor(pair, { tokens, family: 'chunked' })
  pair.app = refusing(1)
  pair.cut = true
  expect(await codeOf(fetch(target))).toBe('answer-truncated')
  expect(pair.posts().length).toBe(1)
})

test('a refused date is retried with fresh tokens', async () => {
  pair.app = (_request, count) =>
    count > 1
      ? { content: 'hello' }
      : {
          status: 400,
          headers: [
            ['content-type', mediaTypes.problem],
            ['date', new Date().toUTCString()],
          ],
          content: JSON.stringify({ type: 'https://iana.org/assignments/http-problem-types#date' }),
        }
  expect((await fetch(target)).status).toBe(200)
  expect([outer().length, new Set(outer()).size, new Set(inner().flat()).size]).toEqual([2, 2, 2])
})

test.each([
  ['relay', () => (pair.onPost = sending(problem(401, { challenge: asks })))],
  ['gateway', () => (pair.app = refusing(1))],
])('a stream is never sent twice, whatever the %s asks', async (_side, misbehave) => {
  misbehave()
  const body = ReadableStream.from([utf8('one '), utf8('two')])
  expect(await codeOf(fetch(target, { method: 'POST', body, duplex: 'half' }))).toBe('token-refused')
  expect(pair.posts().length).toBe(1)
})

test('the application’s own credentials travel beside the token, if it keeps them', async () => {
  fetch = visitor(pair, { tokens, keep: ['authorization'] })
  await fetch(target, { headers: { authorization: 'Bearer mine' } })
  expect(inner()).toEqual([['Bearer mine', 'PrivateToken token="gateway-1"']])
})

test('the application’s own 401 is its own', async () => {
  pair.app = () => ({ status: 401, headers: [['www-authenticate', 'Bearer realm="app"']], content: 'who?' })
  const answer = await fetch(target)
  expect([answer.status, await answer.text(), pair.posts().length]).toEqual([401, 'who?', 1])
})

test('a 401 of the relay with an endless body is let go', async () => {
  pair.onPost = (_request, response) => {
    response.writeHead(401, { 'www-authenticate': asks, 'content-type': mediaTypes.problem })
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(4_096)));
    }
    response.on('drain', more)
    more()
    return true
  }
  expect(await codeOf(fetch(target))).toBe('token-refused')
  expect(pair.posts().length).toBe(1)
})

test('a 401 of the relay that asks for nothing is what it was', async () => {
  pair.onPost = answering(401, { 'www-authenticate': 'Basic realm="x"' })
  expect(await codeOf(fetch(target))).toBe('relay-refused')
  expect(pair.posts().length).toBe(1)
})

test('a wallet that has none is a typed error, and nothing is sent', async () => {
  const empty = { ...tokens.relay, take: () => Promise.reject(new ObliviousError('token-unavailable')) }
  fetch = visitor(pair, { tokens: { relay: empty } })
  expect(await codeOf(fetch(target))).toBe('token-unavailable')
  expect(pair.posts()).toEqual([])
})

test.each([
  ['name', (own: Issuer, other: Issuer): Issuer => ({ ...own, name: other.name })],
  ['key', (own: Issuer, other: Issuer): Issuer => ({ ...own, keys: [...own.keys, ...other.keys] })],
])('relay and gateway cannot have one issuer %s', (_what, change) => {
  const { relay, gateway } = tokens
  const same = { ...gateway, issuer: change(gateway.issuer, relay.issuer) }
  expect(() => visitor(pair, { tokens: { relay, gateway: same } })).toThrow(/tokens: relay and gateway need different/)
})
