/** What a signed policy says, and the rules that every one obeys whoever signed it. attestation.md d.1, trust.md 1. */
import { Refusal } from '../refusal.ts'
import { at, integerOf, listOf, textOf, timeOf, wrong, type At } from '../tlog/json-fields.ts'
import { every, optionsOf } from '../tlog/json-options.ts'
import { isRole } from './report-data.ts'
import { rootFieldNames } from './root-fields.ts'
import { durationOf, readCrlPolicy, readSnpPolicy } from './sev-snp/policy-json.ts'
import { defaultSkew, strictCrl, type CrlPolicy, type SnpPolicy } from './sev-snp/policy.ts'
import { readTdxPolicy } from './tdx/policy-json.ts'
import type { TdxPolicy } from './tdx/policy.ts'

/** Times and durations in milliseconds, times in whole seconds since 1970. */
export type PolicyFields = {
  readonly version: number
  readonly serial: number
  readonly notBefore: number
  readonly notAfter: number
  readonly role: string
  /** without it, SEV-SNP evidence is refused */
  readonly snp?: SnpPolicy | undefined
  /** without it, TDX evidence is refused */
  readonly tdx?: TdxPolicy | undefined
  readonly collateral: CrlPolicy
  /** an anchor is fresh until then; how long it is stale after that is not a policy's to say */
  readonly log: { readonly maxCosignatureAge: number }
  readonly binding: BindingRules
  readonly clockSkew: number
}

export type BindingRules = {
  readonly kinds: readonly number[]
  readonly maxKeyLife: number
  readonly maxConnAge: number
  readonly nonceTtl: number
}

const [second, hour] = [1000, 3_600_000]

/** Milliseconds. What a policy leaves out is this; what it says may be less and never more. */
export const policyLimits = {
  life: 7 * 24 * hour,
  maxCosignatureAge: 26 * hour,
  maxKeyLife: 24 * hour,
  maxConnAge: hour,
  nonceTtl: 60 * second,
  clockSkew: defaultSkew,
} as const

/** What only a root may say, at whatever depth; simulated evidence is the caller's own word (trust.md 7). */
const alsoInPolicies = ['version', 'notAfter', 'chips']
const beyondPolicies: readonly string[] = [
  ...rootFieldNames.filter((name) => !alsoInPolicies.includes(name)),
  ...['origin', 'signers', 'allowSimulated', 'simulated'],
]

/** An entry's end and build are words of a log's leaf: without them nothing could be proven (trust.md 4). */
const entryDefaults = { minGuestSvn: 0, hostData: undefined }
const tdEntryDefaults = { rtmr: undefined, mrConfigId: undefined }

/** Refuses with every mistake that it finds (`refusalsOf`), each with its path. */
export function readPolicyFields(value: unknown): PolicyFields {
  const from = at(value, 'policy')
  const works: readonly (() => PolicyFields | undefined)[] = [() => checkBounds(from), () => readFields(from)]
  const [policy] = every(works).filter((one) => one !== undefined)
  if (policy === undefined) throw new TypeError('every work gives its value')
  every([() => checkLife(policy), () => checkMeasurements(policy)])
  return policy
}

function readFields(from: At): PolicyFields {
  const { maxCosignatureAge, maxKeyLife, maxConnAge, nonceTtl, clockSkew } = policyLimits
  const log = { maxCosignatureAge }
  const binding = { kinds: [1, 2], maxKeyLife, maxConnAge, nonceTtl }
  return optionsOf<PolicyFields>(
    from,
    {
      version: (one) => integerOf(one, 1, 1),
      serial: (one) => integerOf(one, 1),
      notBefore: timeOf,
      notAfter: timeOf,
      role: roleOf,
      snp: (one) => readSnpPolicy(one, entryDefaults),
      tdx: (one) => readTdxPolicy(one, tdEntryDefaults),
      collateral: readCrlPolicy,
      log: (one) => optionsOf(one, { maxCosignatureAge: atMost(maxCosignatureAge) }, log),
      binding: (one) =>
        optionsOf(
          one,
          {
            kinds: (list) => listOf(list, 2).map((kind) => integerOf(kind, 1, 2)),
            maxKeyLife: atMost(maxKeyLife),
            maxConnAge: atMost(maxConnAge),
            nonceTtl: atMost(nonceTtl),
          },
          binding,
        ),
      clockSkew: atMost(clockSkew),
    },
    { snp: undefined, tdx: undefined, collateral: strictCrl, log, binding, clockSkew },
  )
}

function checkBounds(from: At): undefined {
  const { value, path } = from
  if (typeof value !== 'object' || value === null) return undefined
  const entries = Object.entries(value).map(([key, one]: [string, unknown]) => () => {
    const place = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`
    if (beyondPolicies.includes(key)) {
      throw new Refusal('policy-widens', `${place} belongs to the trust root or to the caller: leave it out`)
    }
    checkBounds(at(one, place))
  })
  every(entries)
  return undefined
}

function checkLife({ notBefore, notAfter }: PolicyFields): void {
  if (notAfter > notBefore && notAfter - notBefore <= policyLimits.life) return
  throw new Refusal('policy-expired', 'policy.notAfter must be after policy.notBefore, by at most 7 days')
}

/** The judge takes the first entry for a digest: a second one would be obeyed by nobody. */
function checkMeasurements({ snp, tdx }: PolicyFields): void {
  const digests = snp?.measurements.map(({ digest }) => digest) ?? []
  // One firmware carries many images: only with the same image and settings is it the same.
  const tds = tdx?.mrtd.map(({ digest, rtmr, mrConfigId }) => JSON.stringify([digest, rtmr, mrConfigId])) ?? []
  every([
    ...digests.map((_, index) => () => checkAlone(digests, index, `policy.snp.measurements[${index}].digest`)),
    ...tds.map((_, index) => () => checkAlone(tds, index, `policy.tdx.mrtd[${index}]`)),
  ])
}

function checkAlone(names: readonly string[], index: number, path: string): void {
  const name = names[index] ?? ''
  if (names.indexOf(name) !== index) throw wrong(at(name, path), 'one that no other entry has')
}

/** A line of a log's leaf, so it holds no line feed. */
function roleOf(from: At): string {
  const role = textOf(from)
  if (!isRole(role)) throw wrong(from, 'one line of 1 to 255 bytes, each character of it visible')
  return role
}

function atMost(limit: number): (from: At) => number {
  return (from) => {
    const duration = durationOf(from)
    if (duration <= limit) return duration
    throw new Refusal('policy-widens', `${from.path} must be at most ${limit / second} s`)
  }
}
