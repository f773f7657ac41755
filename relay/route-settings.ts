/** The settings of a relay's routes, each to one gateway, and what must hold among them. RFC 9458 §6.2.2, trust.md 1. */
import { z } from 'zod'
import { authorityFile, certificateFile, pinFile, privateKeyFile } from '../shared/config/pem-files.ts'
import type { Kind } from '../shared/config/kind.ts'
import { list, text, yes } from '../shared/config/kinds.ts'
import { optional, type Settings } from '../shared/config/rows.ts'
import { eachWhen, type Rule } from '../shared/config/rules.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'

const routeName = text('name', /^[a-z0-9][a-z0-9-]{0,62}$/, 'a name of lower-case letters, digits and -', 'second')

const gatewayUrl: Kind<string> = {
  ...text('URL', /./, 'an https: URL (http: on loopback), without user and fragment', 'https://gateway.example'),
  schema: z.url({ protocol: /^https?$/ }).regex(/^[^@#]*$/),
}

const vantageUrl: Kind<string> = {
  ...text('origin', /./, 'an https: origin (http: on loopback)', 'https://other-relay.example'),
  schema: z.url({ protocol: /^https?$/ }).regex(/^[^@#?]*$/),
}

export const routeRows = {
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

export type RouteSettings = Settings<typeof routeRows>

type Routed = { readonly routes: readonly RouteSettings[]; readonly publicHosts?: readonly string[] | undefined }

export const routeRules: readonly Rule<Routed>[] = [
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
    at: where(({ gateway, vantages }) => vantages.some((url) => originOf(url) === originOf(gateway)), 'vantages'),
    wrong: 'has the gateway itself, which says what it says: that is no other way to see its bundle',
    remedy: 'name a relay of somebody else, or remove it',
  },
  {
    at: ({ routes, publicHosts = [] }) =>
      eachWhen('routes', routes, ({ gateway }) => publicHosts.some((name) => isUs(gateway, name)), 'gateway'),
    wrong: 'is a host of publicHosts: the relay would send to itself',
    remedy: 'write the address of the gateway, which somebody else runs, or correct publicHosts',
  },
  {
    at: where(
      ({ gateway, pins, clientCertificate }) =>
        !isPlain(gateway) && !isLoopback(new URL(gateway).hostname) && (pins ?? clientCertificate) === undefined,
      'clientCertificate',
    ),
    wrong: 'is missing, and pins too: neither side would know the other, and the gateway takes relays that it knows',
    remedy: "give clientCertificate.key and cert, and send its pin to the gateway's operator; take theirs into pins",
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
]

/** `routes.N.setting` of every route that is broken in this way. */
function where(isBroken: Broken, setting: string): (settings: Routed) => readonly string[] {
  return ({ routes }) => eachWhen('routes', routes, (route, at) => isBroken(route, at, routes), setting)
}

type Broken = (route: RouteSettings, at: number, all: readonly RouteSettings[]) => boolean

function originOf(url: string): string {
  return new URL(url).origin
}

/** On loopback a pair may share a host: that is for trying things out. `name`: with or without a port. */
function isUs(gateway: string, name: string): boolean {
  const { hostname, port } = new URL(gateway)
  const ours = name.toLowerCase()
  return !isLoopback(hostname) && [hostname, `${hostname}:${port || '443'}`].includes(ours)
}

function isPlain(url: string): boolean {
  return new URL(url).protocol === 'http:'
}
