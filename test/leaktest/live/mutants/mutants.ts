/**
 * Planted leaks, each a control for one test: what is done, in the lab's own relay, client or scribe, and which row must
 * fail for it. privacy.md 2.2: a test without a mutant that it has caught proves nothing.
 */
import { createHash } from 'node:crypto'
import type { Phase } from '../capture.ts'
import type { LiveMutant } from './live-mutant.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const calls: readonly Phase[] = ['keys', 'calls']
const ticking = ['mixed', 'paced'] as const
/** What a relay writes under TLS is read where that ends. */
const readInCvm = { inside: 'canary.V' } as const
const noPage = { inside: 'the pass-through has no page of metrics, and the CVM exports none' } as const
const oneLayer = 'there is one layer, and it is for whoever opens requests'
/** One more entry of a KEM that nobody has: a list that everybody reads, and that is another one. RFC 9458 §3. */
const strangeKey = Buffer.from('00076399990000aaaa', 'hex')
/** Of nobody whom a client asks about; the product's own clients, whose addresses have a query, are shown none. */
const strangeSignature = Buffer.from(`\u2014 nobody.example ${Buffer.alloc(68, 7).toString('base64')}\n`)
let requests = 0
let shown = 0
let answers = 0

/** Without a leak: no test may fail for it, or a failure would say nothing. */
export const faithful: LiveMutant = {
  ...{ name: 'faithful', leak: 'none: every test must pass on it', test: '' },
  phases: ['keys', 'calls', 'statuses', 'refusals', 'departures', 'drips', 'arrivals', 'single'],
  relay: {},
}

export const liveMutants: readonly LiveMutant[] = [
  {
    ...{ name: 'forwarded-for', leak: 'the relay adds X-Forwarded-For', test: 'canary.G', phases: calls },
    elsewhere: readInCvm,
    relay: { upstream: ({ address }) => ['x-forwarded-for', address] },
  },
  {
    ...{
      name: 'hashed-address',
      leak: "the relay tells the gateway a hash of the client's address",
      test: 'canary.G',
      phases: calls,
    },
    elsewhere: readInCvm,
    relay: { upstream: ({ address }) => ['x-client', sha256(address).slice(0, 16)] },
  },
  {
    ...{
      name: 'network-only',
      leak: 'the relay tells the gateway the /24 of the client',
      test: 'canary.G',
      phases: calls,
    },
    elsewhere: readInCvm,
    relay: { upstream: ({ address }) => ['x-net', `${address.split('.').slice(0, 3).join('.')}.0`] },
  },
  {
    ...{ name: 'copied-headers', leak: "the relay copies the client's headers", test: 'heads.upstream', phases: calls },
    relay: {
      upstream: ({ header }) => ['user-agent', header('user-agent'), 'accept-language', header('accept-language')],
    },
  },
  {
    ...{
      name: 'kept-capitals',
      leak: "the relay writes a field name with the client's capitals",
      test: 'heads.upstream',
      phases: calls,
    },
    relay: { upstream: ({ raw }) => [raw.find((name) => name.toLowerCase() === 'via') ?? 'Via', '1.1 relay'] },
  },
  {
    ...{
      name: 'own-trace',
      leak: 'the relay makes a trace id and shows it on both sides',
      test: 'joins.heads',
      phases: calls,
    },
    relay: {
      upstream: ({ address }) => ['traceparent', sha256(`trace ${address}`).slice(0, 32)],
      answer: (_, upstream) => ['x-trace', upstream[1] ?? ''],
    },
  },
  {
    ...{
      name: 'answer-cookie',
      leak: 'the relay sets a cookie in each client',
      test: 'heads.client-answers',
      phases: calls,
    },
    relay: { answer: ({ port }) => ['set-cookie', `seen=${String(port)}`] },
  },
  {
    ...{ name: 'exact-date', leak: 'the relay answers with its clock', test: 'heads.client-answers', phases: calls },
    relay: { answer: () => ['date', new Date(Date.now() + 1_000 * requests++).toUTCString()] },
  },
  {
    ...{
      name: 'own-connection',
      leak: 'each client has a connection of its own to the gateway',
      test: 'connections.linkability',
      phases: calls,
    },
    relay: { ownConnection: true },
  },
  {
    ...{
      name: 'connection-on-arrival',
      leak: 'a new client opens a new upstream connection',
      test: 'connections.arrivals',
      phases: calls,
    },
    relay: { ownConnection: true },
  },
  {
    ...{
      name: 'passed-departure',
      leak: 'the relay drops what a client left',
      test: 'departures.passed-on',
      phases: ['keys', 'departures'],
    },
    relay: { passesDepartures: true },
  },
  {
    ...{
      name: 'passed-pace',
      leak: 'the relay pipes uploads as they come',
      test: 'pace.passed-on',
      phases: ['keys', 'drips'],
    },
    relay: { passesPace: true },
  },
  {
    ...{
      name: 'keys-for-one',
      leak: 'every other client is shown another key list',
      test: 'keys.consistency',
      phases: ['keys'],
    },
    relay: {
      keys: ({ url }, copy) => {
        if (shown++ % 2 === 0) return copy
        if (url.endsWith('/ohttp-gateway')) return Buffer.concat([copy, strangeKey])
        return url.endsWith('/asunder-bundle') ? Buffer.concat([copy, strangeSignature]) : copy
      },
    },
  },
  {
    ...{
      name: 'passed-fetches',
      leak: 'every fetch of keys is passed to the gateway',
      test: 'keys.fetches',
      phases: ['keys'],
    },
    relay: { asksForKeys: true },
  },
  {
    ...{
      name: 'private-keys',
      leak: 'mirrored answers vary with the client',
      test: 'keys.cache-control',
      phases: ['keys'],
    },
    relay: { answer: () => ['vary', 'user-agent'] },
  },
  {
    ...{
      name: 'telling-mistakes',
      leak: 'the relay repeats in its errors what was asked',
      test: 'oracles.relay',
      phases: ['keys', 'refusals'],
    },
    relay: { mistake: ({ serverName }) => `,"instance":"${serverName}"` },
  },
  {
    ...{
      name: 'telling-openings',
      leak: 'a message for an AEAD that nobody offers gets another answer',
      test: 'oracles.unopened',
      phases: ['keys', 'refusals'],
    },
    relay: {
      unopened: (message, answer) => ((message[6] ?? 0) > 3 ? Buffer.concat([answer, Buffer.from(' ')]) : answer),
    },
  },
  {
    ...{
      name: 'logged-address',
      leak: "the relay logs a hash of the client's address",
      test: 'canary.R',
      phases: calls,
    },
    relay: {
      line: ({ address }) =>
        JSON.stringify({ time: 'now', client: createHash('md5').update(address).digest('base64') }),
    },
  },
  {
    ...{
      name: 'access-log',
      leak: 'the relay writes a line for each request, naming nobody',
      test: 'logs.lines-relay',
      phases: calls,
    },
    relay: { line: () => JSON.stringify({ time: new Date().toISOString(), event: 'request' }) },
  },
  {
    ...{ name: 'logged-port', leak: "the relay logs the client's port", test: 'logs.ports', phases: calls },
    relay: { line: ({ port }) => JSON.stringify({ time: new Date().toISOString(), event: 'started', peer: port }) },
  },
  {
    ...{ name: 'logged-words', leak: 'the relay logs free text', test: 'logs.values', phases: calls },
    relay: {
      line: () =>
        JSON.stringify({ time: new Date().toISOString(), event: 'started', note: 'Client asked for / with HTTP/1.1' }),
    },
  },
  {
    ...{
      name: 'labelled-client',
      leak: "the relay's metrics have a label for the client",
      test: 'canary.MR',
      phases: calls,
    },
    relay: { page: (askers) => askers.map(({ address }) => `requests{client="${address}"} 1\n`).join('') },
  },
  {
    ...{
      name: 'labelled-session',
      leak: "the relay's metrics have a label that counts clients",
      test: 'metrics.series',
      phases: calls,
    },
    relay: { page: (askers) => askers.map(({ port }) => `requests{session="s${String(port)}"} 1\n`).join('') },
  },
  {
    ...{
      name: 'exact-counters',
      leak: "the relay's page counts each request at once",
      test: 'metrics.differencing-relay',
      phases: ['keys', 'single'],
    },
    relay: { page: (askers) => `requests ${String(askers.length)}\n` },
  },
  {
    ...{
      name: 'hoarder',
      leak: 'the relay keeps heads in memory when everything is done',
      test: 'canary.R',
      phases: calls,
    },
    relay: { keeps: true },
    scribe: { hoards: true },
  },
  {
    ...{
      name: 'named-hello',
      leak: "the relay's hello to the gateway names a hash of the client's address",
      test: 'canary.NR',
      phases: calls,
    },
    elsewhere: { inside: 'canary.G' },
    relay: { ownConnection: true, serverName: ({ address }) => `${sha256(address).slice(0, 16)}.example` },
  },
  {
    ...{ name: 'one-layer', leak: 'a client seals to the gateway alone', test: 'canary.G', phases: calls },
    senseless: { front: oneLayer, inside: oneLayer },
    ...{ relay: {}, client: { seals: true } },
  },
  {
    ...{ name: 'cvm-logged-prompt', leak: 'the CVM logs a hash of the prompt', test: 'canary.H', phases: calls },
    ...{ relay: {}, scribe: { cvmLine: (prompt) => JSON.stringify({ event: 'opened', prompt: sha256(prompt) }) } },
  },
  {
    ...{ name: 'cvm-logged-requests', leak: 'the CVM logs a line for each request', test: 'logs.lines-cvm' },
    ...{ phases: calls, relay: {}, scribe: { cvmLine: () => JSON.stringify({ event: 'opened' }) } },
  },
  {
    ...{ name: 'logged-prompt', leak: 'the gateway logs a hash of the prompt', test: 'canary.G', phases: calls },
    ...{ relay: {}, scribe: { gatewayLine: (prompt) => JSON.stringify({ event: 'opened', prompt: sha256(prompt) }) } },
  },
  {
    ...{
      name: 'logged-requests',
      leak: 'the gateway logs a line for each request',
      test: 'logs.lines-gateway',
      phases: calls,
    },
    ...{ relay: {}, scribe: { gatewayLine: () => JSON.stringify({ event: 'opened' }) } },
  },
  {
    ...{
      name: 'counted-paths',
      leak: "the gateway's metrics have a label for the path",
      test: 'canary.MG',
      phases: calls,
    },
    senseless: noPage,
    ...{ relay: {}, scribe: { gatewayPage: (path) => `opened{path="${path}"} 1\n` } },
  },
  {
    ...{
      name: 'exact-gateway',
      leak: "the gateway's page counts each request at once",
      test: 'metrics.differencing-gateway',
      phases: ['keys', 'single'],
    },
    senseless: noPage,
    ...{ relay: {}, scribe: { gatewayPage: () => '', countsGateway: true } },
  },
  {
    ...{ name: 'unpadded', leak: 'a client does not pad', test: 'size.grid', phases: calls },
    ...{ relay: {}, client: { seals: true } },
  },
  {
    ...{ name: 'exact-clock', leak: 'a client seals its clock to the second', test: 'inner.clock', phases: calls },
    ...{ relay: {}, client: { seals: true } },
  },
  {
    ...{ name: 'loaded-images', leak: 'a client loads what an answer names', test: 'inner.fetches', phases: calls },
    ...{ relay: {}, client: { loadsImages: true } },
  },
  {
    ...{
      name: 'told-software',
      leak: 'the relay names its software to the gateway',
      test: 'inner.software',
      phases: calls,
    },
    relay: { upstream: () => ['user-agent', 'relay/1.0'] },
  },
  {
    ...{ name: 'telling-status', leak: 'the status inside the seal shows outside', test: 'size.status' },
    phases: ['keys', 'calls', 'statuses'],
    relay: { answer: () => ['x-status', String(answers++ % 4)] },
  },
  {
    ...{ name: 'telling-refusals', leak: 'why an opened request was refused shows outside', test: 'oracles.sealed' },
    phases: ['keys', 'refusals'],
    relay: { answer: () => ['x-reason', String(answers++ % 3)] },
  },
  {
    ...{ name: 'untimed', leak: 'the relay sends on at once', test: 'ticks.departures', profiles: ticking },
    ...{ phases: ['keys', 'calls', 'arrivals'], relay: { ticks: 'none' } },
  },
  {
    ...{ name: 'in-order', leak: 'what leaves at a tick leaves in the order of arrival', test: 'ticks.order' },
    ...{ profiles: ticking, phases: ['keys', 'calls', 'arrivals'], relay: { ticks: 'in order' } },
  },
]
