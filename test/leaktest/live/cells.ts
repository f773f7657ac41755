/** The matrix of a run, as it stands in a report. */
import type { Report } from '../report/schema.ts'
import type { AuditResult } from './audit.ts'

export function cellsOf({ matrix }: Pick<AuditResult, 'matrix'>): Report['matrix'] {
  return matrix.map(({ field, party, expected, observed, sources, where, verdict }) => ({
    ...{ field, party, observed, verdict, expected: expected.rule, inPassing: expected.inPassing },
    ...(expected.bound === undefined ? {} : { bound: expected.bound }),
    sources: [...sources],
    where: [...where],
  }))
}
