/**
 * Evidence for the keys of a CVM: what the publisher asks for over the attested link, and what the agent answers. The
 * question names an anchor and a policy; everything else, the key above all, is the agent's own. trust.md 2 and 4 (kind 2).
 */
import { base64, fromHex, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { at, bytesOf, digestOf, fieldsOf, listOf, textOf, timeOf, timeText, wordOf } from '../tlog/json-fields.ts'
import { parseStrictJson } from '../tlog/strict-json.ts'
import { evidenceJson, evidenceLimits, readEvidence, type Evidence } from './evidence.ts'
import type { KeyBinding } from './report-data.ts'

export const keyResources = {
  /** `POST`: evidence for every key on offer */
  evidence: '/.well-known/asunder-key-evidence',
  /** `GET`: the keys that open now, for whoever must find the CVM that a key belongs to */
  list: '/.well-known/asunder-keys',
  /** `POST`: an inner message of the sealed exchange */
  sealed: '/.well-known/asunder-sealed',
} as const

/** Milliseconds that a key may live, by the layer that it opens. trust.md 1. */
export const keyLives = { outer: 24 * 3_600_000, inner: 3_600_000 } as const

/** One KEM, one key: ours has three. */
const maxKeys = 8

/** A checkpoint with the cosignatures of a large quorum, post-quantum ones among them, in JSON. */
const maxAnchor = 256 * 1024

/** Octets. */
export const keyLimits = { question: maxAnchor + 1024, answer: maxKeys * evidenceLimits.text, list: 64 * 1024 } as const

export type KeyQuestion = {
  /** a checkpoint note with its cosignature lines */
  readonly anchor: string
  /** lower-case hex */
  readonly policySha256: string
}

export type AttestedKey = {
  /** one key configuration, as evidence binds it */
  readonly keyConfig: Bytes
  readonly evidence: Evidence
  /** milliseconds since 1970, whole seconds */
  readonly notBefore: number
  readonly notAfter: number
}

export type KeyAnswer = { readonly layer: 'outer' | 'inner'; readonly keys: readonly AttestedKey[] }

/** What both sides put together from what each knows itself; `keyConfigSha256` is of exactly one configuration. */
export function keyBinding(bound: {
  readonly role: string
  readonly keyConfigSha256: Uint8Array
  readonly anchor: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  readonly policySha256: string
}): KeyBinding {
  const { role, keyConfigSha256, anchor, notBefore, notAfter, policySha256 } = bound
  return {
    kind: 2,
    role,
    key_config_sha256: keyConfigSha256,
    anchor,
    not_before: notBefore / 1000,
    not_after: notAfter / 1000,
    policy_sha256: fromHex(policySha256),
  }
}

export function writeKeyQuestion({ anchor, policySha256 }: KeyQuestion): string {
  return JSON.stringify({ anchor, policySha256 })
}

export function readKeyQuestion(text: string): KeyQuestion {
  if (text.length > keyLimits.question) throw new Refusal('body-too-large', 'a longer question than there is')
  const { anchor, policySha256 } = fieldsOf(at(parseStrictJson(text), 'question'), ['anchor', 'policySha256'])
  return { anchor: textOf(anchor), policySha256: digestOf(policySha256) }
}

export function writeKeyAnswer({ layer, keys }: KeyAnswer): string {
  const written = keys.map(({ keyConfig, evidence, notBefore, notAfter }) => ({
    keyConfig: base64(keyConfig),
    evidence: evidenceJson(evidence),
    notBefore: timeText(notBefore),
    notAfter: timeText(notAfter),
  }))
  return JSON.stringify({ layer, keys: written })
}

export function readKeyAnswer(text: string): KeyAnswer {
  if (text.length > keyLimits.answer) throw new Refusal('body-too-large', 'a longer answer than there is')
  const { layer, keys } = fieldsOf(at(parseStrictJson(text), 'answer'), ['layer', 'keys'])
  return {
    layer: wordOf(layer, ['outer', 'inner']),
    keys: listOf(keys, maxKeys, 1).map((one) => {
      const fields = fieldsOf(one, ['keyConfig', 'evidence', 'notBefore', 'notAfter'])
      return {
        keyConfig: bytesOf(fields.keyConfig),
        evidence: readEvidence(fields.evidence),
        notBefore: timeOf(fields.notBefore),
        notAfter: timeOf(fields.notAfter),
      }
    }),
  }
}

export function writeKeyList(keyConfigs: readonly Uint8Array[]): string {
  return JSON.stringify({ keys: keyConfigs.map(base64) })
}

export function readKeyList(text: string): readonly Bytes[] {
  if (text.length > keyLimits.list) throw new Refusal('body-too-large', 'a longer list than there is')
  const { keys } = fieldsOf(at(parseStrictJson(text), 'list'), ['keys'])
  // Two generations of keys may live beside one another, and a third that is not on offer yet.
  return listOf(keys, 3 * maxKeys).map(bytesOf)
}
