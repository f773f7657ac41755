/**
 * What a record of security events can hold: changes of keys, policy, attestation and configuration, and nothing of a
 * request. Closed, for whoever writes as for whoever verifies. privacy.md 4.7; conformance OPS-1.
 */
import type { Digest, Measurement } from '../digest.ts'

/** Which values a field takes, and how they are told from others. */
export const kinds = {
  count: { is: (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0 },
  digest: { is: (value: unknown): value is Digest => matches(value, /^sha256:[0-9a-f]{64}$/) },
  measurement: { is: (value: unknown): value is Measurement => matches(value, /^measurement:[0-9a-f]{64,128}$/) },
  flag: { is: (value: unknown): value is boolean => typeof value === 'boolean' },
  /** a word of ours, such as a refusal code */
  word: { is: (value: unknown): value is string => matches(value, /^[a-z][a-z0-9-]{0,62}$/) },
} as const
export type Kind = keyof typeof kinds

export type EventRow = {
  readonly fields: Readonly<Record<string, Kind>>
  /** Written only when it differs from the last one on this topic... */
  readonly topic?: string
  /** ... and, where there are several of its kind, about the same one: fields that tell them apart. */
  readonly of?: readonly string[]
}

export const auditEvents = {
  /** the first entry of every record */
  begun: { fields: {} },
  /** a crash cut the line before this one; `torn` is what is left of it */
  recovered: { fields: { torn: 'digest' } },
  started: { fields: { configuration: 'digest' } },
  stopped: { fields: {} },
  // configuration that was read again: keys, certificates and pins of the links
  'listener-reread': { fields: { result: 'word' } },
  'route-reread': { fields: { route: 'count', result: 'word' } },
  // which files count since: written when they change, so that what was in force at any time can be shown again
  'listener-in-use': { fields: { files: 'digest' }, topic: 'listener' },
  'route-in-use': { fields: { route: 'count', files: 'digest' }, topic: 'route', of: ['route'] },
  // keys
  'keys-turned': { fields: { created: 'count', destroyed: 'count' }, topic: 'keys' },
  'keys-rotated': { fields: { created: 'count', destroyed: 'count' } },
  'keys-revoked': { fields: { created: 'count', destroyed: 'count' } },
  'keys-failed': { fields: { why: 'word' }, topic: 'keys' },
  // policy, and what clients are shown
  'policy-in-force': { fields: { serial: 'count', policy: 'digest' } },
  'policy-refused': { fields: { why: 'word' } },
  'bundle-published': { fields: { serial: 'count', keys: 'count' } },
  'bundle-served': { fields: { serial: 'count', bundle: 'digest' }, topic: 'bundle' },
  'bundle-failed': { fields: { why: 'word' }, topic: 'bundle' },
  'mirror-refreshed': {
    fields: { route: 'count', resource: 'word', copy: 'digest' },
    topic: 'mirror',
    of: ['route', 'resource'],
  },
  'mirror-failed': {
    fields: { route: 'count', resource: 'word', why: 'word' },
    topic: 'mirror',
    of: ['route', 'resource'],
  },
  // attestation
  attested: {
    fields: { cvm: 'count', simulated: 'flag', measurement: 'measurement' },
    topic: 'attestation',
    of: ['cvm'],
  },
  'not-attested': { fields: { cvm: 'count', why: 'word' }, topic: 'attestation', of: ['cvm'] },
  'cvm-left-out': { fields: { why: 'word' } },
  // what makes everything else worth less
  'secrets-recorded': { fields: { listener: 'word' } },
} as const satisfies Record<string, EventRow>

export type AuditEvent = keyof typeof auditEvents
type Value<K extends Kind> = (typeof kinds)[K]['is'] extends (value: unknown) => value is infer V ? V : never
type Row<Name extends AuditEvent> = (typeof auditEvents)[Name]['fields']
export type AuditFields<Name extends AuditEvent> = {
  readonly [Field in keyof Row<Name>]: Row<Name>[Field] extends Kind ? Value<Row<Name>[Field]> : never
}

export function eventRow(name: string): EventRow | undefined {
  return Object.hasOwn(auditEvents, name) ? auditEvents[name as AuditEvent] : undefined
}

/** Exactly the fields that the row names, each of its kind. */
export function holds({ fields }: EventRow, values: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(fields)
  const given = Object.keys(values)
  return given.length === names.length && names.every((name) => kinds[fields[name] as Kind].is(values[name]))
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value)
}
