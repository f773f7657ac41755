/** The settings of the connections to the gateways, and what must hold among them and beside others. OHTTP-R8, RFC 9113. */
import { count, duration, httpVersion } from '../shared/config/kinds.ts'
import type { Settings } from '../shared/config/rows.ts'
import { eachWhen, when, type Rule } from '../shared/config/rules.ts'

export const upstreamRows = {
  http: {
    kind: httpVersion,
    default: 1.1,
    says: 'version of HTTP that is spoken to the gateways, and no other; 2 needs https: and a gateway that speaks it',
  },
  connections: {
    kind: count({ most: 4096 }),
    default: 128,
    says: 'connections that are kept open to each gateway, shared by everybody',
  },
  streams: {
    kind: count({ most: 1024 }),
    default: 1,
    says: 'requests that one of them carries at a time; more than one needs http: 2. Times upstream.connections it is more than limits.incremental, since each such upload holds a place',
  },
  queue: { kind: count({ least: 0 }), default: 1024, says: 'requests that may wait for a connection; beyond, 503' },
  wait: { kind: duration(), default: '5s', says: 'how long one may wait; beyond, 503' },
  firstByte: { kind: duration(), default: '65s', says: 'how long a gateway may say nothing at first' },
  stall: { kind: duration(), default: '30s', says: 'how long a gateway may say nothing in the middle' },
  lifetime: { kind: duration(), default: '5min', says: 'how old a connection gets before it is replaced' },
} as const

type Beside = {
  readonly upstream: Settings<typeof upstreamRows>
  readonly limits: { readonly incremental: number }
  readonly routes: readonly { readonly gateway: string }[]
}

export const upstreamRules: readonly Rule<Beside>[] = [
  {
    at: ({ limits, upstream: { connections, streams } }) =>
      when(limits.incremental >= connections * streams, 'limits.incremental'),
    wrong: 'is not below upstream.connections times upstream.streams: uploads that nobody ends could hold every place',
    remedy: 'lower it, or raise upstream.connections',
  },
  {
    at: ({ upstream: { http, streams } }) => when(http === '1.1' && streams > 1, 'upstream.streams'),
    wrong: 'is more than one: a connection of HTTP/1.1 carries one request at a time',
    remedy: 'set upstream.http: 2, or raise upstream.connections instead',
  },
  {
    at: ({ routes, upstream: { http } }) =>
      eachWhen('routes', routes, ({ gateway }) => new URL(gateway).protocol === 'http:' && http === '2', 'gateway'),
    wrong: 'is http:, where upstream.http: 2 is not spoken',
    remedy: 'write https:, or remove upstream.http',
  },
]
