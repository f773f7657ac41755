/** The relay's settings: one table, strict, read once. README.md's settings table says the same in words. */
import { z } from 'zod'
import { readSettings } from '../shared/config/read.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'
import { defaultLimits } from './admit.ts'

const port = z.int().min(0).max(65_535)
const positive = z.int().min(1)
const milliseconds = z.int().min(1).max(86_400_000)
const pair = z.strictObject({ key: z.string(), cert: z.string() })
const MiB = 1 << 20

const listener = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port,
    tls: pair.optional(),
    plaintextLoopback: z.boolean().default(false),
  })
  .refine(({ host, tls, plaintextLoopback }) => tls !== undefined || (plaintextLoopback && isLoopback(host)), {
    error: 'needs tls: plaintext is served on loopback only, and only with plaintextLoopback: true',
  })

const route = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
    .optional(),
  gateway: z.url({ protocol: /^https?$/ }),
  plaintextLoopback: z.boolean().default(false),
  ca: z.string().optional(),
  clientCertificate: pair.optional(),
})

const limits = z.strictObject({
  request: positive.max(64 * MiB).default(defaultLimits.request),
  answer: positive.default(defaultLimits.answer),
  stream: positive.default(defaultLimits.stream),
  stall: milliseconds.default(defaultLimits.stall),
  drainBytes: positive.default(defaultLimits.drainBytes),
  drainTime: milliseconds.default(defaultLimits.drainTime),
  abandoned: positive.default(defaultLimits.abandoned),
  incremental: z.int().min(0).default(defaultLimits.incremental),
})

const upstream = z.strictObject({
  connections: positive.default(256),
  queue: z.int().min(0).default(1024),
  wait: milliseconds.default(5_000),
  warm: z.int().min(0).max(256).default(8),
  firstByte: milliseconds.default(65_000),
  stall: milliseconds.default(30_000),
  lifetime: milliseconds.default(300_000),
})

const table = z
  .strictObject({
    listen: listener,
    publicHosts: z.array(z.string()).min(1).optional(),
    cors: z.boolean().default(false),
    routes: z.tuple([route], route),
    limits: limits.prefault({}),
    upstream: upstream.prefault({}),
    rate: z.strictObject({ perSecond: z.number().positive(), burst: positive }).optional(),
    connections: positive.default(10_000),
    admin: z.strictObject({ host: z.string(), port }).prefault({ host: '127.0.0.1', port: 0 }),
    drain: milliseconds.default(30_000),
  })
  .refine(({ listen, publicHosts }) => publicHosts !== undefined || isLoopback(listen.host), {
    error: 'is needed as soon as the listener is not on loopback',
    path: ['publicHosts'],
  })
  .refine(({ routes: [, ...others] }) => others.every(({ name }) => name !== undefined), {
    error: 'every route but the first needs a name',
    path: ['routes'],
  })
  .refine(({ routes }) => unique(routes.flatMap(({ name }) => name ?? [])), {
    error: 'names must differ',
    path: ['routes'],
  })
  .refine(({ admin }) => isLoopback(admin.host), {
    error: 'the admin listener speaks plaintext and stays on loopback',
    path: ['admin', 'host'],
  })

export type RelaySettings = Readonly<z.infer<typeof table>>
export type RouteSettings = RelaySettings['routes'][number]

/** Throws SettingsError with every mistake of the text at once. */
export function relaySettings(text: string, source: string): RelaySettings {
  return readSettings(table, text, source)
}

function unique(names: readonly string[]): boolean {
  return new Set(names).size === names.length
}
