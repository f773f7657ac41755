/** S08, S09, S21, S22: issuers that mark who buys, places that ask too much, and two places that compare. privacy.md 3.7 and 4.9, PP-10, R19. */
import type { SigningKey } from '../../../../deploy/local/issuer/keys.ts'
import { hex } from '../../../../shared/bytes.ts'
import { challengeDigest, readChallengeField } from '../../../../shared/privacy-pass/challenge.ts'
import { readToken, readTokenField, type Token } from '../../../../shared/privacy-pass/token.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import type { Client } from '../../pair/subject.ts'
import { gatewayX } from '../../roles/gateway.ts'
import {
  challengeOf,
  gatewayIssuer,
  issuerX,
  relayIssuer,
  signing,
  type Challenging,
  type IssuerScript,
  type IssuerX,
} from '../../roles/issuer.ts'
import { relayX, type Reply } from '../../roles/relay.ts'
import { clientIsServed, demand, endOf, secret, target, words } from '../common.ts'

const onClient = {
  ...inFront,
  severity: 4,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['client'],
  control: buyersAreServed,
} as const

export const buyingScenarios: readonly Scenario[] = [
  {
    ...onClient,
    id: 'S08',
    severity: 8,
    title: 'an issuer’s key for each client',
    given: 'an issuer that signs under one more key for the victim, and the relay or the gateway on its side',
    does: 'asks for tokens under that key, in a context of the victim’s own, and in other names',
    shows:
      'the client buys nothing under a key, and shows nothing for a challenge, that did not come with its application',
    attack: marked,
  },
  {
    ...onClient,
    id: 'S09',
    score: 'T',
    title: 'bought and spent at once',
    given: 'issuer and relay compare times of eight clients who buy within half a second and spend as soon as they may',
    does: 'matches the order of sales with the order of tokens',
    shows: 'no better than chance: each batch lies for a time of its own; who buys all alone is not hidden by this',
    attack: timed,
  },
  {
    ...onClient,
    id: 'S21',
    quick: true,
    severity: 8,
    title: 'the tokens of both places side by side',
    given: 'relay and gateway, who compare the tokens that they took',
    does: 'looks for anything that the tokens of one client have in common, also where an application ships one issuer for both',
    shows: 'nothing: each side has an issuer of its own, and a client that is given one for both is not made',
    attack: compared,
  },
  {
    ...onClient,
    id: 'S22',
    severity: 2,
    score: 'T',
    title: 'a place that is never content',
    given: 'the relay, or the gateway, who refuses every token with the challenge that the client knows',
    does: 'counts the tokens of one request',
    shows: 'at most two: one that went with it, and one for the one challenge that is answered',
    attack: neverContent,
  },
]

type Shops = { readonly relay: IssuerX; readonly gateway: IssuerX }
type Place = keyof Shops

async function sellers(stage: Stage, hidden: IssuerScript = {}): Promise<Shops> {
  const [relay, gateway] = await Promise.all([
    issuerX(stage, relayIssuer, hidden),
    issuerX(stage, gatewayIssuer, hidden),
  ])
  return { relay, gateway }
}

async function buyersAreServed(stage: Stage): Promise<void> {
  const { client, shown } = await passing(stage, await sellers(stage))
  await clientIsServed(client)
  demand(shown('relay').length === 1 && shown('gateway').length === 1, 'one token went to each side')
}

/** The token of a field, if it is one. */
function passOf(field: string | undefined): Token | undefined {
  return field === undefined ? undefined : readToken(readTokenField(field))
}

type Passing = { readonly client: Client; readonly shown: (place: Place) => readonly Token[] }

/** A client that buys at both shops, before places that ask for tokens with these challenges. */
async function passing(
  stage: Stage,
  { relay, gateway }: Shops,
  asks: { readonly relay?: string; readonly gateway?: string } = {},
): Promise<Passing> {
  const refusal = (challenge: string): Reply => ({ status: 401, fields: { 'www-authenticate': challenge }, body: '' })
  const place = await gatewayX(stage, {
    onForward: () =>
      asks.gateway === undefined ? {} : { status: 401, headers: [['www-authenticate', asks.gateway]], content: '' },
  })
  const way = await relayX(stage, place.url, {
    onRequest: ({ method }) => (method === 'POST' && asks.relay !== undefined ? refusal(asks.relay) : undefined),
  })
  const tokens = { relay: relay.issuer, gateway: gateway.issuer }
  const client = stage.subject.client(stage, { relay: way.url, tokens })
  const fields = {
    relay: () => way.letters.map(({ field }) => field('authorization')),
    gateway: () => place.opened.map(({ headers }) => headers.find(([name]) => name === 'authorization')?.[1]),
  }
  return { client, shown: (side) => fields[side]().flatMap((field) => passOf(field) ?? []) }
}

type Asking = { readonly what: string; readonly challenge: Challenging }

async function marked(stage: Stage): Promise<Finding> {
  const tried: string[] = []
  for (const place of ['relay', 'gateway'] as const) {
    const names = place === 'relay' ? relayIssuer : gatewayIssuer
    const own = await signing(stage, names.name)
    const victim = await keyUnlike(stage, own.keyId)
    const asking: readonly Asking[] = [
      { what: 'a key of its own', challenge: { ...names, key: victim } },
      { what: 'a context of its own', challenge: { ...names, key: own, context: '5a'.repeat(32) } },
      { what: 'another name', challenge: { ...names, name: 'victim.example', key: own } },
      { what: 'another origin', challenge: { ...names, origins: ['victim.example'], key: own } },
    ]
    for (const { what, challenge } of asking) {
      const shop = await sellers(stage, { hidden: [victim] })
      const { client, shown } = await passing(stage, shop, { [place]: challengeOf(challenge) })
      const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
      const mark = hex(victim.keyId.subarray(31))
      if (shop[place].asked.includes(mark))
        return exposed(`${place}, ${what}: the client bought under a key of its own`)
      const digest = digestOf(challengeOf(challenge))
      const spent = shown(place).filter((token) => digest.equals(token.challengeDigest) && what !== 'a key of its own')
      if (spent.length > 0) return exposed(`${place}, ${what}: the client answered that challenge`)
      tried.push(`${place}, ${what}: ${words(ended)}`)
    }
  }
  return blocked(tried.join('; '))
}

function digestOf(field: string): Buffer {
  const [asked] = readChallengeField(field)
  if (asked === undefined) throw new TypeError('a challenge')
  return Buffer.from(challengeDigest(asked.challenge))
}

/** Token requests name a key by the last octet of its id. */
async function keyUnlike(stage: Stage, keyId: Uint8Array): Promise<SigningKey> {
  for (let at = 0; ; at++) {
    const key = await signing(stage, `victim-${at}.example`)
    if (key.keyId[31] !== keyId[31]) return key
  }
}

const buyers = 8
const rounds = 8

async function timed(stage: Stage): Promise<Finding> {
  const { relay } = await sellers(stage)
  let right = 0
  for (let round = 0; round < rounds; round++) {
    const spent: { readonly buyer: number; readonly at: number }[] = []
    for (let buyer = 0; buyer < buyers; buyer++) {
      const boughtAt = Date.now() + 60 * buyer
      let waited = 0
      const purse = stage.subject.wallet(stage, {
        issuer: relay.issuer,
        batch: 1,
        now: () => boughtAt,
        wait: (milliseconds) => ((waited = milliseconds), Promise.resolve()),
      })
      await purse.take()
      spent.push({ buyer, at: boughtAt + waited })
    }
    right += spent.sort((one, other) => one.at - other.at).filter(({ buyer }, place) => buyer === place).length
  }
  // By chance one match in a round is right, with a variance of one.
  const gate = (rounds + 3 * Math.sqrt(rounds)) / (rounds * buyers)
  const value = right / (rounds * buyers)
  const measure = { metric: 'sales matched with the right token', value, n: rounds * buyers, gate }
  return blocked(`chance is 1 in ${buyers}, for ${buyers} who buy within half a second`, measure)
}

async function compared(stage: Stage): Promise<Finding> {
  const shops = await sellers(stage)
  const { client, shown } = await passing(stage, shops)
  for (let round = 0; round < 3; round++) await clientIsServed(client)
  const [here, there] = [shown('relay'), shown('gateway')].map((tokens) => new Set(tokens.flatMap(marksOf)))
  demand((here?.size ?? 0) > 3 && (there?.size ?? 0) > 3, 'tokens were seen at both places')
  const common = [...(here ?? [])].filter((mark) => there?.has(mark) === true)
  if (common.length > 0) return exposed(`${common.length} values in common`)
  try {
    const { client: careless } = await passing(stage, { relay: shops.relay, gateway: shops.relay })
    await clientIsServed(careless)
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    return blocked(`nothing in common; with one issuer for both: ${cause.message}`)
  }
  return exposed('one issuer for both sides is taken, and with it one crowd for both')
}

function marksOf({ nonce, challengeDigest: digest, keyId, authenticator }: Token): string[] {
  return [nonce, digest, keyId, authenticator].map((part) => Buffer.from(part).toString('hex'))
}

async function neverContent(stage: Stage): Promise<Finding> {
  let most = 0
  for (const place of ['relay', 'gateway'] as const) {
    const shops = await sellers(stage)
    const challenge = challengeOf({ ...shops[place].issuer, key: shops[place].key })
    const { client, shown } = await passing(stage, shops, { [place]: challenge })
    const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
    demand(shown(place).length > 0, `the ${place} was shown a token, but ${words(ended)}`)
    most = Math.max(most, shown(place).length)
  }
  return blocked('one challenge is answered', { metric: 'tokens of one request', value: most, n: 2, gate: 2 })
}
