/** The gateway's settings: a row for each, and the combinations that we do not run. How to add one: shared/config/rows.ts. */
import { z } from 'zod'
import { file, secretFile, sharedFile } from '../shared/config/file-kinds.ts'
import type { Kind } from '../shared/config/kind.ts'
import { count, duration, host, list, port, publicHost, size, text, word } from '../shared/config/kinds.ts'
import { listenerLimits, recordOfEvents } from '../shared/config/listener-rows.ts'
import { readSettings, type Definition } from '../shared/config/read.ts'
import { manyOrNone, optional, type Rows, type Settings } from '../shared/config/rows.ts'
import { listenerRules, when, type Rule } from '../shared/config/rules.ts'
import {
  publishedKeySays,
  tokenClaims,
  tokenKey,
  tokenKeyFile,
  tokenKeyRule,
  tokenRows,
} from '../shared/config/tokens.ts'
import { blindRsaVerifier } from '../shared/privacy-pass/rsa.ts'
import { voprfVerifier } from '../shared/privacy-pass/voprf.ts'
import type { Profile } from '../shared/shaping/profile.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'
import { defaultServeLimits } from '../shared/upstream/serve.ts'
import { cvmRows, cvmRules, type CvmSettings } from './cvm-settings.ts'
import { fileRules, rootFile, signerFile } from './file-rules.ts'
import { listenRows } from './listen-settings.ts'
import { defaultGatewayLimits as standing } from './opened.ts'
import { relayRows, relayRules } from './relay-settings.ts'
import { originOf } from './screen.ts'
import { keyRows, keyRules } from './key-settings.ts'
import { storeRows, storeRules } from './store-settings.ts'

const MiB = 1 << 20

const target: Kind<string> = {
  ...text('origin', /./, 'an origin: https://host or https://host:port, nothing more', 'https://app.example'),
  schema: z
    .url({ protocol: /^https$/, normalize: false })
    .refine((url) => new URL(url).origin === originOf('https', url.slice('https://'.length))),
}

const method = text('method', /^(?!CONNECT$|TRACE$)[A-Z]+$/, 'a method in capitals other than CONNECT and TRACE', 'GET')
const limits = {
  request: { kind: size({ most: 64 * MiB }), default: standing.request, says: 'one stored request' },
  answer: { kind: size(), default: standing.answer, says: 'one stored answer' },
  stream: { kind: size({ most: 1024 * MiB }), default: standing.stream, says: 'one stream, in either direction' },
  chunks: { kind: count({ most: 1 << 20 }), default: standing.chunks, says: 'chunks of one stream' },
  stall: { kind: duration(), default: standing.stall, says: 'how long a message may stand still' },
  drain: { kind: size(), default: standing.drain, says: 'what is read and thrown away after an early answer' },
  ...listenerLimits,
  streams: {
    kind: count({ most: 10_000 }),
    default: defaultServeLimits.streams,
    says: 'requests of one HTTP/2 connection at a time; relays are told, and keep to it',
  },
} as const

// One read of a CVM's answer is 64 KiB at most, which is 128 cells: its connection waits so long for the next one.
const cellsOfARead = 256

const cells = {
  period: {
    kind: duration({ least: 10, most: 1000 }),
    default: '100ms',
    says: 'paced: the time from one cell of 512 octets to the next, the same as at your relays. It is what an event waits at most, and bounds what a stream carries: 5 kB/s with 100ms',
  },
  held: {
    kind: size({ least: 4096, most: 64 * MiB }),
    default: 256 * 1024,
    says: 'paced: the longest event, and the longest chunked answer that is no stream of events; longer ones end in 502. One stream holds three times as much at most',
  },
} as const

const secretKeySays =
  "type 1: the issuer's secret key, 48 octets in base64url on one line; who holds it can make tokens"

const tokens = {
  ...tokenRows,
  keys: manyOrNone('type 1 only', tokenKey(tokenKeyFile(file, blindRsaVerifier), 'issuer.key', publishedKeySays)),
  secretKeys: manyOrNone(
    'type 2 only',
    tokenKey(tokenKeyFile(secretFile, voprfVerifier), 'issuer.secret', secretKeySays),
  ),
  claims: tokenClaims,
} as const

const rows = {
  placement: {
    kind: word(['front', 'sealed', 'inside']),
    says: 'front: requests are opened here, by an operator who is trusted; sealed: their outer layer is; inside: only publish, since the gateway itself runs in the CVM. Never inferred',
  },
  listen: listenRows,
  relays: manyOrNone('any that clientCa lets in', relayRows),
  publicHosts: {
    kind: list(publicHost),
    absent: 'any, on loopback',
    example: ['gateway.example'],
    says: 'hosts this gateway answers to, name for every port or name:port; others get 421. Needed beyond loopback',
  },
  trust: { kind: rootFile, example: 'root.note', says: "the trust root's note, for the CVM behind this gateway" },
  cvm: optional('sealed has cvms', cvmRows),
  cvms: manyOrNone('front has cvm', cvmRows),
  policy: {
    kind: file,
    absent: 'simulated evidence only',
    example: 'policy.note',
    says: 'front: the signed policy by which evidence is judged, read again when it changes; sealed takes the one of its bundle',
  },
  targets: {
    kind: list(target),
    absent: 'sealed: the CVM alone knows them',
    says: 'origins that may be asked for, all of them apps of that CVM; never resolved. Needed in front',
  },
  methods: {
    kind: list(method),
    absent: 'GET HEAD POST PUT PATCH DELETE OPTIONS',
    says: 'allowed methods; never CONNECT or TRACE',
  },
  dateWindow: {
    kind: duration({ most: 900_000 }),
    default: '5min',
    says: "how far a request's Date may be off; each is remembered for twice as long",
  },
  keys: keyRows,
  bundle: {
    file: { kind: sharedFile, example: 'bundle.note', says: 'the signed bundle that is served' },
    signer: {
      kind: signerFile,
      absent: 'somebody else writes bundle.file',
      example: 'bundle.skey',
      says: 'the key that signs bundles',
    },
    roots: {
      kind: list(rootFile, { least: 0 }),
      default: [],
      says: 'files with every trust root after the first, oldest first',
    },
  },
  publish: optional('nothing of inside or sealed is published from here', {
    policy: { kind: file, example: 'policy.note', says: 'the signed policy that clients are shown' },
    policyProof: { kind: file, example: 'policy.proof', says: 'the proof that a log has it' },
    statement: { kind: file, example: 'statement.note', says: 'the serial statement, not older than a day' },
    anchor: {
      kind: file,
      example: 'checkpoint.note',
      says: "a checkpoint with the cosignatures of the root's quorum, not older than a day, for evidence to be bound to",
    },
  }),
  store: storeRows,
  tokens: optional('nobody needs a token', tokens),
  profile: {
    kind: word(['direct', 'mixed', 'paced'] as const satisfies readonly Profile[]),
    default: 'direct',
    says: 'how the traffic is shaped, the same word as at your relays; direct: as it comes; mixed: sizes off the grid and uploads that are passed on as they arrive are refused, the rest is done by relays; paced: as mixed, and streams in cells of one size at one rate',
  },
  cells,
  limits,
  connections: {
    kind: count({ most: 1_000_000 }),
    default: 10_000,
    says: 'open connections on the public listener; each is a file that the system must let this process have open',
  },
  admin: {
    host: { kind: host, default: '127.0.0.1', says: 'address of the private listener, on loopback only' },
    port: { kind: port, default: 0, says: 'its port; 0 takes a free one and logs it' },
  },
  audit: recordOfEvents,
  drain: { kind: duration(), default: '30s', says: 'what requests in flight get after SIGTERM' },
} as const satisfies Rows

export type GatewaySettings = Settings<typeof rows>

const rules: readonly Rule<GatewaySettings>[] = [
  ...listenerRules,
  ...keyRules,
  ...cvmRules,
  ...relayRules,
  ...storeRules,
  {
    at: ({ placement, keys: { file, from }, store: { kind } }) =>
      placement !== 'inside'
        ? []
        : [
            ...when(file !== undefined, 'keys.file'),
            ...when(from !== undefined, 'keys.from'),
            ...when(kind !== 'memory', 'store.kind'),
          ],
    wrong: 'is for front and sealed: inside, keys and what was opened are in the memory of the CVM alone',
    remedy: 'remove it',
  },
  {
    at: ({ placement, cvm, policy }) =>
      when(placement === 'front' && policy === undefined && cvm?.allowSimulated === undefined, 'policy'),
    wrong: 'is missing: without one no evidence of hardware is good enough, and no CVM would ever be attested',
    remedy: 'name the signed policy, as policy: policy.note; asunder policy init begins one',
  },
  {
    at: ({ placement, publish, bundle: { signer } }) =>
      when(placement === 'sealed' && publish === undefined && signer !== undefined, 'bundle.signer'),
    wrong: 'is for who publishes: in sealed nobody who serves may sign',
    remedy: 'remove it, and give it to publish, on a host that serves nothing',
  },
  {
    at: ({ listen, limits }) => when(!isLoopback(listen.host) && limits.idle <= relaysKeepFor, 'limits.idle'),
    wrong: 'is not longer than the 30 s for which a relay keeps its connections: it would meet closed ones',
    remedy: 'set 75s, the default, or any more than 30s',
  },
  {
    at: ({ placement, cvm }) => when(placement === 'front' && cvm === undefined, 'cvm'),
    wrong: 'is missing: placement front has one CVM',
    remedy: 'give cvm.host, cvm.port and cvm.role',
  },
  {
    at: ({ placement, cvm }) => when(placement !== 'front' && cvm !== undefined, 'cvm'),
    wrong: 'is for placement front, which has one CVM',
    remedy: 'list them as cvms',
  },
  {
    at: ({ placement, cvms }) => when(placement !== 'front' && cvms === undefined, 'cvms'),
    wrong: 'is missing: without CVMs there is nobody who could open a request',
    remedy: 'list each with host, port and role',
  },
  {
    at: ({ placement, cvms }) => when(placement === 'front' && cvms !== undefined, 'cvms'),
    wrong: 'is for placement sealed; front has one CVM',
    remedy: 'give it as cvm',
  },
  {
    at: ({ placement, cvms = [] }) => when(placement === 'inside' && cvms.length > 1, 'cvms'),
    wrong: 'has several, and inside is one CVM for each route',
    remedy: 'list one, and publish for each with settings of its own',
  },
  {
    at: ({ placement, publish }) => when(placement === 'front' && publish !== undefined, 'publish'),
    wrong: 'is for inside and sealed: in front there is no evidence to publish',
    remedy: 'remove it',
  },
  {
    at: ({ publish, bundle: { signer } }) => when(publish !== undefined && signer === undefined, 'bundle.signer'),
    wrong: 'is missing: what is published must be signed',
    remedy: 'name the file of the bundle-signing key',
  },
  {
    at: ({ placement, publish, keys: { file } }) =>
      when(placement === 'sealed' && publish !== undefined && file === undefined, 'keys.file'),
    wrong: 'is missing: in sealed the outer keys are published, and they are in that file',
    remedy: 'name the key file of the gateway that serves',
  },
  {
    at: ({ placement, policy }) => when(placement !== 'front' && policy !== undefined, 'policy'),
    wrong: 'is for placement front: here it is the one that clients are shown',
    remedy: 'remove it; publish takes it as publish.policy',
  },
  {
    at: ({ placement, targets }) => when(placement === 'front' && targets === undefined, 'targets'),
    wrong: 'is missing: what is not listed is refused',
    remedy: 'list the origins of the app, as targets: [https://app.example]',
  },
  {
    at: ({ placement, targets, methods }) =>
      placement === 'front'
        ? []
        : [...when(targets !== undefined, 'targets'), ...when(methods !== undefined, 'methods')],
    wrong: 'is for placement front: here only the CVM sees what is asked for',
    remedy: 'remove it, and set requests.targets and requests.methods of the agent',
  },
  {
    at: ({ tokens }) =>
      when(tokens !== undefined && tokens.keys === undefined && tokens.secretKeys === undefined, 'tokens.keys'),
    wrong: 'is missing: without a key no token can be told from another',
    remedy: 'give tokens.keys for type 2, or tokens.secretKeys for type 1',
  },
  {
    at: ({ tokens, store: { kind } }) => when(tokens !== undefined && kind === 'memory', 'store.kind'),
    wrong: 'tokens need a store that survives a restart: otherwise each could be spent again after it',
    remedy: 'set store.kind: sqlite with a store.file, or valkey, or remove tokens',
  },
  {
    at: ({ placement, tokens }) => when(placement === 'inside' && tokens !== undefined, 'tokens'),
    wrong:
      'is for front and sealed: inside, this process sees no request, and a CVM has no store that survives a restart',
    remedy: 'remove it, and let the relay ask for tokens',
  },
  {
    at: ({ profile, limits: { stall }, cells: { period } }) =>
      when(profile === 'paced' && stall < cellsOfARead * period, 'limits.stall'),
    wrong: `is less than ${cellsOfARead} times cells.period: a CVM would be slow because its cells wait for their ticks`,
    remedy: 'raise it, or lower cells.period',
  },
  tokenKeyRule(({ tokens }) => tokens?.keys, 'tokens.keys'),
  tokenKeyRule(({ tokens }) => tokens?.secretKeys, 'tokens.secretKeys'),
]

/** Milliseconds. */
const relaysKeepFor = 30_000

/** The CVMs behind this gateway: one in `front`, any number in `sealed`. */
export function cvmsOf({ cvm: one, cvms }: Pick<GatewaySettings, 'cvm' | 'cvms'>): readonly CvmSettings[] {
  return one === undefined ? (cvms ?? []) : [one]
}

/** A gateway's rows and rules, for its door and for whoever shows them. */
export const gatewayDefinition: Definition<typeof rows> = { service: 'gateway', rows, rules, fileRules }

/** Throws SettingsError with every mistake of the text at once. Looks at no file. */
export function gatewaySettings(text: string, source: string): GatewaySettings {
  return readSettings(gatewayDefinition, { text, source }).settings
}
