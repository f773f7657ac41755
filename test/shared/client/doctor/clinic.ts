/**
 * Patients: the real relay and the real gateway with TLS on both sides, each by an operator of its own and in a network of
 * its own, as far as loopback has networks; and a front before the relay that does what a test wants it to.
 */
import { createServer, request as tlsRequest } from 'node:https'
import { X509Certificate } from 'node:crypto'
import type { IncomingMessage, RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SecureVersion } from 'node:tls'
import { onTestFinished } from 'vitest'
import { paths } from '../../../../gateway/app.ts'
import { publication } from '../../../../gateway/publication.ts'
import { createAdmission, defaultLimits } from '../../../../relay/admit.ts'
import { createRelay, type RelayOptions } from '../../../../relay/app.ts'
import { createMirror } from '../../../../relay/mirror.ts'
import type { Bundle } from '../../../../shared/attestation/bundle.ts'
import { concat, utf8 } from '../../../../shared/bytes.ts'
import { main } from '../../../../shared/client/commands/main.ts'
import type { Diagnosis } from '../../../../shared/client/doctor/doctor.ts'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import { problem, type ProblemStatus } from '../../../../shared/http/problem.ts'
import { bucketNamer } from '../../../../shared/limits/limiter.ts'
import { serializeKeyConfigs } from '../../../../shared/ohttp/key-config.ts'
import {
  certificatePem,
  issuedBy,
  pinOf,
  privateKeyPem,
  selfSigned,
  type Identity,
} from '../../../../shared/upstream/certificate.ts'
import { trustOf, type Trust } from '../../../../shared/upstream/dial.ts'
import { poolTo } from '../../../../shared/upstream/node.ts'
import type { Pin } from '../../../../shared/upstream/pins.ts'
import { listen } from '../../../../shared/upstream/serve.ts'
import { newKey, town } from '../../../gateway/town.ts'
import { operator } from '../operator.ts'
import { newTerminal } from '../terminal.ts'

/** What is shown to whoever comes. */
export type Shown = { readonly key: string; readonly cert: string }

export type ClinicOptions = {
  readonly relay?: Partial<RelayOptions>
  readonly relayShows?: Shown
  readonly gatewayShows?: Shown
  readonly gatewayHost?: string
  /** what the bundle says other than a good one does */
  readonly bundle?: Partial<Bundle>
}

export type Clinic = {
  readonly relay: string
  readonly gateway: string
  readonly root: string
  readonly port: number
}

export const authority = selfSigned({ commonName: 'authority of the relay', use: 'authority' })
export const gatewayAuthority = selfSigned({ commonName: 'authority of the gateway', use: 'authority' })

export function shown(identity: Identity): Shown {
  return { key: privateKeyPem(identity), cert: certificatePem(identity) }
}

export function relayCertificate(notAfter?: Date, names: readonly string[] = ['127.0.0.1']): Shown {
  const until = notAfter ?? new Date(Date.now() + 60 * 86_400_000)
  return shown(issuedBy(authority, { commonName: 'relay', use: 'server', names, notAfter: until }))
}

export async function clinic(options: ClinicOptions = {}): Promise<Clinic> {
  const { relayShows = relayCertificate(), gatewayHost = '127.0.1.1' } = options
  const people = await operator()
  const key = newKey()
  const note = await people.bundle({ keys: serializeKeyConfigs([key.config]), ...options.bundle })
  const published = publication(mediaTypes.bundle, utf8(note), Date.now(), Date.now() + 3_600_000)
  const behind = await town({ keys: [key], bundle: () => published })
  behind.clock = Date.now()
  const client = shown(issuedBy(gatewayAuthority, { commonName: 'relay', use: 'client' }))
  const server = issuedBy(gatewayAuthority, { commonName: 'gateway', use: 'server', names: [gatewayHost] })
  const gatewayShows = options.gatewayShows ?? shown(server)
  const tls = { ...gatewayShows, clientCa: certificatePem(gatewayAuthority) }
  const gateway = await listen({ fetch: behind.app.fetch, host: gatewayHost, port: 0, tls })
  onTestFinished(() => gateway.close(0))
  const origin = `https://${gatewayHost}:${String(gateway.port)}`
  const own = { key: Buffer.from(client.key), cert: Buffer.from(client.cert) }
  const port = await relayTo(origin, trustOf({ own, pins: [pinned(gatewayShows)] }), relayShows, options)
  return { relay: `https://127.0.0.1:${String(port)}/`, gateway: `${origin}/`, root: people.root, port }
}

/** As operators exchange pins: no authority has to be agreed on. */
function pinned({ cert }: Shown): Pin {
  return { sha256: pinOf(new X509Certificate(cert).publicKey), notAfter: Date.now() + 3_600_000 }
}

async function relayTo(origin: string, trust: Trust, tls: Shown, { relay: changes }: ClinicOptions): Promise<number> {
  const pool = poolTo({ origin, trust: () => trust })
  const mirror = createMirror({ forward: pool.forward, now: Date.now })
  await mirror.start()
  const nameOf = bucketNamer({ salt: () => new Uint8Array(32), now: Date.now })
  const admission = createAdmission({ abandoned: defaultLimits.abandoned, nameOf, now: Date.now })
  const routes = [{ path: paths.gateway, forward: pool.forward, mirror }] as const
  const relay = createRelay({ routes, admission, hosts: ['127.0.0.1'], ...changes })
  const server = await listen({ fetch: relay.fetch, host: '127.0.0.1', port: 0, tls })
  onTestFinished(async () => {
    mirror.stop()
    await server.close(0)
    await pool.close()
  })
  return server.port
}

export type Passed = { status: number; head: [string, string][]; body: Uint8Array }

export type FrontOptions = {
  readonly change?: (answer: Passed, asked: IncomingMessage) => void
  readonly shows?: Shown
  readonly oldest?: SecureVersion
  readonly newest?: SecureVersion
}

/** A proxy before the relay, as operators have them: it ends TLS, asks the relay, and changes the answer. */
export async function front({ port }: Clinic, options: FrontOptions): Promise<string> {
  const { change = () => undefined, shows = relayCertificate(), oldest = 'TLSv1.2', newest = 'TLSv1.3' } = options
  const passing: RequestListener = (asked, answer) => {
    const headers = Object.fromEntries(Object.entries(asked.headers).filter(([name]) => name !== 'connection'))
    const to = { host: '127.0.0.1', port, method: asked.method, path: asked.url, headers, rejectUnauthorized: false }
    const further = tlsRequest(to, (from) => {
      void Array.fromAsync(from as AsyncIterable<Uint8Array>).then((parts) => {
        const passed: Passed = { status: from.statusCode ?? 0, head: pairs(from.rawHeaders), body: concat(...parts) }
        change(passed, asked)
        answer.sendDate = false
        answer.removeHeader('connection')
        answer.writeHead(passed.status, passed.head.flat()).end(passed.body)
        further.destroy()
      })
    })
    further.on('error', () => answer.destroy())
    further.flushHeaders()
    asked.pipe(further)
  }
  // Versions that are no longer good need ciphers that are no longer good.
  const tls = { ...shows, minVersion: oldest, maxVersion: newest, ciphers: 'DEFAULT@SECLEVEL=0' }
  const server = createServer(tls, passing)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  })
  return `https://127.0.0.1:${String((server.address() as AddressInfo).port)}/`
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at] ?? '', raw[2 * at + 1] ?? ''])
}

/** The head with another value of a field, or without it. */
export function set(answer: Passed, name: string, value?: string): void {
  answer.head = answer.head.filter(([own]) => own.toLowerCase() !== name)
  if (value !== undefined) answer.head.push([name, value])
}

/** Other words, with the framing that belongs to them. */
export function say(answer: Passed, text: string): void {
  answer.body = utf8(text)
  set(answer, 'content-length', String(answer.body.length))
}

/** What an origin would have said by itself. */
export function refuseWith(answer: Passed, status: ProblemStatus): void {
  const { fields, body } = problem(status)
  answer.status = status
  answer.head = answer.head.filter(([name]) => name.toLowerCase() === 'date')
  for (const [name, value] of Object.entries(fields)) set(answer, name, value)
  say(answer, body)
}

/** A port of this machine where nobody listens. */
export const quiet = ['--http-port', '1'] as const

export type Visit = { readonly exit: number; readonly found: Diagnosis; readonly err: string }

/** The command; `ca` is the relay's. */
export async function visit(args: readonly string[], { root, now = Date.now() }: VisitOptions = {}): Promise<Visit> {
  const terminal = newTerminal({ now: () => now })
  terminal.files.set('ca.pem', utf8(certificatePem(authority)))
  if (root !== undefined) terminal.files.set('root.note', utf8(root))
  const exit = await main(['doctor', '--json', '--ca', 'ca.pem', ...args], terminal)
  const { out, err } = terminal.shown
  return { exit, found: (out === '' ? { checks: [] } : JSON.parse(out)) as Diagnosis, err }
}

type VisitOptions = { readonly root?: string; readonly now?: number }

/** Names of what fails, and all that was seen there. */
export function failing({ found }: Visit): { readonly names: string[]; readonly seen: string } {
  const checks = found.checks.filter(({ result }) => result === 'fails')
  return { names: checks.map(({ name }) => name), seen: checks.map(({ seen }) => seen).join('\n') }
}

export function seenOf({ found }: Visit, name: string): readonly [result: string, seen: string] {
  const check = found.checks.find((one) => one.name === name)
  if (check === undefined) throw new TypeError(`no check ${name}`)
  return [check.result, check.seen]
}
