/** Settings of a process that opens with keys of its own: rows beside those of every agent (config.ts). trust.md 3-5. */
import { keyLives } from '../../shared/attestation/key-evidence.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Profile } from '../../shared/shaping/profile.ts'
import { type At, integerOf, listOf, named, textOf, wordOf } from '../../shared/tlog/json-fields.ts'
import { isLoopback } from '../../shared/upstream/loopback.ts'
import { exactly, filled } from './evidence-settings.ts'

/** Rows of the suites' table by name: the reporter reads these settings too, and holds nothing that opens messages. */
export const kemNames = ['X25519', 'P-256', 'X-Wing'] as const

/** Milliseconds: made before their turn, on offer, opening after that. */
export type Life = { readonly lead: number; readonly life: number; readonly overlap: number }

export type KeySettings = {
  readonly kems: readonly (typeof kemNames)[number][]
  readonly rotation: Life
  readonly claims: number
}

/** Octets, counts and milliseconds. */
export type RequestSettings = {
  /** origins that clients may name; all of them are the one app beside us */
  readonly targets: readonly string[]
  readonly methods: readonly string[]
  readonly dateWindow: number
  /** how many requests the app is given at a time */
  readonly atOnce: number
  readonly firstByte: number
  readonly request: number
  readonly answer: number
  readonly stream: number
  readonly chunks: number
  readonly stall: number
  readonly drain: number
}

/** Streams in cells (`paced`): milliseconds from one to the next, and octets that are held back at most. */
export type CellSettings = { readonly period: number; readonly held: number }

/** The listener for the relay. Its files may come from the host: that hop guards metadata, and not content. */
export type PublicSettings = {
  readonly listen: { readonly host: string; readonly port: number }
  readonly tls: {
    readonly key: string
    readonly cert: string
    readonly clientCa: string | null
    readonly relayPins: string | null
  } | null
  readonly publicHosts: readonly string[] | null
  readonly connections: number
  readonly bundle: string
}

/** How streams are shaped here; the relay has the same word. */
export const readProfile = (from: At): Profile =>
  wordOf(from, ['direct', 'mixed', 'paced'] as const satisfies readonly Profile[])

export const ownSettings: readonly (readonly [name: string, says: string])[] = [
  [
    'profile',
    '"direct", "mixed" or "paced": how the traffic is shaped, the same word as at your relays; "inside" and "sealed" only',
  ],
  ['cells.period', 'milliseconds from one cell to the next, the same as at your relays; "paced" only, as cells.held'],
  ['cells.held', 'octets of the longest event, and of the longest chunked answer that is no stream of events'],
  ['keys.kems', 'list of X25519, P-256, X-Wing, in the order of the key list; "inside" and "sealed" only'],
  ['keys.lead', 'milliseconds that keys are made before their turn'],
  ['keys.life', 'milliseconds that they are on offer'],
  ['keys.overlap', 'milliseconds that they go on opening; all three: 55 min at most ("inside": 23 h 55 min)'],
  ['keys.claims', 'messages that one key opens at most, held in memory until it is destroyed'],
  ['requests.targets', 'origins that clients may name inside the seal'],
  ['requests.methods', 'methods that clients may use inside the seal'],
  ['requests.dateWindow', 'milliseconds that the Date inside may be off'],
  ['requests.atOnce', 'requests that the app is given at a time'],
  ['requests.firstByte', 'milliseconds from the last byte of a request to the head of its answer'],
  ['requests.request', 'octets of a request that is not streamed'],
  ['requests.answer', 'octets of an answer that is not streamed'],
  ['requests.stream', 'octets of one stream'],
  ['requests.chunks', 'chunks of one stream'],
  ['requests.stall', 'milliseconds without a byte'],
  ['requests.drain', 'octets that are read and thrown away before a connection is given up'],
  ['public.listen.host', 'address of the listener for the relay; "inside" only'],
  ['public.listen.port', 'its port; 0 takes a free one and logs it'],
  ['public.tls.key', 'path of the PEM key of its certificate; public.tls is null for plaintext on loopback'],
  ['public.tls.cert', 'path of the PEM certificate that the relay is shown'],
  ['public.tls.clientCa', 'path of the PEM authority of relays, or null: none is asked'],
  [
    'public.tls.relayPins',
    'path of a file with the pinned keys of relays, a line HEX END for each as at the gateway, or null; beside clientCa both must hold, and one of them is needed. Read at start: start anew before they end',
  ],
  ['public.publicHosts', 'hosts that it answers to, or null for all'],
  ['public.connections', 'connections at a time'],
  ['public.bundle', 'path of the bundle that the publisher writes'],
]

export function readKeys(from: At, layer: keyof typeof keyLives): KeySettings {
  const read = exactly<Life & Omit<KeySettings, 'rotation'>>(from, {
    kems: (one) => kemsOf(one),
    lead: (one) => integerOf(one),
    life: (one) => integerOf(one, 1),
    overlap: (one) => integerOf(one),
    claims: (one) => integerOf(one, 1, 10_000_000),
  })
  const { kems: offered, claims, ...rotation } = read
  named(from, () => checkLife(rotation, keyLives[layer]))
  return { kems: offered, rotation, claims }
}

const count = (from: At): number => integerOf(from, 1)

export function readRequests(from: At): RequestSettings {
  return exactly<RequestSettings>(from, {
    targets: (one) => listOf(one, 64, 1).map(origin),
    methods: (one) => listOf(one, 16, 1).map(method),
    dateWindow: count,
    atOnce: count,
    firstByte: count,
    request: count,
    answer: count,
    stream: count,
    chunks: count,
    stall: count,
    drain: count,
  })
}

export function readCells(from: At): CellSettings {
  return exactly<CellSettings>(from, {
    period: (one) => integerOf(one, 10, 1000),
    held: (one) => integerOf(one, 4096, 64 << 20),
  })
}

export function readPublic(from: At): PublicSettings {
  const settings = exactly<PublicSettings>(from, {
    listen: (one) => exactly(one, { host: filled, port: (port) => integerOf(port, 0, 65_535) }),
    tls: (one) => (one.value === null ? null : tlsOf(one)),
    publicHosts: (one) => (one.value === null ? null : listOf(one, 64, 1).map(filled)),
    connections: count,
    bundle: filled,
  })
  if (!isLoopback(settings.listen.host) && (settings.tls === null || settings.publicHosts === null)) {
    throw new Refusal('bad-encoding', `${from.path}: beyond loopback tls and publicHosts must be given`)
  }
  return settings
}

function tlsOf(from: At): NonNullable<PublicSettings['tls']> {
  const orNull = (one: At): string | null => (one.value === null ? null : filled(one))
  const tls = exactly<NonNullable<PublicSettings['tls']>>(from, {
    key: filled,
    cert: filled,
    clientCa: orNull,
    relayPins: orNull,
  })
  if ((tls.clientCa ?? tls.relayPins) !== null) return tls
  throw new Refusal('bad-encoding', `${from.path}: relayPins, clientCa or both must be given`)
}

/** Clients' clocks may be behind ours by this much, so what evidence says of a key begins earlier than the key. */
export const backdated = 300_000

/** Refuses what would let a key live longer than evidence may say of it. */
export function checkLife({ lead, life, overlap }: Life, most: number): void {
  if (lead + life + overlap + backdated <= most) return
  const minutes = (most - backdated) / 60_000
  throw new Refusal('insecure-configuration', `lead, life and overlap together are at most ${minutes} minutes`)
}

function kemsOf(from: At): KeySettings['kems'] {
  const offered = listOf(from, kemNames.length, 1).map((one) => wordOf(one, kemNames))
  if (new Set(offered).size < offered.length) throw new Refusal('bad-encoding', `${from.path} has a KEM twice`)
  return offered
}

function origin(from: At): string {
  const text = textOf(from)
  if (text.startsWith('https://') && URL.canParse(text) && new URL(text).origin === text) return text
  throw new Refusal('bad-encoding', `${from.path} must be an origin: https://host or https://host:port, nothing more`)
}

function method(from: At): string {
  const text = textOf(from)
  if (/^(?!CONNECT$|TRACE$)[A-Z]+$/.test(text)) return text
  throw new Refusal('bad-encoding', `${from.path} must be a method, and not CONNECT or TRACE`)
}
