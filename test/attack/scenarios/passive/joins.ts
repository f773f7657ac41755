/** P08-P12, P14: what two links have in common besides lengths. privacy.md 2.6, 4.5 and 4.6. */
import dns from 'node:dns'
import { Agent, request as ask } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { until } from '../../frame/until.ts'
import { openApp } from '../../pair/app.ts'
import { intruder } from '../../roles/client.ts'
import { gatewayX } from '../../roles/gateway.ts'
import { tap, type Piece, type Tap } from '../../roles/tap.ts'
import { asked, line } from '../../roles/wire.ts'
import { demand, pairAnswers, settled } from '../common.ts'

const onRelay = {
  ...inFront,
  severity: 8,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['relay'],
  control: pairAnswers,
  quick: true,
} as const
const given = 'somebody who sees both sides of the relay'
const fields = { 'content-type': mediaTypes.request }

export const joinScenarios: readonly Scenario[] = [
  {
    ...onRelay,
    id: 'P08',
    severity: 4,
    title: 'handshakes that look like a client’s',
    given,
    does: 'compares the first messages of the relay’s handshakes with the gateway while different clients ask',
    shows: 'one handshake for all, no ticket of an earlier session in it',
    withoutNaive: 'Node writes the same handshake for everybody, in the naive pair too',
    attack: handshakes,
  },
  {
    ...onRelay,
    id: 'P09',
    score: 'T',
    title: 'which connection carries whom',
    given,
    does: 'lets six clients ask eight times each over connections of their own, and looks which connections carry them on',
    shows: 'two requests of one client share a connection no more often than two of different clients',
    attack: affinity,
  },
  {
    ...onRelay,
    id: 'P10',
    title: 'heads, priorities and order that pass through',
    given,
    does: 'compares what the relay writes for six clients with headers, casing and priorities of their own',
    shows: 'one head, octet for octet; no HTTP/2 to carry priorities',
    attack: heads,
  },
  {
    ...onRelay,
    id: 'P11',
    severity: 4,
    score: 'T',
    quick: false,
    title: 'names looked up for each client',
    given: 'somebody at the resolver of the relay’s operator',
    does: 'counts look-ups while ten clients come, each on a connection of its own',
    shows: 'one name, looked up for connections of the pool and not for requests',
    attack: lookups,
  },
  {
    ...onRelay,
    id: 'P12',
    title: 'a new client seen on the other side',
    given,
    does: 'waits until it is quiet and lets one new client come',
    shows: 'no new connection to the gateway',
    attack: newcomer,
  },
  {
    ...onRelay,
    id: 'P14',
    severity: 4,
    score: 'T',
    quick: false,
    title: 'a link that jitters',
    given,
    does: 'lets the pieces of six uploads through with random gaps, and looks for the gaps on the other side',
    shows: 'the other side has none',
    attack: jitter,
  },
]

async function onLinkB(stage: Stage, name = '127.0.0.1') {
  const gateway = await gatewayX(stage)
  const linkB = await tap(stage, gateway.port)
  const relay = await stage.subject.relay(stage, { gateway: linkB.url.replace('127.0.0.1', name) })
  await until(async () => (await asked(`${relay.url}/.well-known/asunder-bundle`)).status === 200)
  return { gateway, linkB, relay, cli: await intruder(gateway.url) }
}

async function handshakes(stage: Stage): Promise<Finding> {
  const app = await openApp(stage)
  const cvm = await stage.subject.cvm(stage, { app })
  const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, tls: true })
  await gateway.ready()
  const linkB = await tap(stage, gateway.port)
  const relay = await stage.subject.relay(stage, { gateway: `https://127.0.0.1:${linkB.port}` })
  await until(async () => (await asked(`${relay.url}/.well-known/asunder-bundle`)).status === 200)
  const ask = (at: number) =>
    asked(relay.url, {
      method: 'POST',
      body: `x${at}`,
      fields: { ...fields, 'user-agent': `c/${at}` },
      from: `127.10.0.${at + 1}`,
    })
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 4 }, (_, at) => ask(4 * round + at).catch(() => undefined)))
    linkB.reset()
    await sleep(20)
  }
  const hellos = firstOf(linkB).map(shapeOf)
  demand(hellos.length > 2, `handshakes were seen: ${hellos.length}`)
  const shapes = new Set(hellos)
  if ([...shapes].some((shape) => shape.split(',').includes('41')))
    return exposed('a ticket of an earlier session is shown')
  return shapes.size > 1
    ? exposed(`${shapes.size} different handshakes`)
    : blocked(`${hellos.length} handshakes, one form, no ticket`)
}

function firstOf(link: Tap): readonly Buffer[] {
  const byConnection = new Map<number, Piece>()
  for (const piece of link.pieces) {
    if (piece.from === 'client' && !byConnection.has(piece.connection)) byConnection.set(piece.connection, piece)
  }
  return [...byConnection.values()].map(({ bytes }) => bytes)
}

/** Versions, suites and kinds of extensions of a ClientHello: all that does not change by chance. RFC 8446 §4.1.2. */
function shapeOf(hello: Buffer): string {
  let at = 5 + 4 + 2 + 32
  at += 1 + hello.readUInt8(at)
  const suites = hello.subarray(at + 2, at + 2 + hello.readUInt16BE(at))
  at += 2 + suites.length
  at += 1 + hello.readUInt8(at)
  const end = at + 2 + hello.readUInt16BE(at)
  const kinds: number[] = []
  for (at += 2; at + 4 <= Math.min(end, hello.length); at += 4 + hello.readUInt16BE(at + 2))
    kinds.push(hello.readUInt16BE(at))
  return `${suites.toString('hex')},${kinds.sort((one, other) => one - other).join()}`
}

const clients = 6
const rounds = 8

async function affinity(stage: Stage): Promise<Finding> {
  const { linkB, relay, cli } = await onLinkB(stage)
  const agents = Array.from({ length: clients }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  stage.defer(() => agents.forEach((agent) => agent.destroy()))
  for (let round = 0; round < rounds; round++) {
    const order = shuffled(
      agents.map((_, at) => at),
      stage.dice.below,
    )
    await Promise.all(
      order.map(async (at) =>
        post(relay.url, agents[at], (await cli.seal({ content: 'x'.repeat(200 + 10 * at), method: 'POST' })).message),
      ),
    )
  }
  // The length of an unpadded message says which client it is of: to us, who made it.
  const carried = linkB.pieces.flatMap(({ connection, from, bytes }) => {
    const length =
      from === 'client' ? /^POST [^]*content-length: (\d+)/i.exec(bytes.toString('latin1'))?.[1] : undefined
    return length === undefined ? [] : [{ connection, client: length }]
  })
  demand(carried.length === clients * rounds, `every request was seen: ${carried.length}`)
  const [same, other] = [shared(carried, true), shared(carried, false)]
  const measure = {
    metric: 'P(same connection | same client) - P(same connection | different clients)',
    value: same - other,
    n: carried.length,
    gate: 0.3,
  }
  return blocked(
    `${same.toFixed(2)} and ${other.toFixed(2)} over ${new Set(carried.map(({ connection }) => connection)).size} connections`,
    measure,
  )
}

type Carried = { readonly connection: number; readonly client: string }

function shared(carried: readonly Carried[], sameClient: boolean): number {
  const pairs = carried.flatMap((one, at) =>
    carried
      .slice(at + 1)
      .filter(({ client }) => (client === one.client) === sameClient)
      .map((other) => other.connection === one.connection),
  )
  return pairs.filter(Boolean).length / Math.max(1, pairs.length)
}

function shuffled<T>(all: readonly T[], below: (bound: number) => number): T[] {
  const left = [...all]
  return all.flatMap(() => left.splice(below(left.length), 1))
}

function post(url: string, agent: Agent | undefined, body: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = ask(url, { method: 'POST', agent, headers: { ...fields, 'content-length': body.length } })
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => incoming.resume().on('end', () => resolve()))
    outgoing.end(body)
  })
}

async function heads(stage: Stage): Promise<Finding> {
  const { linkB, relay, cli } = await onLinkB(stage)
  const habits: readonly Record<string, string>[] = [
    {},
    { 'User-Agent': 'lkt/1', 'Accept-Language': 'fi' },
    { PRIORITY: 'u=0, i', 'Sec-Fetch-Mode': 'cors' },
    { cookie: 'lkt=1', DNT: '1' },
    { te: 'trailers', 'X-Lkt': 'x' },
    { Accept: 'lkt/x', 'cache-control': 'no-cache' },
  ]
  for (const habit of habits)
    await asked(relay.url, { method: 'POST', body: (await cli.seal({})).message, fields: { ...fields, ...habit } })
  const written = linkB
    .heard('client')
    .split(/(?=(?:POST|GET) \/)/)
    .filter((text) => text.startsWith('POST'))
  const seen = new Set(written.map((text) => text.slice(0, text.indexOf('\r\n\r\n'))))
  demand(written.length === habits.length, `every request was seen: ${written.length}`)
  if (linkB.heard('client').includes('PRI * HTTP/2')) return exposed('HTTP/2 with its priorities')
  if (seen.size > 1)
    return exposed(`${seen.size} different heads: ${[...seen].join(' ').replaceAll('\r\n', ' ').slice(0, 200)}`)
  return blocked(`${habits.length} clients, one head of ${[...seen][0]?.length ?? 0} octets, HTTP/1.1`)
}

async function lookups(stage: Stage): Promise<Finding> {
  const names: string[] = []
  const { lookup } = dns
  const watching = (name: string, ...rest: unknown[]): unknown => {
    names.push(name)
    return Reflect.apply(lookup, dns, [name, ...rest])
  }
  dns.lookup = Object.assign(watching, lookup)
  try {
    const { relay, cli } = await onLinkB(stage, 'localhost')
    demand(names.includes('localhost'), 'the watch works')
    await settled(() => names.length)
    names.length = 0
    for (let at = 0; at < 10; at++)
      await asked(relay.url, { method: 'POST', body: (await cli.seal({})).message, fields })
  } finally {
    dns.lookup = lookup
  }
  const others = names.filter((name) => name !== 'localhost' && name !== '127.0.0.1')
  if (others.length > 0) return exposed(`looked up: ${others.join(', ')}`)
  const measure = {
    metric: 'look-ups while ten clients ask',
    value: names.filter((name) => name === 'localhost').length,
    n: 10,
    gate: 3,
  }
  return blocked('one name, for connections only', measure)
}

async function newcomer(stage: Stage): Promise<Finding> {
  const { linkB, relay, cli } = await onLinkB(stage)
  const ask = async (from: string): Promise<number> =>
    (await asked(relay.url, { method: 'POST', body: (await cli.seal({})).message, fields, from })).status
  for (let at = 0; at < 5; at++) demand((await ask('127.0.0.1')) === 200, 'the first client is served')
  await settled(linkB.connections)
  const before = linkB.connections()
  demand((await ask('127.99.0.7')) === 200, 'the new client is served')
  const more = linkB.connections() - before
  return more > 0
    ? exposed(`${more} new connections to the gateway`)
    : blocked(`${before} connections before and after`)
}

async function jitter(stage: Stage): Promise<Finding> {
  const { linkB, relay, cli } = await onLinkB(stage)
  const spreads: number[] = []
  for (let round = 0; round < 6; round++) {
    const { message } = await cli.seal({ content: 'x'.repeat(900), method: 'POST' })
    const before = linkB.pieces.length
    const victim = line(stage, relay.port)
    victim.socket.write(
      `POST / HTTP/1.1\r\nhost: r\r\ncontent-type: ${mediaTypes.request}\r\ncontent-length: ${message.length}\r\n\r\n`,
    )
    for (let at = 0; at < message.length; at += 200) {
      victim.socket.write(message.subarray(at, at + 200))
      await sleep(15 + stage.dice.below(40))
    }
    await until(() => victim.heard() !== '')
    const times = linkB.pieces
      .slice(before)
      .filter(({ from }) => from === 'client')
      .map(({ t }) => t)
    spreads.push((times.at(-1) ?? 0) - (times[0] ?? 0))
  }
  const value = Math.round(Math.max(...spreads))
  const measure = { metric: 'longest from first to last octet of a request on link B, ms', value, n: 6, gate: 100 }
  return blocked('more than 75 ms on the client’s link each', measure)
}
