/** What a trust root is made of, as options: the same for a first one and for the next. trust.md 1. */
import type { ParseArgsOptionsConfig } from 'node:util'
import { chipModes, placements, type Log, type RootFields, type Witness } from '../../attestation/root-fields.ts'
import { products } from '../../attestation/sev-snp/products.ts'
import type { VerifierKey } from '../../tlog/key.ts'
import { UsageError, type World } from './command.ts'
import { wholeNumber, wholeSecond, wordFrom } from './output.ts'
import { verifierFrom } from './signing.ts'

const many = { type: 'string', multiple: true } as const
const one = { type: 'string' } as const

export const rootOptions = {
  'root-key': many,
  'root-threshold': one,
  'bundle-key': many,
  'policy-key': many,
  'policy-threshold': one,
  'timestamp-key': many,
  log: many,
  witness: many,
  quorum: one,
  vendor: many,
  chips: one,
  placement: many,
  'min-policy-serial': one,
  days: one,
} as const satisfies ParseArgsOptionsConfig

export const rootHelp = `What the root says; KEY is what trust keygen printed, or a file that holds it:
  --root-key KEY          who may replace this root (repeat for each)
  --root-threshold N      how many of them it takes (default: more than half)
  --bundle-key KEY        who signs key bundles (repeat while one follows another)
  --policy-key KEY        who signs policies (repeat for each)
  --policy-threshold N    how many of them it takes (default: more than half)
  --timestamp-key KEY     who states the current policy serial; held neither by relay nor by gateway
  --log ORIGIN=KEY        a transparency log
  --witness NAME=KEY      a witness key and the operator it belongs to, neither relay nor gateway
  --quorum N              how many witness operators must have seen a tree (default: 3)
  --vendor WORD           whose machines: genoa, turin, milan, or SHA-256 of the vendor root's DER
  --chips WORD            the widest that a policy may say: allowlist, log, any (default: allowlist)
  --placement WORD        front, inside, sealed (default: inside and sealed with a log, front without)
  --min-policy-serial N   policies below are refused for ever (default: 1)
  --days N                until the root ends (default: 365 in production, 90 in development)`

export type RootValues = {
  readonly [K in keyof typeof rootOptions]?: (typeof rootOptions)[K] extends { multiple: true } ? string[] : string
}

const day = 86_400_000
const lives = { production: 365, development: 90 }

/** What was said; the rest is left to the caller. */
export async function rootChanges(given: RootValues, world: World): Promise<Partial<RootFields>> {
  const logs = given.log && (await Promise.all(given.log.map((value) => logFrom(value, world))))
  const witnesses = given.witness && (await Promise.all(given.witness.map((value) => witnessFrom(value, world))))
  const placed = given.placement?.map((value) => wordFrom('placement', value, placements))
  const changes = {
    rootKeys: await keysFrom('root-key', given, world),
    rootThreshold: countFrom('root-threshold', given, 1),
    bundleKeys: await keysFrom('bundle-key', given, world),
    policyKeys: await keysFrom('policy-key', given, world),
    policyThreshold: countFrom('policy-threshold', given, 1),
    timestampKeys: await keysFrom('timestamp-key', given, world),
    logs,
    witnesses,
    quorum: countFrom('quorum', given, 0),
    vendorRoots: given.vendor?.map(vendorFrom),
    chips: given.chips === undefined ? undefined : wordFrom('chips', given.chips, chipModes),
    placements: placed,
    minPolicySerial: countFrom('min-policy-serial', given, 0),
  }
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

export function endOf(use: RootFields['use'], days: string | undefined, world: World): number {
  const count = days === undefined ? lives[use] : wholeNumber('days', days, [1, 3660])
  return wholeSecond(world.now() + count * day)
}

/** More than half, so that two halves cannot say two things. */
export function majority(of: readonly unknown[]): number {
  return Math.floor(of.length / 2) + 1
}

type KeyOption = 'root-key' | 'bundle-key' | 'policy-key' | 'timestamp-key'

async function keysFrom(option: KeyOption, given: RootValues, world: World): Promise<VerifierKey[] | undefined> {
  return given[option] && Promise.all(given[option].map((value) => verifierFrom(option, value, world)))
}

function countFrom(
  option: 'root-threshold' | 'policy-threshold' | 'quorum' | 'min-policy-serial',
  given: RootValues,
  least: number,
): number | undefined {
  const value = given[option]
  return value === undefined ? undefined : wholeNumber(option, value, [least, Number.MAX_SAFE_INTEGER])
}

async function logFrom(value: string, world: World): Promise<Log> {
  const [origin, key] = pair('log', value)
  return { origin, key: await verifierFrom('log', key, world) }
}

async function witnessFrom(value: string, world: World): Promise<Witness> {
  const [operator, key] = pair('witness', value)
  return { operator, key: await verifierFrom('witness', key, world) }
}

function pair(option: string, value: string): readonly [string, string] {
  const at = value.indexOf('=')
  if (at < 1) throw new UsageError(`--${option}: a name, then =, then its key`)
  return [value.slice(0, at), value.slice(at + 1)]
}

function vendorFrom(value: string): string {
  const row = Object.values(products).find(({ name }) => name.toLowerCase() === value.toLowerCase())
  if (row !== undefined) return row.root
  if (/^[0-9a-f]{64}$/.test(value)) return value
  throw new UsageError('--vendor: genoa, turin, milan, or 64 digits of lower-case hex')
}
