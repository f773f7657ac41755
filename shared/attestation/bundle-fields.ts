/** What a bundle says, for each placement exactly its own fields. trust.md 2. */
import { sha256 } from '@noble/hashes/sha2.js'
import { base64, hex, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import {
  at,
  bytesOf,
  digestOf,
  fieldsOf,
  integerOf,
  listOf,
  textOf,
  timeOf,
  timeText,
  wordOf,
} from '../tlog/json-fields.ts'
import type { At } from '../tlog/json-fields.ts'
import { evidenceJson, readEvidence, type Evidence } from './evidence.ts'
import { placements, type Placement } from './root-fields.ts'
import { maxRoots } from './trust-root.ts'

/** Times are milliseconds since 1970 in whole seconds. */
type Common = {
  readonly serial: number
  readonly notBefore: number
  readonly notAfter: number
  /** application/ohttp-keys */
  readonly keys: Bytes
  /** every root after the first, oldest first, as signed notes */
  readonly roots: readonly string[]
}

export type FrontBundle = Common & { readonly placement: 'front' }

export type AttestedBundle = Common & {
  readonly placement: Exclude<Placement, 'front'>
  readonly policy: string
  readonly policyProof: string
  readonly statement: string
  readonly cvms: readonly CvmEntry[]
}

/** One key that lives in one CVM process, with the evidence for exactly that key. */
export type CvmEntry = {
  /** the first 16 hex digits of SHA-256(keyConfig) */
  readonly id: string
  readonly layer: 'outer' | 'inner'
  readonly keyConfig: Bytes
  readonly evidence: Evidence
  /** a checkpoint note with its cosignatures */
  readonly anchor: string
  readonly notBefore: number
  readonly notAfter: number
  readonly policySha256: string
  readonly proof: string
}

export type Bundle = FrontBundle | AttestedBundle

/** Milliseconds. */
export const maxBundleLife = 24 * 3_600_000
const maxCvms = 1024

const common = ['serial', 'placement', 'notBefore', 'notAfter', 'keys', 'roots'] as const
const attested = [...common, 'policy', 'policyProof', 'statement', 'cvms'] as const
const entry = [
  'id',
  'layer',
  'keyConfig',
  'evidence',
  'anchor',
  'notBefore',
  'notAfter',
  'policySha256',
  'proof',
] as const satisfies (keyof CvmEntry)[]

export function readBundleFields(value: unknown): Bundle {
  const bundle = placementOf(value) === 'front' ? readFront(value) : readAttested(value)
  checkLife(bundle)
  return bundle
}

/** The JSON value that readBundleFields reads back. */
export function bundleJson(bundle: Bundle): unknown {
  const times = { notBefore: timeText(bundle.notBefore), notAfter: timeText(bundle.notAfter) }
  const json = { ...bundle, ...times, keys: base64(bundle.keys) }
  return bundle.placement === 'front' ? json : { ...json, cvms: bundle.cvms.map(cvmJson) }
}

export function cvmId(keyConfig: Uint8Array): string {
  return hex(sha256(keyConfig)).slice(0, 16)
}

/** Which keys must be there depends on the placement, so that one is read first. */
function placementOf(value: unknown): Placement {
  const placement = typeof value === 'object' && value !== null && 'placement' in value ? value.placement : undefined
  return wordOf(at(placement, 'bundle.placement'), placements)
}

function readFront(value: unknown): FrontBundle {
  const from = fieldsOf(at(value, 'bundle'), common)
  return { ...readCommon(from), placement: wordOf(from.placement, ['front']) }
}

function readAttested(value: unknown): AttestedBundle {
  const from = fieldsOf(at(value, 'bundle'), attested)
  return {
    ...readCommon(from),
    placement: wordOf(from.placement, ['inside', 'sealed']),
    policy: textOf(from.policy),
    policyProof: textOf(from.policyProof),
    statement: textOf(from.statement),
    cvms: listOf(from.cvms, maxCvms, 1).map(readCvm),
  }
}

function readCommon(from: Readonly<Record<(typeof common)[number], At>>): Common {
  return {
    serial: integerOf(from.serial, 1),
    notBefore: timeOf(from.notBefore),
    notAfter: timeOf(from.notAfter),
    keys: bytesOf(from.keys),
    roots: listOf(from.roots, maxRoots).map(textOf),
  }
}

function readCvm(from: At): CvmEntry {
  const fields = fieldsOf(from, entry)
  const keyConfig = bytesOf(fields.keyConfig)
  const id = digestOf(fields.id, 8)
  if (id !== cvmId(keyConfig)) throw new Refusal('bundle-mismatch', `${from.path}.id is not that of its key`)
  return {
    id,
    layer: wordOf(fields.layer, ['outer', 'inner']),
    keyConfig,
    evidence: readEvidence(fields.evidence),
    anchor: textOf(fields.anchor),
    notBefore: timeOf(fields.notBefore),
    notAfter: timeOf(fields.notAfter),
    policySha256: digestOf(fields.policySha256),
    proof: textOf(fields.proof),
  }
}

function cvmJson(cvm: CvmEntry): unknown {
  return {
    ...cvm,
    keyConfig: base64(cvm.keyConfig),
    evidence: evidenceJson(cvm.evidence),
    notBefore: timeText(cvm.notBefore),
    notAfter: timeText(cvm.notAfter),
  }
}

/** At most a day, and no longer than the earliest key that it carries. */
function checkLife(bundle: Bundle): void {
  const { notBefore, notAfter } = bundle
  if (notAfter <= notBefore || notAfter - notBefore > maxBundleLife) {
    throw new Refusal('bundle-expired', 'a bundle lives for more than nothing and at most 24 h')
  }
  const cvms = bundle.placement === 'front' ? [] : bundle.cvms
  if (new Set(cvms.map(({ id }) => id)).size !== cvms.length) throw new Refusal('bundle-mismatch', 'one key twice')
  if (cvms.some((cvm) => cvm.notAfter < notAfter)) throw new Refusal('bundle-expired', 'it outlives one of its keys')
}
