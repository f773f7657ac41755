/** From what the levels measured to a whole report. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { ownContract, ownContractText, type Placement } from '../contract.ts'
import type { Level } from '../options.ts'
import type { Report } from './schema.ts'
import { claimsOf, verdictOf } from './verdict.ts'

/** What one level adds. */
export type Part = Pick<Report, 'tests' | 'matrix' | 'mutants' | 'plots'>

export type RunFacts = {
  readonly seed: number
  readonly started: Date
  readonly ended: Date
  readonly placement: Placement
  readonly quick: boolean
  readonly subject: string
  readonly profile: string
  readonly evidence: Report['environment']['evidence']
  readonly attacks?: Report['attacks'] | undefined
}

export function assemble(parts: ReadonlyMap<Level, Part>, facts: RunFacts): Report {
  const { seed, started, ended, placement, quick, subject, profile, evidence, attacks } = facts
  const all = [...parts.values()]
  const judged = {
    tests: all.flatMap(({ tests }) => tests),
    matrix: together(all.map(({ matrix }) => matrix)),
    mutants: all.flatMap(({ mutants }) => mutants),
  }
  const levels = [...parts.keys()]
  return {
    version: 1,
    run: {
      ...{ tool: 'leaktest', seed, levels, placement, profile, quick, subject },
      started: started.toISOString(),
      seconds: (ended.getTime() - started.getTime()) / 1000,
    },
    environment: { node: `Node ${process.versions.node}`, system: `${process.platform} ${process.arch}`, evidence },
    contract: contractOf(placement),
    verdict: verdictOf(judged),
    claims: claimsOf(judged, placement, attacks),
    ...judged,
    plots: all.flatMap(({ plots }) => plots),
    ...(attacks === undefined ? {} : { attacks }),
    method: [...method],
    limits: limitsOf(placement, levels),
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

function limitsOf(placement: Placement, levels: readonly Level[]): string[] {
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
    ...(placement === 'front'
      ? [
          'In placement front the link between gateway and CVM is not padded: its host sees true lengths and when tokens come.',
        ]
      : []),
  ]
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
