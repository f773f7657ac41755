/** After the workload: what each party holds, from taps, logs, pages and memory, and the canaries that only then are known. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readKeyLog } from '../../../deploy/local/seen/tls-log.ts'
import type { Canary } from '../canary/canaries.ts'
import type { Column, Placement } from '../contract.ts'
import type { Source } from '../types.ts'
import type { Capture, Holding, Scrape } from './capture.ts'
import { hear, type Heard } from './heard.ts'
import { readHello } from './hello.ts'
import type { LivePair } from './pair.ts'
import type { Cast } from './planted.ts'
import type { Residue } from './preloads.ts'
import type { Subject } from './subject.ts'
import { joined, type Connection, type Tap } from './tap.ts'
import { labRelayAddress, logReaders, readers, type Link, type Operator, type Readers } from './wiring.ts'
import type { Done } from './workload.ts'

export type Collected = {
  readonly subject: Subject
  readonly cast: Cast
  readonly done: Done
  readonly scrapes: readonly Scrape[]
  readonly logs: Readonly<Record<Operator, Buffer>>
  readonly residue: readonly Residue[]
  /** TLS secrets of the lab's own clients */
  readonly secrets: string
  readonly leftAtApp: number
  readonly trapped: number
}

export function collect({ subject, cast, done, secrets, logs, residue, ...counts }: Collected): Capture {
  const { pair, since } = subject
  const log = readKeyLog(`${secrets}\n${pair.keyLog()}`)
  const links: Record<Link, Heard[]> = { a: [], b: [], d: [], app: [], e: [] }
  const tapOf: Partial<Record<Link, Tap>> = { ...pair.taps, a: subject.a }
  for (const link of since === 0 ? every : ofOneRelay[pair.placement]) {
    const theirs = (tapOf[link]?.connections() ?? []).filter((connection) =>
      isOf(pair.placement, link, connection, since),
    )
    links[link] = theirs.map((connection) => within(hear(connection, log), since, link))
  }
  const all = Object.values(links).flat()
  return {
    ...{ placement: pair.placement, profile: pair.profile },
    clients: cast.clients.length,
    canaries: [...cast.canaries, ...arisen(links.a, done), ...secretsOf(pair)],
    links,
    ...done,
    ...counts,
    holdings: [
      ...wires(links, pair.placement),
      ...shownTo('G', done.calls),
      ...keptBy(logs, counts.scrapes),
      ...memories(residue),
    ],
    unreadable: all.filter(({ forward, connection }) => forward === undefined && spoke(connection)).length,
  }
}

const every = ['a', 'b', 'd', 'app', 'e'] as const

/**
 * Of a relay that came later: where link D was there before it, it would have to be read from its beginning, and the
 * application's is in the clear.
 */
const ofOneRelay: Readonly<Record<Placement, readonly Link[]>> = {
  front: ['a', 'b', 'app'],
  inside: ['a', 'b', 'd', 'app'],
  sealed: ['a', 'b', 'app'],
}

/** Connections of link B, and those that a pass-through makes of them, are one relay's own; the pair's own goes on living. */
function isOf(placement: Placement, link: Link, { opened, peer }: Connection, since: number): boolean {
  const own = link === 'b' || (link === 'd' && placement === 'inside')
  return !own || (opened >= since && (since === 0 || peer.address === labRelayAddress))
}

/** Those behind the gateway were there before this relay. */
function within(heard: Heard, since: number, link: Link): Heard {
  if (link !== 'app' || since === 0) return heard
  const exchanges = heard.exchanges.filter(({ request }) => request.first >= since)
  const slices = (pick: (each: Heard['exchanges'][number]) => readonly Buffer[]): Buffer =>
    Buffer.concat(exchanges.flatMap(pick))
  const forward = slices(({ request }) => [request.head, request.body])
  const backward = slices(({ response }) => (response === undefined ? [] : [response.head, response.body]))
  return { connection: later(heard.connection, since), forward, backward, exchanges }
}

function later(connection: Connection, since: number): Connection {
  const after = <T extends { readonly t: number }>(passed: readonly T[]): T[] => passed.filter(({ t }) => t >= since)
  const { id, opened, peer, nearGone } = connection
  return { id, opened, peer, nearGone, forward: after(connection.forward), backward: after(connection.backward) }
}

function spoke({ forward }: Connection): boolean {
  return forward.length > 1
}

/** Session ids from hellos; KEM output and ciphertext of what was sealed. RFC 9458 §4.3: seven octets, then `enc`. */
export function arisen(a: readonly Heard[], { calls }: Pick<Done, 'calls'>): Canary[] {
  const sessions = a.flatMap(({ connection }) => {
    const id = readHello(joined(connection.forward))?.sessionId
    return id === undefined || id.length === 0 ? [] : [octets(`a${String(connection.id)}.session`, 'F04', id)]
  })
  // A sample: whatever treats one message differently from the next does it with these too.
  const sample = calls.filter((_, i) => i % Math.ceil(calls.length / mostMessages) === 0)
  return [
    ...sessions,
    ...sample.flatMap(({ message }, i) => [
      octets(`m${String(i)}.enc`, 'F12', message.subarray(7, 39)),
      octets(`m${String(i)}.sealed`, 'F11', message.subarray(39, 71)),
    ]),
  ]
}

const mostMessages = 64

function octets(id: string, field: string, value: Buffer): Canary {
  return { id, field, kind: 'octets', value: value.toString('hex') }
}

/** Private keys that open what comes to the gateway: lines of their text, and their last octets, where the secret part lies. */
function secretsOf({ folder, placement }: LivePair): Canary[] {
  return keyFiles[placement].flatMap(([party, name]): Canary[] => {
    const text = readFileSync(join(folder, party, name), 'utf8')
    const lines = text.split('\n').filter((line) => line.length === 64)
    return lines.slice(0, 2).map((value, i) => ({
      ...{ id: `g.${name.replace(/[^a-z]/g, '')}${String(i)}`, field: 'F29', kind: 'text', value, secret: true },
    }))
  })
}

const ofGateway = [
  ['gateway', 'server.key'],
  ['gateway', 'cvm-client.key'],
] as const
/** The keys of Oblivious HTTP that live in a CVM are nowhere but in its memory. */
const keyFiles = { front: ofGateway, inside: [['cvm', 'server.key']], sealed: ofGateway } as const

/** What a party opens, as the client knows who sealed it. */
function shownTo(party: Column, calls: Done['calls']): Holding[] {
  return of(
    [party],
    'wire',
    'what it opens',
    calls.flatMap(({ shown }) => shown ?? []),
  )
}

export function wires(links: Readonly<Record<Link, readonly Heard[]>>, placement: Placement): Holding[] {
  return Object.entries(links).flatMap(([name, heard]) => {
    const link = name as Link
    return heard.flatMap((each) => wire(link, readers[placement][link], each))
  })
}

function wire(
  link: Link,
  { clear, raw, told }: Readers,
  { connection, forward, backward, exchanges }: Heard,
): Holding[] {
  const name = `link ${link.toUpperCase()}, connection ${String(connection.id)}`
  const bodies = exchanges.flatMap(({ request, response }) => [request.body, response?.body ?? empty])
  const peer = Buffer.from(`${connection.peer.address}:${String(connection.peer.port)}`)
  return [
    ...of(raw, 'wire', `${name}, as it passes`, [joined(connection.forward), joined(connection.backward)]),
    ...of(clear, 'wire', name, [forward ?? empty, backward ?? empty]),
    // Without the framing in which a value may be cut.
    ...of(clear, 'wire', `${name}, bodies`, bodies),
    ...of(told, 'wire', `${name}, address of who asked`, [peer]),
    ...of(link === 'b' ? ['K'] : [], 'wire', `${name}, looks at keys`, looks(exchanges)),
  ]
}

const empty = Buffer.alloc(0)

function looks(exchanges: Heard['exchanges']): Buffer[] {
  return exchanges.flatMap(({ request }) => (request.start.startsWith('GET ') ? [request.head] : []))
}

function of(parties: readonly Column[], source: Source, name: string, all: readonly Uint8Array[]): Holding[] {
  const some = all.filter((octets) => octets.length > 0)
  return parties.flatMap((party) => some.map((octets) => ({ party, source, name, octets })))
}

const operators: Readonly<Record<Operator, Column>> = { relay: 'R', gateway: 'G', cvm: 'V' }

function keptBy(logs: Collected['logs'], scrapes: readonly Scrape[]): Holding[] {
  const lines = Object.entries(logs).flatMap(([operator, log]) => {
    const octets = ownLines(log)
    return logReaders[operator as Operator].map((party): Holding => ({
      ...{ party, source: 'log', name: `log of the ${operator}`, octets },
    }))
  })
  const pages = scrapes.map(({ operator, page }): Holding => ({
    party: operator === 'relay' ? 'MR' : 'MG',
    ...{ source: 'metric', name: `metrics of the ${operator}`, octets: Buffer.from(page) },
  }))
  return [...lines, ...pages]
}

/** Without the lines in which the runtime says that the lab records TLS secrets and asks for reports. */
function ownLines(log: Buffer): Buffer {
  const lines = log.toString('latin1').split('\n')
  return Buffer.from(lines.filter((line) => !labsOwn.test(line)).join('\n'), 'latin1')
}

const labsOwn =
  /^\(node:\d+\) Warning: Using --tls-keylog|^\(Use `node --trace-warnings|^Writing Node\.js report|^Node\.js report completed/

function memories(residue: readonly Residue[]): Holding[] {
  return residue.flatMap(({ operator, heap, report }): Holding[] => [
    {
      party: operators[operator],
      source: 'heap',
      name: `heap of the ${operator}`,
      octets: stringsOf(readFileSync(heap)),
    },
    {
      party: operators[operator],
      source: 'report',
      name: `runtime report of the ${operator}`,
      octets: readFileSync(report),
    },
  ])
}

/** A heap snapshot holds numbers about objects, then all strings; only those can hold anybody's value. */
function stringsOf(snapshot: Buffer): Buffer {
  const from = snapshot.lastIndexOf('"strings":[')
  if (from < 0) throw new Error('a heap snapshot without strings')
  return snapshot.subarray(from)
}
