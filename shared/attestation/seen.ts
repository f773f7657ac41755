/**
 * What a verifier must not forget: a small value that only grows. Client and gateway store it where they can; without
 * a store it guards one life of the process. trust.md 2 and 6, attestation.md d.1.
 */
import { fromHex, hex } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { checkSuccession, type TreeHead } from '../tlog/checkpoint.ts'
import { at, digestOf, integerOf, wrong, type At } from '../tlog/json-fields.ts'
import { every, objectOf, optionsOf } from '../tlog/json-options.ts'
import { checkClock } from '../tlog/policy.ts'
import { productNames, type Product } from './sev-snp/products.ts'

export type Seen = {
  /** the highest serial of a bundle; -1: none */
  readonly serial: number
  /** by role: the highest serial that a policy or a statement had, and the time of the newest statement */
  readonly policies: Readonly<Record<string, PolicySeen>>
  /** by origin: the newest tree in which a policy was shown */
  readonly checkpoints: Readonly<Record<string, TreeSeen>>
  /** the newest cosignature of any checkpoint: no good clock is older */
  readonly newest: number
  /** the highest number of each product's revocation list */
  readonly crlNumbers: Readonly<Partial<Record<Product, number>>>
  /** the highest number of a round of Intel's TCB ratings; 0: none */
  readonly tcbEvaluationDataNumber: number
}

/** `time`: milliseconds since 1970. */
export type PolicySeen = { readonly serial: number; readonly time: number }
/** `root`: lower-case hex. */
export type TreeSeen = { readonly size: number; readonly root: string }

export const nothingSeen: Seen = {
  serial: -1,
  policies: {},
  checkpoints: {},
  newest: 0,
  crlNumbers: {},
  tcbEvaluationDataNumber: 0,
}

/** A clock that is older than what witnesses have signed is wrong, and then no age means anything. trust.md 6. */
export function checkSeenClock({ newest }: Seen, now: number, skew: number): void {
  checkClock(newest, { now, skew })
}

export function policySeen({ policies }: Seen, role: string): PolicySeen {
  return Object.hasOwn(policies, role) ? (policies[role] ?? nonePolicy) : nonePolicy
}

/** Refuses `checkpoint-rolled-back` or `split-view`: only for trees that follow one another, as those of policies do. */
export function checkSeenTree({ checkpoints }: Seen, tree: TreeHead): void {
  const last = headOf(checkpoints, tree.origin)
  if (last !== undefined) checkSuccession(last, tree)
}

/** Refuses `split-view` alone: the tree of an older proof is no rollback, since proofs do not age. */
export function checkSeenSplit({ checkpoints }: Seen, tree: TreeHead): void {
  const last = headOf(checkpoints, tree.origin)
  if (last !== undefined && last.size === tree.size) checkSuccession(last, tree)
}

/** With everything that `other` knows more. Refuses `split-view` where both saw one size with two roots. */
export function joined(own: Seen, other: Partial<Seen>): Seen {
  const more = { ...nothingSeen, ...other }
  return {
    serial: Math.max(own.serial, more.serial),
    policies: combined(own.policies, more.policies, (a, b) => ({
      serial: Math.max(a.serial, b.serial),
      time: Math.max(a.time, b.time),
    })),
    checkpoints: combined(own.checkpoints, more.checkpoints, largerTree),
    newest: Math.max(own.newest, more.newest),
    crlNumbers: combined(own.crlNumbers, more.crlNumbers, (a, b) => Math.max(a, b)),
    tcbEvaluationDataNumber: Math.max(own.tcbEvaluationDataNumber, more.tcbEvaluationDataNumber),
  }
}

/** True if nothing that `other` knows of bundles and policies is newer than what `own` knows. */
export function covers(own: Seen, other: Seen): boolean {
  const roles = Object.keys(other.policies)
  const newer = roles.some((role) => policySeen(own, role).serial < policySeen(other, role).serial)
  return own.serial >= other.serial && !newer
}

/** What `treeSeen` is of a checkpoint that was verified. */
export function treeSeen({ origin, size, root }: TreeHead): Seen['checkpoints'] {
  return { [origin]: { size, root: hex(root) } }
}

/** Only what there is: who never saw a policy stores nothing about policies. */
export function seenJson({ serial, policies, checkpoints, crlNumbers, ...numbers }: Seen): Partial<Seen> {
  const { newest, tcbEvaluationDataNumber } = numbers
  const full = Object.entries({ policies, checkpoints, crlNumbers }).filter(([, map]) => Object.keys(map).length > 0)
  const known = Object.entries({ newest, tcbEvaluationDataNumber }).filter(([, number]) => number > 0)
  return { serial, ...Object.fromEntries(full), ...Object.fromEntries(known) }
}

/** What seenJson gave; what is left out was never seen. */
export function readSeen(from: At): Seen {
  const whole = (value: At): number => integerOf(value)
  return optionsOf<Seen>(
    from,
    {
      serial: (value) => integerOf(value, -1),
      policies: (value) => mapOf(value, (one) => optionsOf(one, { serial: whole, time: whole }, {})),
      checkpoints: (value) =>
        mapOf(value, (one) => optionsOf(one, { size: whole, root: (root) => digestOf(root) }, {})),
      newest: whole,
      crlNumbers: (value) => {
        const stranger = Object.keys(objectOf(value)).find((key) => !productNames.some((name) => name === key))
        if (stranger !== undefined) throw wrong(at(value, `${value.path}.${stranger}`), 'a product')
        return mapOf(value, whole)
      },
      tcbEvaluationDataNumber: whole,
    },
    nothingSeen,
  )
}

const nonePolicy: PolicySeen = { serial: 0, time: 0 }

function headOf(checkpoints: Seen['checkpoints'], origin: string): TreeHead | undefined {
  const last = Object.hasOwn(checkpoints, origin) ? checkpoints[origin] : undefined
  return last && { origin, size: last.size, root: fromHex(last.root) }
}

function largerTree(a: TreeSeen, b: TreeSeen): TreeSeen {
  if (a.size === b.size && a.root !== b.root) {
    throw new Refusal('split-view', `two trees of ${a.size}: keep both checkpoints as evidence`)
  }
  return a.size >= b.size ? a : b
}

function combined<T>(
  own: Readonly<Record<string, T>>,
  more: Readonly<Record<string, T>>,
  join: (a: T, b: T) => T,
): Readonly<Record<string, T>> {
  const entries = Object.entries(more).map(([key, value]): [string, T] => {
    const mine = Object.hasOwn(own, key) ? own[key] : undefined
    return [key, mine === undefined ? value : join(mine, value)]
  })
  return Object.fromEntries([...Object.entries(own), ...entries])
}

function mapOf<T>(from: At, read: (value: At) => T): Readonly<Record<string, T>> {
  const entries = Object.entries(objectOf(from)).map(([key, value]) => (): [string, T] => [
    key,
    read(at(value, `${from.path}.${key}`)),
  ])
  return Object.fromEntries(every(entries))
}
