/** The relay's settings: a row for each, and the combinations that we do not run. How to add one: shared/config/rows.ts. */
import { z } from 'zod'
import type { FileRule } from '../shared/config/contents.ts'
import type { Kind } from '../shared/config/kind.ts'
import { count, duration, host, list, port, publicHost, rate, size, text, word, yes } from '../shared/config/kinds.ts'
import { listenerLimits, recordOfEvents } from '../shared/config/listener-rows.ts'
import {
  authorityFile,
  certificateFile,
  endedPinsFound,
  pairFound,
  pinFile,
  privateKeyFile,
} from '../shared/config/pem-files.ts'
import { readSettings, type Definition } from '../shared/config/read.ts'
import { many, optional, type Rows, type Settings } from '../shared/config/rows.ts'
import { eachWhen, listenerRules, when, type Rule } from '../shared/config/rules.ts'
import { endedKeysFound } from '../shared/config/tokens.ts'
import type { Profile } from '../shared/shaping/profile.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'
import { defaultLimits } from './admit.ts'
import { tokenRows, tokenRules } from './token-settings.ts'
import { upstreamRows, upstreamRules } from './upstream-settings.ts'

const MiB = 1 << 20

const routeName = text('name', /^[a-z0-9][a-z0-9-]{0,62}$/, 'a name of lower-case letters, digits and -', 'second')

const gatewayUrl: Kind<string> = {
  ...text('URL', /./, 'an https: URL (http: on loopback), without user and fragment', 'https://gateway.example'),
  schema: z.url({ protocol: /^https?$/ }).regex(/^[^@#]*$/),
}

const vantageUrl: Kind<string> = {
  ...text('origin', /./, 'an https: origin (http: on loopback)', 'https://other-relay.example'),
  schema: z.url({ protocol: /^https?$/ }).regex(/^[^@#?]*$/),
}

const route = {
  gateway: {
    kind: gatewayUrl,
    says: "URL of the gateway's resource; without a path, /.well-known/ohttp-gateway",
  },
  name: { kind: routeName, absent: 'path /', says: 'clients come in at /r/NAME; every route but the first needs one' },
  plaintextLoopback: { kind: yes, default: false, says: 'allow an http: gateway on loopback' },
  ca: {
    kind: authorityFile,
    absent: 'public roots',
    example: 'gateway-ca.pem',
    says: 'PEM file; if set, only these certify the gateway',
  },
  pins: {
    kind: pinFile,
    absent: 'any key that is certified',
    example: 'gateway.pins',
    says: "file with the gateway's pinned keys, a line HEX END for each: SHA-256 of the public key (SPKI) of its certificate, and when the pin ends, within 90 days; without ca no authority is asked. Read again on SIGHUP, as certificates are",
  },
  vantages: {
    kind: list(vantageUrl, { least: 0 }),
    default: [],
    says: 'origins where the same bundle is seen on another way, such as a relay of somebody else: one of the same serial with other bytes is never taken (mirror-failed, equivocation)',
  },
  clientCertificate: optional('none', {
    key: { kind: privateKeyFile, example: 'to-gateway.key', says: 'PEM file with the private key of the certificate' },
    cert: {
      kind: certificateFile,
      example: 'to-gateway.pem',
      says: 'PEM file with the certificate that shows the gateway which relay you are',
    },
  }),
} as const

const limits = {
  request: {
    kind: size({ most: 64 * MiB }),
    default: defaultLimits.request,
    says: "largest stored request. Agree on it with the gateway's operator: what only the gateway refuses as too large comes back as 502",
  },
  answer: { kind: size(), default: defaultLimits.answer, says: 'largest stored answer' },
  stream: { kind: size(), default: defaultLimits.stream, says: 'largest stream, in either direction' },
  stall: { kind: duration(), default: defaultLimits.stall, says: 'how long a client may send or take nothing' },
  drainBytes: {
    kind: size(),
    default: defaultLimits.drainBytes,
    says: 'how much of an answer is read and thrown away for a client that left, so that the gateway does not see when',
  },
  drainTime: { kind: duration(), default: defaultLimits.drainTime, says: 'for how long such an answer is read' },
  ...listenerLimits,
  connections: {
    kind: count(),
    default: defaultLimits.connections,
    says: 'connections of one bucket at a time; beyond, new ones are closed. Behind a proxy all clients are one bucket: raise it',
  },
  exchanges: {
    kind: count(),
    default: defaultLimits.exchanges,
    says: 'requests of one bucket under way at a time; beyond, it gets 503. Behind a proxy all clients are one bucket: raise it',
  },
  abandoned: {
    kind: count(),
    default: defaultLimits.abandoned,
    says: 'answers that are read for clients that left, at a time for one bucket; beyond, it gets 503',
  },
  incremental: {
    kind: count({ least: 0 }),
    default: defaultLimits.incremental,
    says: "uploads that are passed on as they arrive, at a time, a quarter of them for one bucket; 0 refuses them. Keep it well below the gateway's number of connections to its CVMs: each such upload holds one",
  },
} as const

const mixing = {
  tick: {
    kind: duration({ least: 10, most: 1000 }),
    default: '50ms',
    says: 'mixed and paced: time from tick to tick, on the wall clock; the same for all relays to one gateway. A message waits half of it on average, in each direction',
  },
  requests: { kind: count(), default: 1024, says: 'mixed and paced: requests that wait for one tick; beyond, 503' },
  octets: { kind: size(), default: 64 * MiB, says: 'mixed and paced: octets of all of them; beyond, 503' },
  memory: {
    kind: size(),
    default: 1024 * MiB,
    says: 'mixed and paced: octets of answers that clients have not taken yet. A half is shares of 256KiB, and as many requests are let in at a time, beyond 503; of the other half, whoever holds most loses his answer when it is full. One client gets up to limits.answer',
  },
} as const

const cells = {
  period: {
    kind: duration({ least: 10, most: 1000 }),
    default: '100ms',
    says: "paced: the time from one cell of a stream to the next, the same as at the gateway (in inside and sealed: as at the CVM's agent)",
  },
  ahead: {
    kind: count({ most: 64 }),
    default: 5,
    says: 'paced: cells that are there before the first is sent on. A gateway may be late by so many periods; each is a period more that every event waits. A stream whose gateway is later than that is cut off',
  },
} as const

const rows = {
  listen: {
    host: { kind: host, default: '127.0.0.1', says: 'address where clients come in' },
    port: { kind: port, says: 'port where clients come in; 0 takes a free one and logs it' },
    tls: optional('plaintext', {
      key: { kind: privateKeyFile, example: 'relay.key', says: 'PEM file with the private key of the certificate' },
      cert: {
        kind: certificateFile,
        example: 'relay.pem',
        says: 'PEM file with the certificate; TLS 1.2 and later, HTTP/1.1, no early data',
      },
    }),
    plaintextLoopback: {
      kind: yes,
      default: false,
      says: 'serve without TLS, on loopback only; for trying things out, or behind a TLS proxy on this machine',
    },
  },
  publicHosts: {
    kind: list(publicHost),
    absent: 'any, on loopback',
    example: ['relay.example'],
    says: 'hosts that you answer to, name or name:port; others get 421. Needed beyond loopback',
  },
  cors: {
    kind: yes,
    default: false,
    says: 'let web pages of every origin use this relay; one constant for all of them',
  },
  routes: many(route),
  // One for the relay: routes of different profiles would leave each fewer others to be mixed with.
  profile: {
    kind: word(['direct', 'mixed', 'paced'] as const satisfies readonly Profile[]),
    default: 'direct',
    says: 'how the traffic is shaped, for everybody and all routes alike; direct: as it comes; mixed: requests and answers leave at ticks, in random order; paced: and streams in cells of one size at one rate',
  },
  mixing,
  cells,
  limits,
  upstream: upstreamRows,
  rate: optional('no limit', {
    perSecond: { kind: rate, says: 'requests a second of one bucket; beyond, 429' },
    burst: { kind: count(), example: 100, says: 'requests that one bucket may make at once' },
  }),
  tokens: optional('nobody needs a token', tokenRows),
  connections: { kind: count(), default: 10_000, says: "clients' connections at a time" },
  admin: {
    host: { kind: host, default: '127.0.0.1', says: 'address of the private listener, on loopback only' },
    port: { kind: port, default: 0, says: 'its port; 0 takes a free one and logs it' },
  },
  audit: recordOfEvents,
  drain: { kind: duration(), default: '30s', says: 'how long a stop waits for requests in flight' },
} as const satisfies Rows

export type RelaySettings = Settings<typeof rows>
export type RouteSettings = RelaySettings['routes'][number]

const rules: readonly Rule<RelaySettings>[] = [
  ...listenerRules,
  {
    at: where(({ name }, at) => at > 0 && name === undefined, 'name'),
    wrong: 'is missing: every route but the first needs a name',
    remedy: 'give it one, such as name: second',
  },
  {
    at: where(({ name }, at, all) => name !== undefined && all.findIndex((one) => one.name === name) < at, 'name'),
    wrong: 'is the name of another route; names must differ',
    remedy: 'rename one of them',
  },
  {
    at: where(({ gateway }) => isPlain(gateway) && !isLoopback(new URL(gateway).hostname), 'gateway'),
    wrong: 'is http: to another machine, which shows sealed requests and their times to everybody on the way',
    remedy: 'write https:; a private authority goes into ca',
  },
  {
    at: where(
      ({ gateway, plaintextLoopback }) =>
        isPlain(gateway) && isLoopback(new URL(gateway).hostname) && !plaintextLoopback,
      'gateway',
    ),
    wrong: 'is http: without the switch that allows plaintext on loopback',
    remedy: 'write https:, or set plaintextLoopback: true beside it',
  },
  {
    at: where(
      ({ vantages, plaintextLoopback }) =>
        vantages.some((url) => isPlain(url) && !(isLoopback(new URL(url).hostname) && plaintextLoopback)),
      'vantages',
    ),
    wrong: 'has an http: origin: what comes from there can be put there by anybody on the way',
    remedy: 'write https:; http: is for loopback beside plaintextLoopback: true',
  },
  {
    at: where(({ gateway, plaintextLoopback }) => !isPlain(gateway) && plaintextLoopback, 'plaintextLoopback'),
    wrong: 'allows plaintext for a gateway that is https:',
    remedy: 'remove it',
  },
  {
    at: where(
      ({ gateway, ca, pins, clientCertificate }) => isPlain(gateway) && (ca ?? pins ?? clientCertificate) !== undefined,
      'gateway',
    ),
    wrong: 'is http:, so that ca, pins and clientCertificate would do nothing',
    remedy: 'write https:, or remove them',
  },
  ...upstreamRules,
  {
    at: ({ profile, mixing, limits }) =>
      when(profile !== 'direct' && mixing.memory < 4 * limits.answer, 'mixing.memory'),
    wrong: 'is less than four of the largest answers, of which a half is for everybody',
    remedy: 'raise it, or lower limits.answer',
  },
  {
    at: ({ profile, mixing, limits }) => when(profile !== 'direct' && mixing.octets < limits.request, 'mixing.octets'),
    wrong: 'is less than the largest request, which could then never leave',
    remedy: 'raise it, or lower limits.request',
  },
  {
    at: ({ profile, mixing, limits }) =>
      when(profile !== 'direct' && limits.drainTime < mixing.tick, 'limits.drainTime'),
    wrong: 'is less than mixing.tick: who leaves while his request waits would be seen to have left',
    remedy: 'raise it',
  },
  ...tokenRules,
]

const fileRules: readonly FileRule<RelaySettings>[] = [
  ({ listen: { tls } }, look) => pairFound('listen.tls', tls, look),
  ({ routes }, look) =>
    routes.flatMap(({ clientCertificate }, at) => pairFound(`routes.${at}.clientCertificate`, clientCertificate, look)),
  ({ routes }, look) => {
    const pinned = routes.flatMap(({ pins: file }, at) =>
      file === undefined ? [] : [{ path: `routes.${at}.pins`, file, what: 'the gateway' }],
    )
    return endedPinsFound(pinned, pinned.length < routes.length, look)
  },
  ({ tokens }, { now }) => (tokens === undefined ? [] : endedKeysFound({ 'tokens.keys': tokens.keys }, now)),
]

/** A relay's rows and rules, for its door and for whoever shows them. */
export const relayDefinition: Definition<typeof rows> = { service: 'relay', rows, rules, fileRules }

/** Throws SettingsError with every mistake of the text at once. Looks at no file. */
export function relaySettings(text: string, source: string): RelaySettings {
  return readSettings(relayDefinition, { text, source }).settings
}

/** `routes.N.setting` of every route that is broken in this way. */
function where(isBroken: Broken, setting: string): (settings: RelaySettings) => readonly string[] {
  return ({ routes }) => eachWhen('routes', routes, (route, at) => isBroken(route, at, routes), setting)
}

type Broken = (route: RouteSettings, at: number, all: readonly RouteSettings[]) => boolean

function isPlain(url: string): boolean {
  return new URL(url).protocol === 'http:'
}
