/** Anonymous admission from end to end: client -> relay -> gateway -> agent -> app, both sides asking. PP-3 to PP-11. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { main } from '../../shared/client/commands/main.ts'
import type { Wallet } from '../../shared/client/tokens.ts'
import { readToken, readTokenField } from '../../shared/privacy-pass/token.ts'
import { codeOf } from '../shared/client/clients.ts'
import { walletOf } from '../shared/client/issuer.ts'
import { newTerminal } from '../shared/client/terminal.ts'
import { guardedPair, target, type GuardedPair } from './guarded-pair.ts'

type Watched = Wallet & { readonly given: string[] }

/** A wallet that remembers what it gave; `again` gives the same token for ever. */
function watched(wallet: Wallet, { again = false } = {}): Watched {
  const given: string[] = []
  return {
    ...{ issuer: wallet.issuer, given },
    fill: () => wallet.fill(),
    holdings: () => wallet.holdings(),
    accept: (field) => wallet.accept(field),
    async take() {
      const [first] = given
      given.push(again && first !== undefined ? first : await wallet.take())
      return given.at(-1) ?? ''
    },
  }
}

const walletsOf = ({ issuers }: GuardedPair, again: { relay?: boolean; gateway?: boolean } = {}, batch = 4) => ({
  relay: watched(walletOf(issuers.relay, { batch }), { again: again.relay ?? false }),
  gateway: watched(walletOf(issuers.gateway, { batch }), { again: again.gateway ?? false }),
})

/** Every form in which a token could lie around, by its parts that are its own. */
function tracesOf(field: string): string[] {
  const { nonce, authenticator } = readToken(readTokenField(field))
  const forms = ['latin1', 'hex', 'base64', 'base64url'] as const
  return [nonce, authenticator].flatMap((part) => forms.map((form) => Buffer.from(part).toString(form).slice(0, 24)))
}

describe.each([
  ['standard', 2],
  ['chunked', 2],
  ['standard', 1],
] as const)('family %s, type %i at the gateway', (family, type) => {
  test('with both tokens it is served; each is seen by its own side alone, and kept by none', async () => {
    const pair = await guardedPair({ type })
    const tokens = walletsOf(pair)
    const fetch = pair.client(pair.relays[0], { tokens, family })
    for (let i = 0; i < 2; i++) {
      const answer = await fetch(target, { method: 'POST', body: 'the dossier' })
      expect([answer.status, await answer.text()]).toEqual([200, 'hello'])
    }
    expect([tokens.relay.given.length, tokens.gateway.given.length, pair.app.length]).toEqual([2, 2, 2])
    const seen = {
      relay: await pair.kept('relay'),
      gateway: await pair.kept('gateway'),
      between: pair.between(),
      app: pair.app.join(),
    }
    // The walls hold something, so that finding nothing in them means something.
    expect(seen.between).toContain('POST /.well-known/ohttp-gateway')
    expect(seen.relay).toContain('mirror-refreshed')
    expect(seen.gateway).toContain('bundle-served')
    expect(pair.app).toHaveLength(2)
    for (const [place, text] of Object.entries(seen)) {
      const traces = [...tokens.relay.given, ...tokens.gateway.given].flatMap(tracesOf)
      expect(
        traces.filter((trace) => text.includes(trace)),
        place,
      ).toEqual([])
    }
    expect(`${seen.between}${seen.app}`.toLowerCase()).not.toMatch(/authorization|privatetoken/)
  })
})

test('a wallet that is empty fills itself and goes on', async () => {
  const pair = await guardedPair()
  const fetch = pair.client(pair.relays[0], { tokens: walletsOf(pair, {}, 2) })
  const answers = await Promise.all([1, 2, 3].map(() => fetch(target)))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  expect([pair.issuers.relay.asked.length, pair.issuers.gateway.asked.length]).toEqual([4, 4])
})

test.each(['relay', 'gateway'] as const)(
  'a token of the %s is spent once between two replicas with one store',
  async (side) => {
    const pair = await guardedPair({ replicas: 2 })
    const tokens = walletsOf(pair, { [side]: true })
    const [one, two] = pair.relays.map((relay) => pair.client(relay, { tokens }))
    expect((await one?.(target))?.status).toBe(200)
    expect(await codeOf(two?.(target) ?? Promise.resolve())).toBe('token-refused')
    expect(new Set(tokens[side].given).size).toBe(1)
    expect(pair.app.length).toBe(1)
    // What the relay does not let through, the gateway never meets.
    expect(posts(pair)).toBeGreaterThan(side === 'relay' ? 0 : 1)
  },
)

test('a copied wallet costs its owner one retry, and no answer twice', async () => {
  const pair = await guardedPair()
  let text: string | undefined
  const memory = () => {
    let own = text
    return { load: () => own, save: (next: string) => void (own = next) }
  }
  const relay = walletOf(pair.issuers.relay, { batch: 4 })
  const original = { load: () => text, save: (next: string) => void (text = next) }
  await walletOf(pair.issuers.gateway, { batch: 4, memory: original }).fill()
  const statuses: number[] = []
  for (let i = 0; i < 2; i++) {
    const gateway = walletOf(pair.issuers.gateway, { batch: 4, memory: memory() })
    const fetch = pair.client(pair.relays[0], { tokens: { relay, gateway } })
    statuses.push((await fetch(target)).status)
  }
  expect(statuses).toEqual([200, 200])
  expect([pair.app.length, posts(pair)]).toEqual([2, 3])
})

test.each([
  ['no token for the relay', 'gateway', 'relay'],
  ['no token for the gateway', 'relay', 'gateway'],
] as const)('%s: a typed error, and the app hears nothing', async (_what, has, lacks) => {
  const pair = await guardedPair()
  const tokens = walletsOf(pair)
  const fetch = pair.client(pair.relays[0], { tokens: { [has]: tokens[has] } })
  expect(await codeOf(fetch(target))).toBe('challenge-refused')
  expect(pair.app).toEqual([])
  expect(posts(pair)).toBe(lacks === 'relay' ? 0 : 1)
})

test.each([
  ['relay', 'gateway'],
  ['gateway', 'relay'],
] as const)('at the %s a token for the %s is none', async (side, other) => {
  const pair = await guardedPair()
  const tokens = walletsOf(pair)
  const misled = { ...tokens[side], take: () => tokens[other].take() }
  const fetch = pair.client(pair.relays[0], { tokens: { ...tokens, [side]: misled } })
  expect(await codeOf(fetch(target))).toBe('token-refused')
  expect(posts(pair)).toBe(side === 'relay' ? 0 : 2)
  expect(pair.app).toEqual([])
})

describe('on the command line', () => {
  async function files(pair: GuardedPair): Promise<Record<'relay' | 'gateway' | 'trust', string>> {
    const folder = await mkdtemp(join(tmpdir(), 'tokens-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const path = (name: string): string => join(folder, name)
    await writeFile(path('relay'), JSON.stringify(pair.issuers.relay.issuer))
    await writeFile(path('gateway'), JSON.stringify(pair.issuers.gateway.issuer))
    await writeFile(path('trust'), pair.trust)
    return { relay: path('relay'), gateway: path('gateway'), trust: path('trust') }
  }

  const asking = (pair: GuardedPair, trust: string): string[] => [
    ...['fetch', '--relay', `http://127.0.0.1:${String(pair.relays[0]?.port)}/`, '--plaintext-loopback'],
    ...['--trust', trust, '--placement', 'front', '--memory', 'none', target],
  ]

  test('tokens are fetched ahead of time, and go with a request', async () => {
    const pair = await guardedPair()
    const { relay, gateway, trust } = await files(pair)
    for (const issuer of [relay, gateway]) {
      expect(
        await main(['token', 'fetch', '--issuer', issuer, '--plaintext-loopback'], newTerminal({ readFile })),
      ).toBe(0)
    }
    // Fetched just now: that they lie a while before their first use is wallet.test.ts's to show.
    for (const issuer of [relay, gateway]) await usableNow(`${issuer}.wallet`)
    const world = newTerminal({ readFile })
    const code = await main([...asking(pair, trust), '--relay-issuer', relay, '--gateway-issuer', gateway], world)
    expect([code, world.shown.out, world.shown.err]).toEqual([0, 'hello', ''])
    expect([pair.issuers.relay.asked.length, pair.issuers.gateway.asked.length]).toEqual([32, 32])
  })

  test.each([
    ['without issuers', [], 1, 'challenge-refused'],
    [
      'with one issuer for both',
      ['--relay-issuer', 'relay', '--gateway-issuer', 'relay'],
      2,
      '--relay-issuer: relay and',
    ],
  ])('%s: says what is wrong', async (_what, more, code, says) => {
    const pair = await guardedPair()
    const { relay, trust } = await files(pair)
    const world = newTerminal({ readFile })
    expect(await main([...asking(pair, trust), ...more.map((arg) => (arg === 'relay' ? relay : arg))], world)).toBe(
      code,
    )
    expect(world.shown.err).toContain(says)
    expect(pair.app).toEqual([])
  })
})

/** Sealed requests that the gateway was sent. */
function posts(pair: GuardedPair): number {
  return pair.between().split('POST /.well-known/ohttp-gateway').length - 1
}

async function usableNow(file: string): Promise<void> {
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace(/"usableFrom":\d+/, '"usableFrom":0'))
}
