/** From what the levels measured to a whole report. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { columnNames, columns, ownContract, ownContractText, type Column, type Placement } from '../contract.ts'
import type { LeftOut } from '../live/mutants/placed.ts'
import type { Level } from '../options.ts'
import type { Report } from './schema.ts'
import { claimsOf, verdictOf } from './verdict.ts'

/** What one level adds, in one placement of the pair; a model has none. */
export type Part = Pick<Report, 'tests' | 'matrix' | 'mutants' | 'plots'> & {
  readonly level: Level
  readonly placement?: Placement
  readonly leftOut?: readonly LeftOut[]
}

export type RunFacts = {
  readonly seed: number
  readonly started: Date
  readonly ended: Date
  /** the first of them is the report's own */
  readonly placements: readonly [Placement, ...Placement[]]
  readonly quick: boolean
  readonly subject: string
  readonly profile: string
  readonly evidence: Report['environment']['evidence']
  readonly attacks?: Report['attacks'] | undefined
}

export function assemble(parts: readonly Part[], facts: RunFacts): Report {
  const { seed, started, ended, placements, quick, subject, profile, evidence, attacks } = facts
  const [placement, ...others] = placements
  const rows = {
    tests: parts.flatMap((part) => part.tests.map((row) => placed(row, part))),
    mutants: parts.flatMap((part) => part.mutants.map((row) => placed(row, part))),
    plots: parts.flatMap((part) => part.plots.map((row) => placed(row, part))),
  }
  const levels = [...new Set(parts.map(({ level }) => level))]
  const alsoIn = others.map((other) => ({ placement: other, ...seenIn(other, parts, rows, attacks) }))
  const leftOut = parts.flatMap((part) =>
    (part.leftOut ?? []).map((each) => ({ placement: part.placement ?? placement, ...each })),
  )
  const { claims, matrix } = seenIn(placement, parts, rows, attacks)
  const every = [...matrix, ...alsoIn.flatMap((other) => other.matrix)]
  return {
    version: 1,
    run: {
      ...{ tool: 'leaktest', seed, levels, placement, profile, quick, subject },
      started: started.toISOString(),
      seconds: (ended.getTime() - started.getTime()) / 1000,
    },
    environment: { node: `Node ${process.versions.node}`, system: `${process.platform} ${process.arch}`, evidence },
    contract: contractOf(placement),
    verdict: verdictOf({ ...rows, matrix: every }),
    ...{ claims, ...rows, matrix },
    ...(alsoIn.length === 0 ? {} : { alsoIn }),
    ...(leftOut.length === 0 ? {} : { leftOut }),
    ...(attacks === undefined ? {} : { attacks }),
    method: [...method],
    limits: [...limitsOf(placements, levels), ...unwatched(matrix)],
  }
}

/** What says most of a cell comes first; a level that could not look says nothing. */
const telling = [
  'violation',
  'blind',
  'seen',
  'held',
  'measured',
  'clear',
  'unseen',
  'not-observable',
  'absent',
] as const

/** Of levels that looked at the same cell, the one that has more to say. */
function together(matrices: readonly Report['matrix'][]): Report['matrix'] {
  const rank = ({ verdict }: Report['matrix'][number]): number => telling.indexOf(verdict)
  const cells = Map.groupBy(matrices.flat(), ({ field, party }) => `${field} ${party}`)
  return [...cells.values()].map((all) => all.reduce((best, each) => (rank(each) < rank(best) ? each : best)))
}

function placed<Row extends object>(row: Row, { placement }: Part): Row & { placement?: Placement } {
  return placement === undefined ? row : { ...row, placement }
}

type Rows = Pick<Report, 'tests' | 'mutants'>

/** What a model says holds in every placement. */
function seenIn(
  placement: Placement,
  parts: readonly Part[],
  { tests, mutants }: Rows,
  attacks: Report['attacks'],
): Pick<Report, 'claims' | 'matrix'> {
  const here = (row: { readonly placement?: Placement | undefined }): boolean =>
    (row.placement ?? placement) === placement
  const matrix = together(parts.filter(here).map((part) => part.matrix))
  return { claims: claimsOf({ tests: tests.filter(here), matrix, mutants }, placement, attacks), matrix }
}

function contractOf(placement: Placement): Report['contract'] {
  const sha256 = createHash('sha256').update(ownContractText()).digest('hex')
  const fields = ownContract(placement).fields.map(({ id, title }) => [id, title])
  return { placement, sha256, fields: Object.fromEntries(fields) as Record<string, string> }
}

const method = [
  'Each operator is a process of its own with its own folder, settings and log; a tap on every link passes octets on and ends no TLS. What a network sees is what the tap saw; what a party sees after its TLS is read with secrets that the lab holds.',
  'Synthetic clients have addresses, TLS fingerprints, header orders and canaries of their own. What each party holds (wire, log, metrics, memory after garbage collection, the runtime\u2019s report) is searched for every canary, plain, encoded, compressed and hashed.',
  'A cell that must be seen and was not is blind: the run proves nothing there and is inconclusive. A cell that must not be seen is clear only where something looked that is known to find.',
  'A test passes only if a leak that was planted for it was caught in this run. Counts must be exact; where chance has a part, a test passes when the upper bound is below the threshold and fails when the lower one is above it, with Holm\u2019s correction over the run at 0.01.',
  'Intervals are 95 percent and not corrected.',
] as const

function limitsOf(placements: readonly Placement[], levels: readonly Level[]): string[] {
  return [
    'Tests bound the attackers that were tested, nobody else.',
    'Loopback has no jitter: what timing shows here is an upper bound on what an attacker at the same rate sees.',
    'The kinds of request are synthetic; they are not your users\u2019.',
    'No hardware was asked: evidence is simulated under a root of this run.',
    'Processes of one machine do not prove separate operators.',
    'A heap snapshot holds strings, not the contents of buffers, and says nothing about pages that the system kept.',
    'Clients have IPv4 addresses of this machine; IPv6 ones occur in headers only.',
    ...(levels.includes(1) && !levels.includes(2)
      ? ['DNS is not watched at this level: no process of the pair is given a name to look up.']
      : []),
    ...(levels.includes(2)
      ? [
          'Packets show what goes over networks: files and socket files, which every process of one machine can reach, are no link and are not watched.',
        ]
      : []),
    ...placements.flatMap((placement) => limitsIn[placement]),
  ]
}

const limitsIn: Readonly<Record<Placement, readonly string[]>> = {
  front: [
    'In placement front the link between gateway and CVM is not padded: its host sees true lengths and when tokens come.',
  ],
  inside: [
    'In placement inside the gateway\u2019s operator is played by a pass-through of TCP of the lab\u2019s own, and the secrets of the CVM\u2019s TLS are told by a module of the lab in its process.',
    'Nobody but the CVM holds its keys of Oblivious HTTP; the canaries for private keys are those of its TLS.',
  ],
  sealed: ['In placement sealed one CVM was there; that a client chooses among several by dice is not watched here.'],
}

/** Parties of whom every cell is empty. */
export function unseenIn(matrix: Report['matrix']): readonly Column[] {
  return columns.filter((party) => {
    const own = matrix.filter((cell) => cell.party === party)
    return own.length > 0 && own.every(({ verdict }) => verdict === 'absent')
  })
}

function unwatched(matrix: Report['matrix']): string[] {
  const names = unseenIn(matrix).map((party) => `${party} (${columnNames[party]})`)
  return names.length === 0 ? [] : [`Nobody watched ${names.join(', ')}: empty cells say nothing.`]
}

/** The part of an attack suite's report.json that is shown here. Throws TypeError for anything else. */
export function attacksFrom(text: string): NonNullable<Report['attacks']> {
  const given = attackReport.safeParse(JSON.parse(text)).data
  if (given === undefined) throw new TypeError('not a report of attacks')
  const { seed, subject } = given.run
  return { seed, subject, verdict: given.summary.verdict, rows: given.attacks }
}

/** Of a larger report only what is shown; rows may hold more. */
const attackReport = z.object({
  version: z.literal(1),
  run: z.object({ tool: z.literal('attack'), seed: z.int().min(0), subject: z.string() }),
  summary: z.object({ verdict: z.string() }),
  attacks: z.array(
    z.object({
      ...{ id: z.string(), title: z.string(), verdict: z.string() },
      ...{ outcome: z.string(), says: z.string(), replay: z.string() },
    }),
  ),
})
