/**
 * The process inside the CVM: it shows what it is on the connection that will be used, and then serves what its placement
 * has. Evidence first; everything else is refused. trust.md 3 and 4, attestation.md b.3.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type EvidenceKind, evidenceMediaType } from '../../shared/attestation/evidence.ts'
import { link as wire } from '../../shared/attestation/link.ts'
import type { Log } from '../../shared/observability/log.ts'
import { createTally } from '../../shared/observability/tally.ts'
import { Refusal, type RefusalCode } from '../../shared/refusal.ts'
import { type Identity, selfSigned, spkiOf } from '../../shared/upstream/certificate.ts'
import { isLoopback } from '../../shared/upstream/loopback.ts'
import { answerEmpty, appBridge } from './app-bridge.ts'
import { attestedTls, type Link } from './attested-tls.ts'
import { keyEvidence } from './key-evidence.ts'
import { type LinkEvidence, linkEvidence } from './link-evidence.ts'
import { own as ownLinks, passing, type Served } from './links.ts'
import type { OwnKeys } from './own-keys.ts'
import type { EvidenceProvider } from './provider.ts'
import type { SealedRequests } from './requests.ts'
import type { AgentEvents } from './vocabulary.ts'

export type AgentOptions = {
  readonly provider: EvidenceProvider
  readonly role: string
  /** Path of the app's Unix socket. */
  readonly app: string
  /** SHA-256 over SubjectPublicKeyInfo of the gateway's client certificate, lower-case hex; more than one while it changes. */
  readonly gatewayPins: readonly string[]
  readonly log: Log<AgentEvents>
  /** Keys that this process opens with (`inside`, `sealed`). With them no request passes to the app as it comes. */
  readonly own?: Own | undefined
  readonly connections?: number
  readonly reportsAtOnce?: number
  /** milliseconds from a handshake to evidence shown */
  readonly attestWithin?: number
  /** milliseconds between two lines of the log about requests */
  readonly countsEvery?: number
  /** Made in this process unless a test needs to know it; its key is written nowhere. */
  readonly identity?: Identity
}

/** `inner`: keys of the sealed exchange, whose messages come over links. `outer`: keys of Oblivious HTTP. */
export type Own = { readonly keys: OwnKeys } & (
  | { readonly layer: 'inner'; readonly sealed: SealedRequests }
  | { readonly layer: 'outer'; readonly sealed?: undefined }
)

export type Agent = {
  /** Returns the port. Refuses `insecure-configuration`: simulated evidence on a listener that is not loopback. */
  listen(at: { readonly host: string; readonly port: number }): Promise<number>
  /** Takes nothing new, lets answers in flight end, and cuts what is left after `deadline` milliseconds. */
  close(deadline: number): Promise<void>
}

export function createAgent(options: AgentOptions): Agent {
  const {
    provider,
    role,
    app,
    gatewayPins,
    log,
    connections = 1024,
    reportsAtOnce = 16,
    attestWithin = 10_000,
    countsEvery = 60_000,
  } = options
  const identity = options.identity ?? selfSigned({ commonName: 'asunder-cvm', use: 'server' })
  const evidence = linkEvidence({ provider, role, spki: spkiOf(identity.privateKey), reportsAtOnce })
  const failed = createTally<AgentEvents['app-failed']['when']>({
    say: (when, count) => log('warn', 'app-failed', { when, count }),
    every: countsEvery,
  })
  const refused = createTally<Refused>({
    say: (why, count) => log('warn', 'requests-refused', { why, count }),
    every: countsEvery,
  })
  const turnedAway = createTally<AgentEvents['connection-refused']['why']>({
    say: (why, count) => log('warn', 'connection-refused', { why, count }),
    every: countsEvery,
  })
  const served = options.own === undefined ? passing(appBridge({ app, failed })) : owned(options, options.own)
  const server = attestedTls({
    identity,
    gatewayPins,
    connections,
    attestWithin,
    serve: doorkeeper({ kind: provider.kind, evidence, served, log, refused }),
    refused: turnedAway,
  })
  return {
    async listen({ host, port }) {
      if (provider.kind === 'simulated' && !isLoopback(host)) {
        throw new Refusal('insecure-configuration', 'simulated evidence is shown on loopback only')
      }
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject).listen(port, host, resolve)
      })
      return (server.address() as AddressInfo).port
    },
    async close(deadline) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const idle = setInterval(() => server.closeIdleConnections(), 50)
      const late = setTimeout(() => server.closeAllConnections(), deadline)
      await closed
      clearInterval(idle)
      clearTimeout(late)
    },
  }
}

function owned({ provider, role, log }: AgentOptions, { keys, layer, sealed }: Own): Served {
  const evidence = keyEvidence({ provider, role, layer, keys })
  const told = (code?: RefusalCode | 'fault'): void => {
    if (code === undefined) log('info', 'key-evidence-given', { kind: provider.kind })
    else log('warn', 'key-evidence-withheld', { code })
  }
  return ownLinks({ keys, evidence, sealed, told })
}

type Inside = {
  readonly kind: EvidenceKind
  readonly evidence: LinkEvidence
  readonly served: Served
  readonly log: Log<AgentEvents>
  readonly refused: (why: Refused) => void
}

type Refused = AgentEvents['requests-refused']['why']

function doorkeeper(inside: Inside) {
  const { served, refused } = inside
  const refuse = (response: ServerResponse, status: number, why: Refused): void => {
    refused(why)
    dismiss(response, status)
  }
  return (request: IncomingMessage, response: ServerResponse, link: Link): void => {
    const asks = request.method === wire.method && request.url === wire.path
    if (asks && link.state === 'fresh') void show(request, response, link, inside)
    else if (asks) refuse(response, 403, 'evidence-twice')
    else if (link.state !== 'shown') refuse(response, 403, 'not-attested')
    else {
      const said = served(request, response)
      if (said === 'unwritable') refuse(response, 400, said)
      if (said === 'unknown') refuse(response, 404, said)
    }
  }
}

async function show(request: IncomingMessage, response: ServerResponse, link: Link, inside: Inside): Promise<void> {
  link.state = 'asked'
  try {
    const text = await inside.evidence(request, link.socket)
    response.sendDate = false
    response.writeHead(200, { 'content-type': evidenceMediaType, 'content-length': Buffer.byteLength(text) }).end(text)
    link.state = 'shown'
    inside.log('info', 'evidence-given', { kind: inside.kind })
  } catch (cause) {
    inside.log('warn', 'evidence-withheld', { code: cause instanceof Refusal ? cause.code : 'fault' })
    dismiss(response, 503)
  }
}

/** The connection is of no use any more. */
function dismiss(response: ServerResponse, status: number): void {
  if (response.destroyed) return
  response.shouldKeepAlive = false
  response.on('finish', () => response.socket?.destroySoon())
  answerEmpty(response, status)
}
