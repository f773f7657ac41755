/** C09, C12, C14, C17, C18: a client that listens to how it is refused. RFC 9458 §5.2 and §6.1, privacy.md 2.9. */
import { utf8 } from '../../../../shared/bytes.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { binaryRequest, handwritten, type Intruder } from '../../roles/client.ts'
import { asked, type Answered } from '../../roles/wire.ts'
import { besieged, demand, gatewayAnswers, isServed, secret, shapeOf, type Besieged } from '../common.ts'

const onGateway = {
  ...inFront,
  expects: ['BLOCKED'],
  subject: ['gateway'],
  control: gatewayAnswers,
  quick: true,
} as const
const given = 'a client with the gateway’s key, and no rule beyond it'
/** One plain answer for whatever does not open, one for a key id that is not known. */
const plainAnswers = 2

export const oracleScenarios: readonly Scenario[] = [
  {
    ...onGateway,
    id: 'C09',
    severity: 4,
    score: 'B',
    quick: false,
    title: 'messages that are broken somewhere',
    given,
    does: 'flips, cuts and lengthens sealed messages and what is inside them, 600 times',
    shows: 'no crash, no other answer than the two plain ones and sealed ones; the next honest request is served',
    attack: fuzzed,
  },
  {
    ...onGateway,
    id: 'C12',
    severity: 4,
    score: 'B',
    title: 'points of low order',
    given,
    does: 'sends the seven points of X25519 whose shared secret everybody knows',
    shows: 'refused like anything that does not open, whatever the ciphertext',
    attack: lowOrder,
  },
  {
    ...onGateway,
    id: 'C14',
    severity: 4,
    score: 'T',
    title: 'which of eighteen ways to fail was it',
    given,
    does: 'compares status, type and length of the answers to eighteen classes of malformed requests',
    shows: 'at most two plain answers; everything after opening comes sealed, as 200',
    attack: probed,
  },
  {
    ...onGateway,
    id: 'C17',
    severity: 2,
    score: 'B',
    title: 'methods and media types that are almost right',
    given,
    does: 'sends a good message with other methods and types',
    shows: '405 or 415, always the same body; nothing is executed',
    attack: almost,
  },
  {
    ...onGateway,
    id: 'C18',
    severity: 4,
    score: 'B',
    title: 'names that mean something to JavaScript',
    given,
    does: 'sends fields called __proto__ and constructor, and long repetitions that make patterns backtrack',
    shows: 'no object has gained anything; each is answered within a second',
    withoutNaive: 'the naive pair neither merges objects by foreign names nor matches patterns that backtrack',
    attack: names,
  },
]

async function plain(cli: Intruder, message: Uint8Array): Promise<string> {
  const answer = await cli.post(message)
  return answer.status === 200 ? 'sealed' : `${shapeOf(answer)} ${answer.body.toString('latin1')}`
}

async function survived({ cli }: Besieged, seen: ReadonlySet<string>, tried: number): Promise<Finding> {
  if (!isServed(await cli.ask({ method: 'POST', content: secret }))) return exposed('afterwards nobody is served')
  const others = [...seen].filter((one) => one !== 'sealed')
  const measure = { metric: 'different plain answers', value: others.length, n: tried, gate: plainAnswers }
  return blocked(others.map((one) => one.slice(0, 50)).join(' | '), measure)
}

async function fuzzed(stage: Stage): Promise<Finding> {
  const siege = await besieged(stage)
  const { cli } = siege
  const { dice } = stage
  const seen = new Set<string>()
  const good = binaryRequest({ method: 'POST', content: secret })
  for (let round = 0; round < 300; round++) {
    seen.add(await plain(cli, (await cli.seal(broken(good, dice.below))).message))
    seen.add(await plain(cli, broken((await cli.seal({})).message, dice.below)))
  }
  return survived(siege, seen, 600)
}

function broken(bytes: Uint8Array, below: (bound: number) => number): Uint8Array {
  const at = below(bytes.length)
  const kind = below(4)
  if (kind === 0) return bytes.slice(0, at)
  if (kind === 1) return Uint8Array.from([...bytes, ...new Uint8Array(1 + below(40)).fill(below(256))])
  if (kind === 2) return Uint8Array.from([...bytes.slice(0, at), 0xff, 0xff, 0xff, 0xff, ...bytes.slice(at)])
  return bytes.with(at, (bytes[at] ?? 0) ^ (1 << below(8)))
}

/** RFC 7748 §6.1 and the two u-coordinates of order 8, with their twins above the prime. */
const points = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

async function lowOrder(stage: Stage): Promise<Finding> {
  const siege = await besieged(stage)
  const { cli, app } = siege
  const { message } = await cli.seal({})
  const flipped = message.with(message.length - 1, (message.at(-1) ?? 0) ^ 1)
  const usual = await plain(cli, flipped)
  for (const point of points) {
    const weak = Uint8Array.from([...message.slice(0, 7), ...Buffer.from(point, 'hex'), ...message.slice(39)])
    const answer = await plain(cli, weak)
    if (answer !== usual) return exposed(`can be told from a wrong tag: ${answer.slice(0, 80)}`)
  }
  if (app.asked.length > 0) return exposed('something was executed')
  return blocked(`${points.length} points, one answer, the usual one`)
}

async function probed(stage: Stage): Promise<Finding> {
  const siege = await besieged(stage)
  const { cli } = siege
  const { message } = await cli.seal({})
  const set = (at: number, value: number): Uint8Array => message.with(at, value)
  const classes: readonly Uint8Array[] = [
    set(0, 0xee), // key id
    set(2, 0x21), // KEM
    set(4, 0x03), // KDF
    set(6, 0x77), // AEAD
    set(38, (message[38] ?? 0) ^ 1), // enc
    set(message.length - 1, (message.at(-1) ?? 0) ^ 1), // tag
    set(40, (message[40] ?? 0) ^ 1), // ciphertext
    message.slice(0, 0),
    message.slice(0, 3),
    message.slice(0, 20),
    message.slice(0, 39),
    message.slice(0, 50),
    message.slice(0, -1),
    Uint8Array.from([...message, 0]),
    (await cli.seal(utf8('not binary http'))).message,
    (await cli.seal({ authority: '' })).message,
    (await cli.seal({ authority: 'other.example' })).message,
    (await cli.seal({ date: Date.now() - 3_600_000 })).message,
  ]
  const seen = new Set<string>()
  for (const one of classes) seen.add(await plain(cli, one))
  return survived(siege, seen, classes.length)
}

async function almost(stage: Stage): Promise<Finding> {
  const { cli, app, gateway } = await besieged(stage)
  const types = [
    '',
    'text/plain',
    'application/octet-stream',
    'message/ohttp-res',
    'message/ohttp-reqs',
    'message/bhttp',
    'message/ohttp-keys',
  ]
  const bodies = new Map<number, Set<string>>()
  const note = ({ status, body }: Answered): void => {
    bodies.set(status, (bodies.get(status) ?? new Set()).add(body.toString('latin1')))
  }
  for (const type of types) note(await cli.post((await cli.seal({})).message, { type }))
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const { message } = await cli.seal({})
    const fields = { 'content-type': 'message/ohttp-req' }
    note(await asked(`${gateway.url}/`, { method, body: message, fields }))
  }
  if (app.asked.length > 0) return exposed(`${app.asked.length} of them were executed`)
  const wrong = [...bodies].filter(([status, texts]) => texts.size > 1 || (status !== 405 && status !== 415))
  if (wrong.length > 0)
    return exposed(`answers: ${wrong.map(([status, { size }]) => `${status} in ${size} forms`).join(', ')}`)
  return blocked([...bodies.keys()].sort().join(', '))
}

async function names(stage: Stage): Promise<Finding> {
  const siege = await besieged(stage)
  const { cli } = siege
  const long = 'a, '.repeat(8_000)
  const slow: string[] = []
  const rows = [
    ['__proto__', 'polluted'],
    ['constructor', 'polluted'],
    ['__proto__.polluted', 'yes'],
    ['cookie', `${'a='.repeat(8_000)};`],
    ['connection', long],
    ['content-type', ` ${'\t'.repeat(16_000)}x`],
    ['date', `${' '.repeat(8_000)}x`],
  ] as const
  for (const row of rows) {
    const begun = performance.now()
    await cli.ask(handwritten({ headers: [row] }))
    if (performance.now() - begun > 1_000) slow.push(row[0])
  }
  const polluted = Object.keys(Object.prototype).length > 0 || 'polluted' in {}
  demand(isServed(await cli.ask({ method: 'POST', content: secret })), 'the next one is served')
  if (polluted) return exposed('every object has gained a property')
  return slow.length > 0
    ? exposed(`took more than a second: ${slow.join(', ')}`)
    : blocked(`${rows.length} names and values, inert`)
}
