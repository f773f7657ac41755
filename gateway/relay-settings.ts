/** The settings of the relays that may come, and what must hold among them. RFC 9458 §6.2.2, trust.md 1. */
import { pinFile } from '../shared/config/pem-files.ts'
import { count, rate, text } from '../shared/config/kinds.ts'
import { optional, type Settings } from '../shared/config/rows.ts'
import { eachWhen, when, type Rule } from '../shared/config/rules.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'

export const relayRows = {
  name: {
    kind: text('name', /^[a-z0-9][a-z0-9-]{0,62}$/, 'a name of lower-case letters, digits and -', 'first'),
    says: 'what its counts are called',
  },
  pins: {
    kind: pinFile,
    example: 'first-relay.pins',
    says: 'file with its pinned keys, a line HEX END for each: SHA-256 of the public key (SPKI) of the certificate that it shows, and when the pin ends, within 90 days; read again on SIGHUP',
  },
  atOnce: {
    kind: count({ most: 100_000 }),
    absent: 'no limit',
    example: 500,
    says: 'its requests at a time, each until its answer ends; beyond, 429',
  },
  rate: optional('no limit', {
    perSecond: { kind: rate, example: 1000, says: 'its requests a second; beyond, 429' },
    burst: { kind: count(), example: 2000, says: 'requests that it may make at once' },
  }),
} as const

export type RelaySettings = Settings<typeof relayRows>

type Listening = {
  readonly listen: { readonly host: string; readonly tls?: { readonly clientCa?: string | undefined } | undefined }
  readonly relays?: readonly RelaySettings[] | undefined
}

export const relayRules: readonly Rule<Listening>[] = [
  {
    at: ({ listen: { host, tls }, relays }) =>
      when(!isLoopback(host) && tls !== undefined && (tls.clientCa ?? relays) === undefined, 'relays'),
    wrong:
      'is needed as soon as the listener is not on loopback: without it clients come directly, and show who they are',
    remedy: 'list your relays with a name and a file of pins each, or name their authority as listen.tls.clientCa',
  },
  {
    at: ({ listen: { tls }, relays }) => when(tls === undefined && relays !== undefined, 'relays'),
    wrong: 'cannot be told apart in plaintext',
    remedy: 'give listen.tls.key and listen.tls.cert, or remove it',
  },
  {
    at: ({ relays = [] }) => eachWhen('relays', relays, (one, at) => isNamedBefore(one, at, relays), 'name'),
    wrong: 'is the name of another relay; names must differ',
    remedy: 'rename one of them',
  },
]

function isNamedBefore({ name }: RelaySettings, at: number, all: readonly RelaySettings[]): boolean {
  return all.findIndex((one) => one.name === name) < at
}
