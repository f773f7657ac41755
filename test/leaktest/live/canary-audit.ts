/** The canary audit: what each party holds, searched for every canary in every encoding. privacy.md 2.3. */
import type { Canary } from '../canary/canaries.ts'
import { createScanner, type Hit } from '../canary/scan.ts'
import { columns, isKept, type Column, type Contract } from '../contract.ts'
import { exactly } from '../gate.ts'
import type { Measurement, Observation, Source } from '../types.ts'
import type { Capture } from './capture.ts'

export type Audit = {
  readonly observations: readonly Observation[]
  /** field and party, as `F01 G`, where this search looked and has shown in this run that it finds */
  readonly looked: ReadonlySet<string>
  readonly patterns: number
  /** octets that were searched, of each party */
  readonly searched: ReadonlyMap<Column, number>
}

export function auditCanaries({ canaries, holdings }: Capture): Audit {
  const scanner = createScanner(canaries)
  // What two parties hold alike is searched once.
  const known = new Map<Uint8Array, Hit[]>()
  const observations: Observation[] = []
  const searched = new Map<Column, number>()
  for (const { party, source, name, octets } of holdings) {
    const hits = known.get(octets) ?? scanner.scan(octets)
    known.set(octets, hits)
    searched.set(party, (searched.get(party) ?? 0) + octets.length)
    observations.push(...hits.map((hit) => observed(party, source, name, hit)))
  }
  return { observations, looked: lookedAt(canaries, observations, searched), patterns: scanner.patterns, searched }
}

function observed(party: Column, source: Source, name: string, { canary, encoding, offset }: Hit): Observation {
  return {
    party,
    source,
    t: 0,
    fieldId: canary.field,
    bytesRef: `${name}: ${canary.id}, ${encoding}, at ${String(offset)}`,
  }
}

/** A field whose canaries nobody saw anywhere was not planted, and not finding it elsewhere says nothing. Secrets are seen by nobody. */
function lookedAt(
  canaries: readonly Canary[],
  observations: readonly Observation[],
  searched: ReadonlyMap<Column, number>,
): Set<string> {
  const alive = new Set(observations.map(({ fieldId }) => fieldId))
  const secret = canaries.filter((canary) => canary.secret === true).map(({ field }) => field)
  const fields = [...new Set([...canaries.map(({ field }) => field).filter((field) => alive.has(field)), ...secret])]
  return new Set(fields.flatMap((field) => [...searched.keys()].map((party) => `${field} ${party}`)))
}

/** One row for each party: how many of its observations the contract forbids. */
export function canaryMeasurements(audit: Audit, contract: Contract): { measurement: Measurement; found: string[] }[] {
  const fields = new Map(contract.fields.map((field) => [field.id, field]))
  return columns.flatMap((party) => {
    const octets = audit.searched.get(party)
    if (octets === undefined) return []
    const wrong = audit.observations.filter(({ fieldId = '', party: whose, source }) => {
      const cell = fields.get(fieldId)?.cells[party]
      return whose === party && cell !== undefined && (cell.rule === 'never' || (cell.inPassing && isKept(source)))
    })
    const metric = `canaries that ${party} must not hold, of ${String(audit.patterns)} patterns in ${String(octets)} octets`
    const found = [...new Set(wrong.map(({ fieldId = '', source, bytesRef }) => `${fieldId} ${source}: ${bytesRef}`))]
    return [
      {
        measurement: {
          id: `canary.${party}`,
          tier: 'T1' as const,
          metric,
          n: audit.patterns,
          null: 0,
          ...exactly(wrong.length),
        },
        found: found.slice(0, 8),
      },
    ]
  })
}
