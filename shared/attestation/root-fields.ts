/** What a trust root says, and the rules that every one obeys whoever signed it. trust.md 1. */
import { hex } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import {
  at,
  digestOf,
  fieldsOf,
  integerOf,
  listOf,
  named,
  textOf,
  timeOf,
  timeText,
  wordOf,
} from '../tlog/json-fields.ts'
import { saysDevelopment } from '../tlog/development.ts'
import type { At } from '../tlog/json-fields.ts'
import { parseKey, type KeyKind, type VerifierKey } from '../tlog/key.ts'
import type { TrustUse } from './verdict.ts'

export const placements = ['front', 'inside', 'sealed'] as const
/** Where the key lives that opens a request: named by the caller, never inferred. trust.md 3. */
export type Placement = (typeof placements)[number]

export const chipModes = ['allowlist', 'log', 'any'] as const
export type ChipMode = (typeof chipModes)[number]

export type Log = { readonly origin: string; readonly key: VerifierKey }
/** The quorum counts operators, so one operator with two keys is one. */
export type Witness = { readonly operator: string; readonly key: VerifierKey }

export type RootFields = {
  readonly version: number
  readonly use: TrustUse
  /** milliseconds since 1970, whole seconds */
  readonly notAfter: number
  readonly rootKeys: readonly VerifierKey[]
  readonly rootThreshold: number
  readonly bundleKeys: readonly VerifierKey[]
  readonly policyKeys: readonly VerifierKey[]
  readonly policyThreshold: number
  readonly timestampKeys: readonly VerifierKey[]
  readonly logs: readonly Log[]
  readonly witnesses: readonly Witness[]
  /** distinct operators; 0 exactly where there are no witnesses */
  readonly quorum: number
  /** lower-case hex: SHA-256 of each vendor root's DER */
  readonly vendorRoots: readonly string[]
  readonly minPolicySerial: number
  readonly chips: ChipMode
  readonly placements: readonly Placement[]
}

export const rootFieldNames = [
  'version',
  'use',
  'notAfter',
  'rootKeys',
  'rootThreshold',
  'bundleKeys',
  'policyKeys',
  'policyThreshold',
  'timestampKeys',
  'logs',
  'witnesses',
  'quorum',
  'vendorRoots',
  'minPolicySerial',
  'chips',
  'placements',
] as const satisfies (keyof RootFields)[]

const maxEntries = 64

export function readRootFields(value: unknown): RootFields {
  const from = fieldsOf(at(value, 'root'), rootFieldNames)
  const root: RootFields = {
    version: integerOf(from.version, 1),
    use: wordOf(from.use, ['production', 'development']),
    notAfter: timeOf(from.notAfter),
    rootKeys: keysOf(from.rootKeys),
    rootThreshold: integerOf(from.rootThreshold, 1),
    bundleKeys: keysOf(from.bundleKeys),
    policyKeys: keysOf(from.policyKeys),
    policyThreshold: integerOf(from.policyThreshold, 1),
    timestampKeys: keysOf(from.timestampKeys),
    logs: listOf(from.logs, maxEntries).map(logOf),
    witnesses: listOf(from.witnesses, maxEntries).map(witnessOf),
    quorum: integerOf(from.quorum),
    vendorRoots: listOf(from.vendorRoots, maxEntries).map((one) => digestOf(one)),
    minPolicySerial: integerOf(from.minPolicySerial),
    chips: wordOf(from.chips, chipModes),
    placements: listOf(from.placements, placements.length, 1).map((one) => wordOf(one, placements)),
  }
  checkRules(root)
  return root
}

/** The JSON value that readRootFields reads back. */
export function rootJson(root: RootFields): unknown {
  const keys = (list: readonly VerifierKey[]) => list.map((key) => key.text)
  return {
    // Only our own names: a TrustRoot that is being succeeded carries its note as well.
    ...Object.fromEntries(rootFieldNames.map((name) => [name, root[name]])),
    notAfter: timeText(root.notAfter),
    rootKeys: keys(root.rootKeys),
    bundleKeys: keys(root.bundleKeys),
    policyKeys: keys(root.policyKeys),
    timestampKeys: keys(root.timestampKeys),
    logs: root.logs.map(({ origin, key }) => ({ origin, key: key.text })),
    witnesses: root.witnesses.map(({ operator, key }) => ({ operator, key: key.text })),
  }
}

function checkRules(root: RootFields): void {
  demand(root.rootThreshold <= root.rootKeys.length, 'rootThreshold is more than there are keys')
  demand(root.policyThreshold <= root.policyKeys.length, 'policyThreshold is more than there are keys')
  demand(distinct(root.placements), 'a placement twice')
  demand(distinct(root.vendorRoots), 'a vendor root twice')
  demand(distinct(root.logs.map(({ origin }) => origin)), 'an origin twice')
  checkKeys(root)
  checkWitnesses(root)
  checkUse(root)
}

/** One key, one task: a threshold must count people, and no stolen key may serve twice (trust.md 1, the table). */
function checkKeys(root: RootFields): void {
  const own = [...root.rootKeys, ...root.bundleKeys, ...root.policyKeys, ...root.timestampKeys]
  const all = [...own, ...root.logs.map(({ key }) => key), ...root.witnesses.map(({ key }) => key)]
  demand(distinct(all.map((key) => hex(key.publicKey))), 'one public key in two places')
  demand(distinct(all.map((key) => `${key.name}+${key.id}`)), 'two keys share name and id')
}

function checkWitnesses(root: RootFields): void {
  const operators = new Set(root.witnesses.map(({ operator }) => operator)).size
  const logged = root.logs.length > 0 && operators > 0
  const frontOnly = root.placements.every((placement) => placement === 'front')
  demand(logged || frontOnly, 'logs and witnesses may be empty only if placements is ["front"]')
  demand(root.quorum <= operators, 'quorum is more than there are operators')
  demand(root.quorum >= 1 || operators === 0, 'quorum is at least 1')
}

/** A development log proves nothing to anybody but its maker, so a production root does not name one. trust.md 7. */
function checkUse({ use, logs, witnesses }: RootFields): void {
  const names = [
    ...logs.flatMap(({ origin, key }) => [origin, key.name]),
    ...witnesses.flatMap(({ operator, key }) => [operator, key.name]),
  ]
  demand(use === 'development' || !names.some(saysDevelopment), 'a production root names a development log or witness')
}

function keysOf(from: At): readonly VerifierKey[] {
  return listOf(from, maxEntries, 1).map((one) => keyOf(one, ['note']))
}

function logOf(from: At): Log {
  const fields = fieldsOf(from, ['origin', 'key'])
  return { origin: nameOf(fields.origin), key: keyOf(fields.key, ['note']) }
}

function witnessOf(from: At): Witness {
  const fields = fieldsOf(from, ['operator', 'key'])
  return { operator: nameOf(fields.operator), key: keyOf(fields.key, ['cosignature', 'mldsaCosignature']) }
}

function keyOf(from: At, kinds: readonly KeyKind[]): VerifierKey {
  const key = named(from, () => parseKey(textOf(from)))
  if (!kinds.includes(key.kind)) throw new Refusal('bad-trust-root', `${from.path} is a key of kind ${key.kind}`)
  return key
}

function nameOf(from: At): string {
  const name = textOf(from)
  demand(name !== '' && !/[\p{Cc}]/u.test(name), `${from.path} is not a name`)
  return name
}

function distinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length
}

function demand(holds: boolean, rule: string): void {
  if (!holds) throw new Refusal('bad-trust-root', rule)
}
