/**
 * report_data: the 64 bytes by which evidence speaks of one connection (kind 1) or of one published key (kind 2).
 * SHA-512 over a label, the kind, and every field of the kind with ascending tags. attestation.md b.2, trust.md 4.
 */
import { sha512 } from '@noble/hashes/sha2.js'
import { concat, uint16, uint64, uint8, utf8, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'

/** Kind 1: an attested TLS connection. */
export type LinkBinding = {
  readonly kind: 1
  readonly role: string
  /** SHA-256 of the DER SubjectPublicKeyInfo of the agent's TLS key */
  readonly spki_sha256: Uint8Array
  readonly nonce: Uint8Array
  /** RFC 8446 §7.5, label EXPORTER-asunder-attest, context = nonce; each side takes it from its own socket */
  readonly exporter: Uint8Array
}

/** Kind 2: one published key configuration. Times are whole seconds since 1970. */
export type KeyBinding = {
  readonly kind: 2
  readonly role: string
  readonly key_config_sha256: Uint8Array
  /** SHA-256 of the checkpoint note with its cosignature lines ‖ u64 tree size */
  readonly anchor: Uint8Array
  readonly not_before: number | bigint
  readonly not_after: number | bigint
  readonly policy_sha256: Uint8Array
}

export type Binding = LinkBinding | KeyBinding

export const reportDataLength = 64

type Shape = 'role' | 'seconds' | number
export type BindingField = { readonly tag: number; readonly name: string; readonly shape: Shape }

/** Each kind's fields in ascending order of their tags; a number is an exact length in bytes. Kind 3 is reserved. */
export const bindingFields: Readonly<Record<Binding['kind'], readonly BindingField[]>> = {
  1: [
    { tag: 1, name: 'role', shape: 'role' },
    { tag: 2, name: 'spki_sha256', shape: 32 },
    { tag: 3, name: 'nonce', shape: 32 },
    { tag: 4, name: 'exporter', shape: 32 },
  ],
  2: [
    { tag: 1, name: 'role', shape: 'role' },
    { tag: 5, name: 'key_config_sha256', shape: 32 },
    { tag: 6, name: 'anchor', shape: 40 },
    { tag: 7, name: 'not_before', shape: 'seconds' },
    { tag: 8, name: 'not_after', shape: 'seconds' },
    { tag: 9, name: 'policy_sha256', shape: 32 },
  ],
}

const label = utf8('asunder attestation v1\0')

/** Every field of the kind is mandatory, no other is taken: what a binding leaves unsaid, nobody vouches for. */
export function reportData(binding: Binding): Bytes {
  const given: Readonly<Record<string, unknown>> = binding
  const fields = fieldsOfKind(given['kind'])
  const unknown = Object.keys(given).find((name) => name !== 'kind' && !fields.some((field) => field.name === name))
  if (unknown !== undefined) throw new Refusal('bad-encoding', `binding.${unknown} is not a field of this kind`)
  const parts = fields.map((field) => encodeField(field, given[field.name]))
  return new Uint8Array(sha512(concat(label, uint8(binding.kind), ...parts)))
}

export function fieldsOfKind(kind: unknown): readonly BindingField[] {
  if (kind === 1 || kind === 2) return bindingFields[kind]
  throw new Refusal('bad-encoding', 'binding.kind is not 1 or 2')
}

function encodeField(field: BindingField, value: unknown): Bytes {
  const bytes = fieldBytes(field, value)
  return concat(uint8(field.tag), uint16(bytes.length), bytes)
}

function fieldBytes({ name, shape }: BindingField, value: unknown): Uint8Array {
  if (shape === 'role' && isRole(value)) return utf8(value)
  if (shape === 'seconds' && isUint64(value)) return uint64(value)
  if (value instanceof Uint8Array && value.length === shape) return value
  throw new Refusal('bad-encoding', `binding.${name} is missing, or not of its form`)
}

/**
 * Roles are UTF-8, not empty, short enough for every place that carries one, and without characters that nobody sees: two
 * roles that look alike are one to whoever signs.
 */
export function isRole(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || !value.isWellFormed()) return false
  return utf8(value).length <= 255 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value)
}

function isUint64(value: unknown): value is number | bigint {
  if (typeof value === 'bigint') return BigInt.asUintN(64, value) === value
  return Number.isSafeInteger(value) && (value as number) >= 0
}
