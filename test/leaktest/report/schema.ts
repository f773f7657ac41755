/**
 * report.json: what a run of the privacy lab leaves behind. privacy.md 2.14. Fields are added, never renamed or removed;
 * report.schema.json beside this file is made from it, and everything else of a report is made from report.json alone.
 */
import { z } from 'zod'
import { columns, placements } from '../contract.ts'
import { sources } from '../types.ts'

const count = z.int().min(0)
const finite = z.number()
const line = z.string().max(4000)
const tier = z.enum(['T1', 'T2', 'T3', 'T4', 'T5'])
const level = z.union([z.literal(0), z.literal(1), z.literal(2)])

const control = z.strictObject({ mutant: z.string(), caught: z.boolean() })

const test = z.strictObject({
  id: z.string(),
  level,
  /** of the pair that was asked; absent where a model was */
  placement: z.enum(placements).optional(),
  tier,
  metric: line,
  n: finite,
  estimate: finite.nullable(),
  ci: z.tuple([finite.nullable(), finite.nullable()]),
  /** what it would be if nothing leaked beyond the design */
  null: finite.nullable(),
  threshold: finite.nullable(),
  verdict: z.enum(['pass', 'fail', 'inconclusive', 'report']),
  positiveControl: z.array(control),
  doubt: line.optional(),
  besides: z.record(z.string(), finite.nullable()).optional(),
  /** the first things that were found, a line each */
  found: z.array(line),
  remedy: line,
  /** the command that measures this again */
  replay: line,
})

const cell = z.strictObject({
  field: z.string().regex(/^F\d\d$/),
  party: z.enum(columns),
  expected: z.enum(['must', 'may', 'coarse', 'never']),
  inPassing: z.boolean(),
  bound: z.string().optional(),
  observed: count,
  sources: z.array(z.enum(sources)),
  where: z.array(line).max(10),
  verdict: z.enum(['seen', 'unseen', 'clear', 'violation', 'blind', 'measured', 'held', 'not-observable', 'absent']),
})

const mutant = z.strictObject({
  name: z.string(),
  level,
  placement: z.enum(placements).optional(),
  leak: line,
  test: z.string(),
  caught: z.boolean(),
})

const point = z.tuple([finite, finite])
const plotted = {
  ...{ id: z.string(), title: line, n: count, x: line, y: line, test: z.string().optional() },
  placement: z.enum(placements).optional(),
}
const plot = z.union([
  z.strictObject({
    ...plotted,
    kind: z.literal('lines'),
    scale: z.literal('log').optional(),
    lines: z.array(
      z.strictObject({ name: line, as: z.enum(['line', 'steps', 'dots', 'bound']), points: z.array(point) }),
    ),
  }),
  z.strictObject({ ...plotted, kind: z.literal('grid'), values: z.array(z.array(finite)) }),
])

const attack = z.strictObject({
  id: z.string(),
  title: line,
  verdict: z.string(),
  outcome: z.string(),
  says: line,
  replay: line,
})

const claims = z.array(
  z.strictObject({
    tier,
    adversary: line,
    claim: line,
    state: z.enum(['supported', 'refuted', 'open', 'measured', 'not claimed']),
    because: line,
  }),
)

export const reportSchema = z.strictObject({
  version: z.literal(1),
  run: z.strictObject({
    tool: z.literal('leaktest'),
    seed: count,
    /** ISO 8601 */
    started: z.string(),
    seconds: finite,
    levels: z.array(level),
    placement: z.enum(placements),
    profile: z.string(),
    quick: z.boolean(),
    subject: z.string(),
  }),
  environment: z.strictObject({ node: z.string(), system: z.string(), evidence: z.enum(['simulated', 'unknown']) }),
  contract: z.strictObject({
    placement: z.enum(placements),
    sha256: z.string(),
    fields: z.record(z.string(), z.string()),
  }),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  claims,
  tests: z.array(test),
  matrix: z.array(cell),
  /** Claims and matrix above are of `run.placement`; these are of the others that were run, whose rows stand among `tests`. */
  alsoIn: z.array(z.strictObject({ placement: z.enum(placements), claims, matrix: z.array(cell) })).optional(),
  /** planted leaks that make no sense in a placement, and why */
  leftOut: z.array(z.strictObject({ placement: z.enum(placements), mutant: z.string(), because: line })).optional(),
  mutants: z.array(mutant),
  plots: z.array(plot),
  /** absent where no report of attacks was given */
  attacks: z.strictObject({ seed: count, subject: z.string(), verdict: z.string(), rows: z.array(attack) }).optional(),
  method: z.array(line),
  limits: z.array(line),
})

export type Report = z.infer<typeof reportSchema>
export type ReportTest = Report['tests'][number]
export type ReportCell = Report['matrix'][number]
export type ReportPlot = Report['plots'][number]
export type ReportMutant = Report['mutants'][number]

/** The text of report.schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(reportSchema), null, 1)}\n`
}

/** Throws TypeError, with the place, for anything that is not such a report. */
export function readReport(text: string): Report {
  const found = reportSchema.safeParse(JSON.parse(text))
  if (found.success) return found.data
  const [issue] = found.error.issues
  throw new TypeError(`not a report of this lab: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
}

/** Stable: the same report is the same octets. */
export function writeReport(report: Report): string {
  return `${JSON.stringify(reportSchema.parse(report), null, 1)}\n`
}
