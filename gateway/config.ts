/** The gateway's settings: one table, strict, read once. README.md's settings table says the same in words. */
import { z } from 'zod'
import { readSettings } from '../shared/config/read.ts'
import { kems } from '../shared/hpke/suites.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'
import { longestLife } from './keyring.ts'
import { defaultGatewayLimits as standing } from './opened.ts'
import { originOf } from './screen.ts'

const port = z.int().min(0).max(65_535)
const positive = z.int().min(1)
const milliseconds = z.int().min(1).max(86_400_000)
const identity = z.strictObject({ key: z.string(), cert: z.string() })
const MiB = 1 << 20
const minute = 60_000
const hour = 60 * minute

const listener = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port,
    tls: identity.extend({ clientCa: z.string().optional() }).optional(),
    plaintextLoopback: z.boolean().default(false),
  })
  .refine(({ host, tls, plaintextLoopback }) => tls !== undefined || (plaintextLoopback && isLoopback(host)), {
    error: 'needs tls: plaintext is served on loopback only, and only with plaintextLoopback: true',
  })

const cvm = z.strictObject({
  host: z.string(),
  port,
  role: z.string().min(1),
  connections: positive.max(4096).default(64),
  maxAge: milliseconds.optional(),
  identity: identity.optional(),
  allowSimulated: z
    .strictObject({ rootSha256: z.string().regex(/^[0-9a-f]{64}$/), measurement: z.string().regex(/^[0-9a-f]{96}$/) })
    .optional(),
  firstByte: milliseconds.default(60_000),
})

const target = z
  .url({ protocol: /^https$/, normalize: false })
  .refine((url) => new URL(url).origin === originOf('https', url.slice('https://'.length)), {
    error: 'an origin: https://host or https://host:port, nothing more',
  })

const keys = z
  .strictObject({
    file: z.string().optional(),
    kems: z
      .array(z.enum(kems.map(({ name }) => name)))
      .min(1)
      .default(['X25519', 'X-Wing']),
    lead: milliseconds.default(10 * minute),
    life: milliseconds.default(12 * hour),
    overlap: milliseconds.min(15 * minute).default(2 * hour),
  })
  .refine(({ lead, life, overlap }) => lead + life + overlap <= longestLife, {
    error: 'lead, life and overlap together are more than 24 hours',
  })
  .refine(({ kems: names }) => new Set(names).size === names.length, { error: 'one KEM twice' })

const store = z
  .strictObject({
    kind: z.enum(['memory', 'sqlite']).default('memory'),
    file: z.string().optional(),
    claims: z.int().min(10).max(100_000_000).default(1_000_000),
  })
  .refine(({ kind, file }) => (kind === 'sqlite') === (file !== undefined), {
    error: 'sqlite needs a file, memory has none',
  })

const limits = z.strictObject({
  request: positive.max(64 * MiB).default(standing.request),
  answer: positive.default(standing.answer),
  stream: positive.max(1024 * MiB).default(standing.stream),
  chunks: positive.max(1 << 20).default(standing.chunks),
  stall: milliseconds.default(standing.stall),
  drain: positive.default(standing.drain),
})

const table = z
  .strictObject({
    placement: z.literal('front'),
    listen: listener,
    publicHosts: z.array(z.string()).min(1).optional(),
    trust: z.string(),
    cvm,
    targets: z.array(target).min(1),
    methods: z
      .array(z.string().regex(/^(?!CONNECT$|TRACE$)[A-Z]+$/))
      .min(1)
      .optional(),
    dateWindow: milliseconds.default(5 * minute),
    keys: keys.prefault({}),
    bundle: z.strictObject({ file: z.string(), signer: z.string().optional(), roots: z.array(z.string()).default([]) }),
    store: store.prefault({}),
    limits: limits.prefault({}),
    connections: positive.default(10_000),
    admin: z.strictObject({ host: z.string(), port }).prefault({ host: '127.0.0.1', port: 0 }),
    drain: milliseconds.default(30_000),
  })
  .refine(({ listen, publicHosts }) => publicHosts !== undefined || isLoopback(listen.host), {
    error: 'is needed as soon as the listener is not on loopback',
    path: ['publicHosts'],
  })
  .refine(({ listen: { host, tls } }) => isLoopback(host) || tls === undefined || tls.clientCa !== undefined, {
    error:
      'is needed as soon as the listener is not on loopback: the authority of your relays, or clients come directly',
    path: ['listen', 'tls', 'clientCa'],
  })
  .refine(({ admin }) => isLoopback(admin.host), {
    error: 'the admin listener speaks plaintext and stays on loopback',
    path: ['admin', 'host'],
  })
  .refine(({ keys: { file }, store: { kind } }) => file === undefined || kind === 'sqlite', {
    error: 'keys that survive a restart need a store that does: otherwise every request could be replayed after it',
    path: ['store', 'kind'],
  })
  .refine(
    ({ cvm: { allowSimulated, host }, listen }) =>
      allowSimulated === undefined || (isLoopback(host) && isLoopback(listen.host)),
    {
      error: 'simulated evidence is for one machine: listener and CVM must both be loopback',
      path: ['cvm', 'allowSimulated'],
    },
  )

export type GatewaySettings = Readonly<z.infer<typeof table>>

/** Throws SettingsError with every mistake of the text at once. */
export function gatewaySettings(text: string, source: string): GatewaySettings {
  return readSettings(table, text, source)
}
