/**
 * The vocabulary of the privacy lab, the same at every level: simulated (L0), processes on loopback (L1), namespaces (L2),
 * remote operators (L3). privacy.md 1.4, 2.2, 2.14. A level makes trials and observations; probes turn them into
 * measurements; gates turn those into results.
 */
import type { Interval } from './stats/bootstrap.ts'

export type { Interval }

/** Who sees. privacy.md 1.1; unions of them collude. */
export const parties = ['NC', 'R', 'MR', 'NR', 'G', 'MG', 'H', 'V', 'K', 'I', 'A', 'DNS', 'X'] as const
export type Party = (typeof parties)[number]

export const sources = ['wire', 'log', 'metric', 'error', 'heap', 'report'] as const
export type Source = (typeof sources)[number]

/** One thing that one party saw. The octets themselves stay where they were recorded: `bytesRef` says where. */
export type Observation = {
  readonly party: Party
  readonly source: Source
  /** milliseconds on the clock of the tap that made it */
  readonly t: number
  /** row of the observation matrix, such as F01; absent for raw material that a scanner still has to read */
  readonly fieldId?: string
  /** file and offset, or index in a recording */
  readonly bytesRef: string
}

/** One length, and what became of it on the way: `raw` is what nobody on a link may learn. All in octets. */
export type Sizes = {
  /** sealed but not padded */
  readonly raw: number
  /** on link A, between client and relay */
  readonly a: number
  /** on link B, between relay and gateway */
  readonly b: number
}

/**
 * One exchange of a synthetic client: what is known because we made it, and what somebody who watches links A and B saw
 * of it (tier T3). Times are milliseconds; a live level puts the tap's clock here, the simulation its own.
 */
export type Trial = {
  readonly client: number
  /** the class that an attacker wants to know, from 0 */
  readonly intent: number
  readonly request: Sizes
  readonly response: Sizes
  readonly times: {
    /** request on link A */
    readonly in: number
    /** request on link B */
    readonly out: number
    /** answer on link B, complete */
    readonly resp: number
    /** answer on link A, complete */
    readonly back: number
  }
  /** connection on link B that carried it */
  readonly upstream: number
}

/** Trials that an attacker matches among each other; windows are independent, trials inside one are not. */
export type Window = readonly Trial[]

/** Something of `octets` octets at `t` milliseconds. */
export type Piece = { readonly t: number; readonly octets: number }

/** One streamed answer: the tokens as the CVM made them, and the pieces that passed links B and A. */
export type StreamTrial = {
  readonly topic: number
  /** when the stream began, milliseconds */
  readonly start: number
  readonly tokens: readonly Piece[]
  readonly b: readonly Piece[]
  readonly a: readonly Piece[]
}

/** One minute of readings of a page or a log: 61 values of a counter, and the second in which one client sent (0 to 59). */
export type Minute = { readonly readings: readonly number[]; readonly second: number }

/** A message that was sent again and again: which one, and its lengths on link A. */
export type Repeated = { readonly message: number; readonly lengths: readonly number[] }

/**
 * What a level observed of one pair, raw, for every test that can use it; `factor` asks for so many times the usual
 * amount, or a part of it. What a level cannot observe it leaves out, and those tests are not run there.
 */
export type Material = {
  /** exchanges one by one, for what lengths tell */
  readonly messages?: (factor: number) => readonly Trial[]
  /** a known set of messages, each repeated; first one to learn from, then one to attack */
  readonly repeats?: (factor: number) => { readonly known: readonly Repeated[]; readonly seen: readonly Repeated[] }
  /** at this many requests a second: windows to match, and the attacker's own exchanges */
  readonly windows?: (
    rate: number,
    factor: number,
  ) => { readonly windows: readonly Window[]; readonly probes: readonly Trial[] }
  readonly rates?: readonly number[]
  readonly streams?: (factor: number) => readonly StreamTrial[]
  /** streams that go on at the same time: all begun at once, or over two seconds */
  readonly together?: (starts: 'at once' | 'spread', factor: number) => readonly (readonly StreamTrial[])[]
  readonly minutes?: (of: 'metrics' | 'log', factor: number) => readonly Minute[]
}

/** Adversary tiers, privacy.md 1.3. */
export type Tier = 'T1' | 'T2' | 'T3' | 'T4' | 'T5'

/**
 * What a measurement is held to. `exactly` is for counts that have no chance in them; `at-most` and `within` (the absolute
 * value) are judged by evidence; `report` is measured and claimed by nobody.
 */
export type Gate =
  | { readonly kind: 'exactly'; readonly threshold: number }
  | { readonly kind: 'at-most'; readonly threshold: number }
  | { readonly kind: 'within'; readonly threshold: number }
  | { readonly kind: 'report' }

/** One-sided p values: that the true value is at most (`over`) or at least (`under`) the threshold. Small ones reject. */
export type Evidence = { readonly over: number; readonly under: number }

/** What a probe found, before it is judged beside the others of its run. */
export type Measurement = {
  /** stable, such as `timing.request` */
  readonly id: string
  readonly tier: Tier
  /** what the estimate is, in words, with its unit */
  readonly metric: string
  /** how many observations it rests on */
  readonly n: number
  readonly estimate: number
  /** 95 percent, not corrected for other tests; both ends the estimate where nothing is random */
  readonly ci: Interval
  /** what it would be if nothing leaked beyond the design: chance, or the floor of a mix */
  readonly null: number
  readonly gate: Gate
  /** for gates `at-most` and `within` */
  readonly evidence?: Evidence
  /** why the estimate must not be believed whatever it is; makes the verdict inconclusive */
  readonly doubt?: string
  /** figures to read beside it, by name */
  readonly besides?: Readonly<Record<string, number>>
}

export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'report'

/** A planted leak, and whether this test saw it at the same sample size. A test without such a proof of life passes nothing. */
export type PositiveControl = { readonly mutant: string; readonly caught: boolean }

/** One row of a report. privacy.md 2.14. */
export type TestResult = {
  readonly id: string
  readonly tier: Tier
  readonly metric: string
  readonly n: number
  readonly estimate: number
  readonly ci: Interval
  readonly null: number
  /** null for tests that only report */
  readonly threshold: number | null
  readonly verdict: Verdict
  readonly positiveControl: readonly PositiveControl[]
  readonly doubt?: string
  readonly besides?: Readonly<Record<string, number>>
}

/** One planted leak after its run: `test` is the row that had to fail. */
export type MutantOutcome = {
  readonly name: string
  /** what was done to the pair, in words */
  readonly leak: string
  readonly test: string
  readonly caught: boolean
  readonly estimate: number
  readonly threshold: number
}

/** What a page of plots needs, as plain numbers. privacy.md 2.14. */
export type Plot = {
  /** stable, such as `timing.rate` */
  readonly id: string
  readonly title: string
  readonly n: number
  readonly x: string
  readonly y: string
} & (
  | { readonly kind: 'lines'; readonly scale?: 'log'; readonly lines: readonly Line[] }
  | { readonly kind: 'grid'; readonly values: readonly (readonly number[])[] }
)

/** `dots` for what no line joins; `bound` for floors, chance and limits. */
export type Line = {
  readonly name: string
  readonly as: 'line' | 'steps' | 'dots' | 'bound'
  readonly points: readonly (readonly [number, number])[]
}
