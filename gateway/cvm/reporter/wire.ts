/**
 * What the agent may ask of the reporter: a binding, field by field, as strict JSON. There is no field for bytes to be
 * attested as they are. One question a connection, ended by closing its half; then the evidence, or a refusal's code.
 */
import { base64 } from '../../../shared/bytes.ts'
import { type Evidence, parseEvidence, serializeEvidence } from '../../../shared/attestation/evidence.ts'
import type { Binding } from '../../../shared/attestation/report-data.ts'
import { Refusal, type RefusalCode, refusalCodes } from '../../../shared/refusal.ts'
import { type At, at, bytesOf, fieldsOf, integerOf, textOf, wordOf } from '../../../shared/tlog/json-fields.ts'
import { parseStrictJson } from '../../../shared/tlog/strict-json.ts'

/** octets of a question: the longest role, escaped, and five digests fit */
export const questionLimit = 4096

export function writeBinding(binding: Binding): string {
  const fields = Object.entries(binding).map(([name, value]) => [name, plain(value)] as const)
  return JSON.stringify(Object.fromEntries(fields))
}

/** Refuses `bad-encoding`, naming the field. Lengths are checked where the bytes to be attested are built. */
export function readBinding(text: string): Binding {
  if (text.length > questionLimit) throw new Refusal('body-too-large', 'a longer question than there is')
  const from = at(parseStrictJson(text), 'question')
  return kindOf(from) === 1 ? readLink(from) : readKey(from)
}

export function writeRefusal(code: RefusalCode): string {
  return JSON.stringify({ refused: code })
}

/** The evidence; or throws the Refusal that the reporter gave instead. */
export function readAnswer(text: string): Evidence {
  if (!text.startsWith('{"refused":')) return parseEvidence(text)
  const { refused } = fieldsOf(at(parseStrictJson(text), 'answer'), ['refused'])
  throw new Refusal(wordOf(refused, refusalCodes), 'the reporter refused')
}

export const writeEvidence = serializeEvidence

function kindOf({ value }: At): unknown {
  const kind = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['kind'] : undefined
  if (kind !== 1 && kind !== 2) throw new Refusal('bad-encoding', 'question.kind must be 1 or 2')
  return kind
}

function readLink(from: At): Binding {
  const { role, spki_sha256, nonce, exporter } = fieldsOf(from, ['kind', 'role', 'spki_sha256', 'nonce', 'exporter'])
  return {
    kind: 1,
    role: textOf(role),
    spki_sha256: bytesOf(spki_sha256),
    nonce: bytesOf(nonce),
    exporter: bytesOf(exporter),
  }
}

function readKey(from: At): Binding {
  const names = ['kind', 'role', 'key_config_sha256', 'anchor', 'not_before', 'not_after', 'policy_sha256'] as const
  const { role, key_config_sha256, anchor, not_before, not_after, policy_sha256 } = fieldsOf(from, names)
  return {
    kind: 2,
    role: textOf(role),
    key_config_sha256: bytesOf(key_config_sha256),
    anchor: bytesOf(anchor),
    not_before: integerOf(not_before),
    not_after: integerOf(not_after),
    policy_sha256: bytesOf(policy_sha256),
  }
}

/** JSON has no bytes and no big integers. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return base64(value)
  return typeof value === 'bigint' ? Number(value) : value
}
