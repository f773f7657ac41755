/** The relay's settings: a row for each, and the combinations that we do not run. How to add one: shared/config/rows.ts. */
import type { FileRule } from '../shared/config/contents.ts'
import { ownFile } from '../shared/config/file-kinds.ts'
import { count, duration, host, list, port, publicHost, rate, size, word, yes } from '../shared/config/kinds.ts'
import { listenerLimits, openFilesFound, recordOfEvents } from '../shared/config/listener-rows.ts'
import { certificateFile, endedPinsFound, pairFound, privateKeyFile } from '../shared/config/pem-files.ts'
import { readSettings, type Definition } from '../shared/config/read.ts'
import { many, optional, type Rows, type Settings } from '../shared/config/rows.ts'
import { listenerRules, when, type Rule } from '../shared/config/rules.ts'
import { endedKeysFound } from '../shared/config/tokens.ts'
import type { Profile } from '../shared/shaping/profile.ts'
import { defaultLimits } from './admit.ts'
import { tokenRows, tokenRules } from './token-settings.ts'
import { upstreamRows, upstreamRules } from './upstream-settings.ts'
import { routeRows, routeRules } from './route-settings.ts'

const MiB = 1 << 20

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
  routes: many(routeRows),
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
  connections: {
    kind: count({ most: 1_000_000 }),
    default: 10_000,
    says: "clients' connections at a time; each is a file that the system must let this process have open",
  },
  admin: {
    host: { kind: host, default: '127.0.0.1', says: 'address of the private listener, on loopback only' },
    port: { kind: port, default: 0, says: 'its port; 0 takes a free one and logs it' },
  },
  serials: {
    kind: ownFile,
    absent: 'remembered while the process lives',
    example: 'serials.json',
    says: "where the highest serial of each gateway's bundle is remembered, so that an older one is not taken after a restart either",
  },
  audit: recordOfEvents,
  drain: { kind: duration(), default: '30s', says: 'how long a stop waits for requests in flight' },
} as const satisfies Rows

export type RelaySettings = Settings<typeof rows>

const rules: readonly Rule<RelaySettings>[] = [
  ...listenerRules,
  ...routeRules,
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
  ({ connections, routes, upstream }, look) => openFilesFound(connections, routes.length * upstream.connections, look),
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
