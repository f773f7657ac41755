/**
 * Level 1 of the privacy lab: the pair as processes on loopback, watched on every link, and the planted leaks that prove
 * that the watching works. privacy.md 2.1 (L1), 2.2.
 */
import type { RandomBytes } from '../canary/canaries.ts'
import { writeCanaries } from '../canary/canaries.ts'
import type { Profile } from '../../../shared/shaping/profile.ts'
import type { Column, Placement } from '../contract.ts'
import { judge, result } from '../gate.ts'
import type { Report, ReportMutant, ReportPlot, ReportTest } from '../report/schema.ts'
import { createRng } from '../stats/rng.ts'
import { auditOf, type AuditResult, type Row } from './audit.ts'
import { auditCanaries, canaryMeasurements } from './canary-audit.ts'
import { phases, type Capture } from './capture.ts'
import { cellsOf } from './cells.ts'
import { ownContract } from '../contract.ts'
import { crowdsIn } from './mutants/crowds.ts'
import { doctorsIn, type Doctor } from './mutants/doctors.ts'
import type { LiveMutant } from './mutants/live-mutant.ts'
import { faithful } from './mutants/mutants.ts'
import { leftOutIn, mutantsIn, type LeftOut } from './mutants/placed.ts'
import { auditMutant } from './mutants/run.ts'
import { startLivePair, type LivePair } from './pair.ts'
import type { Operator } from './wiring.ts'
import { livePlots } from './plots.ts'
import { captureTarget, type Target } from './target.ts'
import { captureOf } from './run.ts'
import { ourRelay } from './subject.ts'
import { liveTests } from './tests/all.ts'
import { askAll } from './tests/live-test.ts'

export type Level1Options = {
  readonly seed: number
  readonly quick: boolean
  readonly placement: Placement
  readonly profile: Profile
  readonly wanted: (test: string) => boolean
  readonly replay: (test: string) => string
  readonly progress: (text: string) => void
  readonly keep?: boolean
  /** a pair that is not ours; ours then serves the controls alone */
  readonly target?: Target | undefined
}

export type Level1 = {
  readonly level: 1
  readonly placement: Placement
  readonly tests: readonly ReportTest[]
  readonly matrix: Report['matrix']
  readonly mutants: readonly ReportMutant[]
  readonly plots: readonly ReportPlot[]
  /** planted leaks that make no sense in this placement, and why */
  readonly leftOut: readonly LeftOut[]
  /** for operators who search what they keep */
  readonly canaries: string
}

type Size = {
  readonly clients: number
  readonly each: number
  readonly residue: readonly Operator[]
  /** where there are ticks to look at */
  readonly arrivals: number
}

/** privacy.md 2.3 and 2.13; upstream connections are several for each client. */
const sizes: Readonly<Record<'quick' | 'full', Size>> = {
  quick: { clients: 10, each: 6, residue: ['relay', 'gateway'], arrivals: 240 },
  full: { clients: 40, each: 20, residue: ['relay', 'gateway', 'cvm'], arrivals: 960 },
}
const ofMutants = { clients: 6, each: 4, arrivals: 120 }

export async function level1({
  seed,
  quick,
  placement,
  profile,
  wanted,
  replay,
  progress,
  keep = false,
  target,
}: Level1Options): Promise<Level1> {
  const size = sizes[quick ? 'quick' : 'full']
  const random = randomFrom(seed)
  const pair = await startLivePair({
    ...{ placement, profile },
    progress,
    keep,
    connections: Math.max(64, 4 * size.clients),
    links: size.clients + 8,
  })
  try {
    progress(`${String(size.clients)} clients at work`)
    const { capture, present } = await seen(pair, { ...sizeIn(profile, size), random, target })
    progress('searching what every party holds')
    const audit = auditOf(capture, present)
    const failing = new Set(failures(audit.rows))
    const asked = new Set(audit.rows.map(({ measurement }) => measurement.id))
    const proven = (test: string): boolean => wanted(test) && (target === undefined || asked.has(test))
    const mutants = await planted({ pair, capture, failing, quick, wanted: proven, progress })
    const rows = audit.rows.filter(({ measurement }) => wanted(measurement.id))
    return {
      ...{ level: 1, placement },
      tests: rows.map((row) => testOf(row, mutants, replay)),
      matrix: cellsOf(audit),
      mutants,
      plots: livePlots(capture),
      leftOut: leftOutIn(placement),
      canaries: writeCanaries(`seed ${String(seed)}`, capture.canaries),
    }
  } finally {
    await pair.stop()
    if (keep) progress(`kept: ${pair.folder}`)
  }
}

type Seen = { readonly capture: Capture; readonly present: ReadonlySet<Column> | undefined }
type Seeing = Size & Pick<Level1Options, 'target'> & { readonly random: RandomBytes }

async function seen(pair: LivePair, { target, ...size }: Seeing): Promise<Seen> {
  if (target !== undefined) return captureTarget(target, size)
  return { capture: await captureOf(ourRelay(pair), { ...size, phases }), present: undefined }
}

/** Without ticks there is nothing to learn from arrivals at a rate. */
function sizeIn<S extends { readonly arrivals: number }>(profile: Profile, size: S): S {
  return profile === 'direct' ? { ...size, arrivals: 0 } : size
}

/** The same seed gives the same canaries, so that what was found once can be looked for again. */
export function randomFrom(seed: number): RandomBytes {
  const rng = createRng(seed, 'canaries')
  return (length) => Uint8Array.from({ length }, () => rng.below(256))
}

export function testOf(
  { measurement, verdict, found, remedy }: Row,
  mutants: readonly ReportMutant[],
  replay: Level1Options['replay'],
  level: ReportTest['level'] = 1,
): ReportTest {
  const controls = mutants
    .filter(({ test }) => test === measurement.id)
    .map(({ name, caught }) => ({ mutant: name, caught }))
  const { ci, besides, ...row } = result(measurement, verdict, controls)
  const without =
    row.verdict === 'inconclusive' && verdict === 'pass' ? { doubt: 'no planted leak was caught by it' } : {}
  return {
    ...row,
    ...without,
    ...(besides === undefined ? {} : { besides: { ...besides } }),
    positiveControl: controls,
    ...{ ci: [ci[0], ci[1]], level, found: [...found], remedy, replay: replay(measurement.id) },
  }
}

type Planting = {
  readonly pair: LivePair
  readonly capture: Capture
  /** what the pair itself fails */
  readonly failing: ReadonlySet<string>
  readonly quick: boolean
  readonly wanted: (test: string) => boolean
  readonly progress: (text: string) => void
}

async function planted({ pair, capture, failing, quick, wanted, progress }: Planting): Promise<ReportMutant[]> {
  const { placement, profile } = capture
  const out: ReportMutant[] = doctorsIn(placement, profile)
    .filter(({ test }) => wanted(test))
    .map((doctor) => treated(doctor, capture))
  progress('a relay of the lab without a leak')
  out.push(blameless(await auditMutant(pair, faithful, sizeIn(pair.profile, ofMutants)), failing))
  const groups = quick
    ? crowdsIn(placement, profile)
    : mutantsIn(placement, profile).map((mutant) => ({ mutants: [mutant], together: mutant }))
  const some = groups.filter(({ mutants }) => mutants.some(({ test }) => wanted(test)))
  for (const [i, { mutants, together }] of some.entries()) {
    const names = mutants.length === 1 ? together.name : `${String(mutants.length)} at once`
    progress(`planted leaks, run ${String(i + 1)} of ${String(some.length)}: ${names}`)
    const audit = await auditMutant(pair, together, sizeIn(pair.profile, ofMutants))
    out.push(...mutants.map((mutant) => outcomeOf(mutant, audit)))
  }
  return out
}

function failures(rows: readonly Row[]): string[] {
  return rows.filter(({ verdict }) => verdict === 'fail').map(({ measurement }) => measurement.id)
}

function outcomeOf({ name, leak, test }: LiveMutant, { rows }: AuditResult): ReportMutant {
  const caught = rows.some(({ measurement, verdict }) => measurement.id === test && verdict === 'fail')
  return { name, level: 1, leak, test, caught }
}

/** The negative control: a test that fails here would fail whatever it is shown. What the pair's gateway does wrong it does here too. */
function blameless({ rows }: AuditResult, failing: ReadonlySet<string>): ReportMutant {
  const failed = failures(rows).filter((id) => !failing.has(id))
  const { name, leak } = faithful
  const test = failed.length === 0 ? 'no test fails' : `failed: ${failed.join(', ')}`
  return { name, level: 1, leak, test, caught: failed.length === 0 }
}

export function treated(
  { name, leak, test, plant }: Doctor,
  capture: Capture,
  level: ReportMutant['level'] = 1,
): ReportMutant {
  const sick = plant(capture)
  const measured = test.startsWith('canary.')
    ? canaryMeasurements(auditCanaries(sick), ownContract(capture.placement))
    : askAll(
        liveTests.filter(({ id }) => id === test),
        sick,
      )
  const [verdict] = judge(measured.map(({ measurement }) => measurement).filter(({ id }) => id === test))
  return { name, level, leak, test, caught: verdict === 'fail' }
}
