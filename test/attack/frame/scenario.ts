/**
 * What a scenario is: who does what to whom, what a correct pair shows, and how we know that the experiment could have
 * come out otherwise. privacy.md 3.
 */
import type { Stage } from './stage.ts'

export const groups = {
  P: 'passive network',
  N: 'active network',
  R: 'malicious relay',
  G: 'malicious gateway operator',
  C: 'malicious client',
  H: 'CVM host, insider, attestation',
  S: 'supply chain, sybils, floods, collusion',
  X: 'against the sealed exchange',
} as const
export type Group = keyof typeof groups

/** How bad it would be: 8 names a person or a prompt, 4 links requests or breaks trust, 2 helps to, 1 is a nuisance. */
export type Severity = 8 | 4 | 2 | 1

export const outcomes = {
  BLOCKED: 'refused as specified',
  CONTAINED: 'works on availability only; nothing is linked, nothing is read',
  DETECTED: 'works, and the specified event or refusal appears',
  EXPOSED: 'works, and nobody is told',
  INCONCLUSIVE: 'the precondition or the control was not met',
} as const
export type Outcome = keyof typeof outcomes

/** B: this outcome and no other. T: a measure within its gate. D: must be detected. R: a number to report. */
export type ScoreKind = 'B' | 'T' | 'D' | 'R'

export const placements = ['front', 'inside', 'sealed'] as const
export type Placement = (typeof placements)[number]
export const profiles = ['direct', 'mixed', 'paced', 'horizon'] as const
export type Profile = (typeof profiles)[number]

export type Measure = {
  /** what the number is, with its unit */
  readonly metric: string
  readonly value: number
  readonly n: number
  /** 95 percent */
  readonly ci?: readonly [low: number, high: number]
  /** most that passes; absent for numbers that are only reported */
  readonly gate?: number
}

export type Finding = { readonly outcome: Outcome; readonly says: string; readonly measure?: Measure }

export type Scenario = {
  /** a letter of the group and two digits */
  readonly id: string
  readonly title: string
  readonly severity: Severity
  readonly score: ScoreKind
  /** what the attacker has */
  readonly given: string
  /** what the attacker does */
  readonly does: string
  /** what a correct pair shows */
  readonly shows: string
  /** outcomes that a correct pair may have; never EXPOSED, never INCONCLUSIVE */
  readonly expects: readonly Outcome[]
  /** In the first of these it runs unless the caller names one. */
  readonly placements: readonly Placement[]
  readonly profiles: readonly Profile[]
  /** Under a second, exact, and exposed by a naive pair: fit for every commit. */
  readonly quick?: boolean
  /** Why there is nothing for a naive pair to get wrong; absent: a naive pair must be EXPOSED. */
  readonly withoutNaive?: string
  /** The parts of a pair that it attacks: with all others, a foreign pair needs only these. */
  readonly subject: readonly Part[]
  /** The same traffic without the attack. Throws if it does not succeed. */
  readonly control: (stage: Stage) => Promise<void>
  readonly attack: (stage: Stage) => Promise<Finding>
}

export const parts = ['client', 'relay', 'gateway', 'cvm'] as const
export type Part = (typeof parts)[number]

export const everywhere = { placements, profiles } as const
/** The only placement in which the gateway opens requests, and so the one in which it can get them wrong. */
export const inFront = { placements: ['front'], profiles } as const

export function groupOf({ id }: Pick<Scenario, 'id'>): Group {
  const letter = id.slice(0, 1)
  if (!Object.hasOwn(groups, letter) || !/^[A-Z]\d\d$/.test(id)) throw new TypeError(`${id}: not an id of a scenario`)
  return letter as Group
}

const found =
  (outcome: Outcome) =>
  (says: string, measure?: Measure): Finding => ({ outcome, says, ...(measure === undefined ? {} : { measure }) })

export const blocked = found('BLOCKED')
export const contained = found('CONTAINED')
export const detected = found('DETECTED')
export const exposed = found('EXPOSED')
export const inconclusive = found('INCONCLUSIVE')
