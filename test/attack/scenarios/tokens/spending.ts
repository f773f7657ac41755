/** S07, S11, S16-S20: tokens spent twice, forged, carried on, forgotten, or worth more than they cost. privacy.md 3.7 and 4.9, PP-3 to PP-11. */
import { randomBytes } from 'node:crypto'
import { base64url, fromBase64url } from '../../../../shared/bytes.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { quiet } from '../../frame/until.ts'
import { gatewayIssuer, issuerX, relayIssuer, type IssuerNames } from '../../roles/issuer.ts'
import { demand, hour } from '../common.ts'
import { bothPlaces, bought, door, doorsWork, inTurn, type Door } from './doors.ts'

const atDoors = {
  ...inFront,
  severity: 4,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['relay', 'gateway'],
  control: doorsWork,
} as const

export const spendingScenarios: readonly Scenario[] = [
  {
    ...atDoors,
    id: 'S07',
    quick: true,
    title: 'one token twice',
    given: 'a client with one token, and two replicas of relay and of gateway',
    does: 'spends it eight times at once at both replicas, and once more at each afterwards',
    shows: 'exactly one of the ten requests comes through at either place',
    attack: twice,
  },
  {
    ...atDoors,
    id: 'S11',
    score: 'T',
    quick: true,
    title: 'a small question with a huge answer',
    given: 'a client with one token, and an app that answers with 4 MB',
    does: 'asks without a token, with one, and with the same one again',
    shows: 'without a token the app is not asked; with one it is asked once, and no more than the limit comes out',
    attack: dear,
  },
  {
    ...atDoors,
    id: 'S16',
    title: 'tokens that nobody sold',
    given: 'a client that can read a token, and buys from issuers of its choice',
    does: 'forges, changes, doubles, and brings those of a foreign issuer, for other places, and of a key that ended',
    shows: 'none comes through, and nothing of it is looked at behind the door',
    attack: forged,
  },
  {
    ...atDoors,
    id: 'S17',
    title: 'a token that is spent again after a restart',
    given: 'a client with a spent token, when relay and gateway are restarted',
    does: 'spends it again',
    shows: 'the memory of what was spent outlives the process',
    attack: afterRestart,
  },
  {
    ...atDoors,
    id: 'S18',
    title: 'the token as a mark for whoever is behind',
    given: 'whoever stands behind the relay, behind the gateway, or reads what both write down',
    does: 'looks for any part of the tokens that were spent',
    shows: 'nothing of a token goes on, or is written down',
    attack: carriedOn,
  },
  {
    ...atDoors,
    id: 'S19',
    title: 'a memory of spent tokens that is filled',
    given: 'a client with twelve tokens, where ten can be remembered',
    does: 'spends all, then the first one again',
    shows: 'what cannot be remembered is not taken, and nothing is forgotten for it',
    attack: filled,
  },
  {
    ...atDoors,
    id: 'S20',
    severity: 2,
    title: 'which of nine ways to be refused was it',
    given: 'a client that compares refusals',
    does: 'comes without a token, and with eight kinds of bad ones',
    shows: 'one refusal, octet for octet: nobody learns whether a token was known, spent or of another key',
    attack: refusals,
  },
]

/** Plays at both places, one after the other; the worse finding counts. */
async function atBoth(work: (place: 'relay' | 'gateway') => Promise<Finding>): Promise<Finding> {
  const found: Finding[] = []
  for (const place of bothPlaces) {
    const { outcome, says, ...rest } = await work(place)
    found.push({ ...rest, outcome, says: `${place}: ${says}` })
  }
  const worse = found.find(({ outcome }) => outcome !== 'BLOCKED')
  return worse ?? blocked(found.map(({ says }) => says).join('; '))
}

function twice(stage: Stage): Promise<Finding> {
  return atBoth(async (place) => {
    const one = await door(stage, place, { replicas: 2 })
    const [token = ''] = await bought(stage, one)
    const atOnce = await Promise.all(Array.from({ length: 8 }, (_, at) => one.knock(token, at % 2)))
    const later = await inTurn(2, (at) => one.knock(token, at))
    const taken = [...atOnce, ...later].filter((knocked) => knocked === 'in').length
    demand(taken > 0, 'the token is taken once')
    return taken > 1 || one.entered() !== 1
      ? exposed(`one token let ${one.entered()} requests in`)
      : blocked('1 of 10 came in')
  })
}

/** Octets; below the limit of one answer in this scenario, with its padding. */
const most = 64 * 1024

async function dear(stage: Stage): Promise<Finding> {
  const answered: string[] = []
  const one = await door(stage, 'gateway', {
    settings: { limits: { answer: most } },
    answer: (request, response) => {
      answered.push(request.url ?? '')
      response
        .on('error', () => undefined)
        .writeHead(200)
        .end(Buffer.alloc(4_000_000))
    },
  })
  const [token = ''] = await bought(stage, one)
  await one.knock()
  if (answered.length > 0) return exposed('the app was asked without a token')
  const before = one.octets()
  await one.knock(token)
  const out = one.octets() - before
  await one.knock(token)
  if (answered.length > 1) return exposed(`one token made the app answer ${answered.length} times`)
  const measure = { metric: 'octets that one token brought out', value: out, n: 1, gate: 2 * most }
  return blocked('not asked without a token, once with it', measure)
}

async function forged(stage: Stage): Promise<Finding> {
  return atBoth(async (place) => {
    const one = await door(stage, place)
    const bad = await badTokens(stage, one)
    const [good = ''] = await bought(stage, one)
    for (const [what, token] of bad) {
      if ((await one.knock(token)) === 'in') return exposed(`let in: ${what}`)
    }
    demand((await one.knock(good)) === 'in' && one.entered() === 1, 'a good one still comes in')
    const ended = await door(stage, place, { until: Date.now() + hour / 2 })
    const [late = ''] = await bought(stage, ended)
    stage.clocks.shift(place, hour)
    const knocked = await ended.knock(late)
    stage.clocks.shift(place, 0)
    return knocked === 'in' ? exposed('let in: of a key that ended') : blocked(`none of ${bad.length + 1} came in`)
  })
}

/** Tokens that no key of this door's issuer made for it. */
async function badTokens(stage: Stage, { place, issuer }: Door): Promise<readonly (readonly [string, string])[]> {
  const own: IssuerNames = place === 'relay' ? relayIssuer : gatewayIssuer
  const other: IssuerNames = place === 'relay' ? gatewayIssuer : relayIssuer
  const from = async (names: IssuerNames, keyOf?: string): Promise<string> => {
    const seller = await issuerX(stage, { ...names, name: keyOf ?? names.name })
    const named = { ...seller.issuer, name: names.name }
    return stage.subject.wallet(stage, { issuer: named, batch: 1 }).take()
  }
  const [good, second] = await bought(stage, { issuer }, 2)
  const octets = octetsOf(good ?? '')
  const forgedToken = Uint8Array.from(randomBytes(octets.length))
  forgedToken.set(octets.subarray(0, 2))
  forgedToken.set(octets.subarray(34, 98), 34)
  return [
    ['a forged signature', fieldOf(forgedToken)],
    ['another nonce under a good signature', fieldOf(octets.with(10, (octets[10] ?? 0) ^ 1))],
    ['one bit of the signature changed', fieldOf(octets.with(120, (octets[120] ?? 0) ^ 1))],
    ['a part of one', fieldOf(octets.subarray(0, 98))],
    ['two at once', `${good ?? ''}, ${second ?? ''}`],
    ['of a foreign issuer of the same name', await from(own, 'somebody.example')],
    ['of the same issuer for another place', await from({ ...other, name: own.name })],
    ['of the issuer of the other side', await from(other)],
  ]
}

function octetsOf(field: string): Uint8Array<ArrayBuffer> {
  return fromBase64url(/token="([^"]+)"/.exec(field)?.[1] ?? '')
}

function fieldOf(octets: Uint8Array): string {
  return `PrivateToken token="${base64url(octets)}"`
}

function afterRestart(stage: Stage): Promise<Finding> {
  return atBoth(async (place) => {
    const one = await door(stage, place)
    const [token = '', fresh = ''] = await bought(stage, one, 2)
    demand((await one.knock(token)) === 'in', 'the token is good')
    await one.restart()
    if ((await one.knock(token)) === 'in') return exposed('a spent token came in after a restart')
    demand((await one.knock(fresh)) === 'in', 'a fresh one comes in after the restart')
    return blocked('refused after a restart, a fresh one was not')
  })
}

function carriedOn(stage: Stage): Promise<Finding> {
  return atBoth(async (place) => {
    const one = await door(stage, place)
    const tokens = await bought(stage, one, 3)
    for (const token of tokens) demand((await one.knock(token)) === 'in', 'a token is good')
    await one.knock(tokens[0])
    await quiet()
    const seen = (await one.behind()).toLowerCase()
    const parts = tokens.flatMap((token) => partsOf(token)).filter((part) => seen.includes(part.toLowerCase()))
    if (parts.length > 0) return exposed(`${parts.length} parts of tokens behind it, such as ${parts[0] ?? ''}`)
    return blocked(`nothing of ${tokens.length} tokens behind it`)
  })
}

/** Pieces of a token as text, and its nonce and authenticator as hexadecimal. */
function partsOf(field: string): string[] {
  const octets = octetsOf(field)
  const text = /token="([^"]+)"/.exec(field)?.[1] ?? ''
  const pieces = Array.from({ length: Math.floor(text.length / 24) }, (_, at) => text.slice(24 * at, 24 * at + 24))
  const hexed = [octets.subarray(2, 18), octets.subarray(98, 114)].map((part) => Buffer.from(part).toString('hex'))
  return ['privatetoken', ...pieces, ...hexed]
}

function filled(stage: Stage): Promise<Finding> {
  return atBoth(async (place) => {
    const one = await door(stage, place, { claims: 10 })
    const tokens = await bought(stage, one, 12)
    const taken = (await inTurn(tokens.length, (at) => one.knock(tokens[at]))).filter((knocked) => knocked === 'in')
    demand(taken.length > 0, 'some are taken')
    if (taken.length > 10) return exposed(`${taken.length} tokens were taken, where ten can be remembered`)
    if ((await one.knock(tokens[0])) === 'in') return exposed('the first one came in again')
    return blocked(`${taken.length} of 12 were taken, and the first one not again`)
  })
}

function refusals(stage: Stage): Promise<Finding> {
  return atBoth(async (place) => {
    const one = await door(stage, place)
    const [spent = ''] = await bought(stage, one)
    demand((await one.knock(spent)) === 'in', 'a token is good')
    const bad = [['none', undefined], ['a spent one', spent], ...(await badTokens(stage, one))] as const
    const told = await inTurn(bad.length, (at) => one.knock(bad[at]?.[1]))
    const kinds = new Set(told)
    if (kinds.size === 1) return blocked(`${bad.length} kinds, one refusal of ${told[0]?.length ?? 0} octets`)
    const odd = bad.find((_, at) => told[at] !== told[0])?.[0]
    return exposed(`${kinds.size} refusals: ${String(odd)} can be told from none`)
  })
}
