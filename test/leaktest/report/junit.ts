/** A report as JUnit XML, for machines that collect tests. Inconclusive is an error there: it must not pass unseen. */
import type { Report, ReportCell, ReportTest } from './schema.ts'

export function junitOf({ tests, matrix, alsoIn = [], mutants, run }: Report): string {
  const every = [{ placement: run.placement, matrix }, ...alsoIn].flatMap((seen) =>
    seen.matrix.map((cell) => ({ ...cell, placement: seen.placement })),
  )
  const names = [run.placement, ...alsoIn.map(({ placement }) => placement)].join(', ')
  const cells = every.filter(({ verdict }) => verdict === 'violation' || verdict === 'blind')
  const cases = [...tests.map(testCase), ...cells.map(cellCase), ...mutants.map(mutantCase)]
  const total = (tag: string): number => cases.filter((text) => text.includes(`<${tag} `)).length
  const counts = `tests="${String(cases.length)}" failures="${String(total('failure'))}" errors="${String(total('error'))}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="leaktest ${names}" ${counts} skipped="${String(total('skipped'))}" time="${run.seconds.toFixed(1)}">`,
    ...cases,
    '</testsuite>',
    '',
  ].join('\n')
}

function testCase({ id: name, placement, verdict, metric, ...row }: ReportTest): string {
  const { estimate, threshold, doubt, found, replay } = row
  const id = `${name}${within(placement)}`
  const text = [`${metric}: ${String(estimate)}, allowed ${String(threshold)}`, ...found, `again: ${replay}`].join('\n')
  if (verdict === 'fail') return one('test', id, `<failure message="${escaped(metric)}">${escaped(text)}</failure>`)
  if (verdict === 'inconclusive')
    return one('test', id, `<error message="${escaped(doubt ?? 'inconclusive')}">${escaped(text)}</error>`)
  return one('test', id, verdict === 'report' ? '<skipped message="measured, not gated"/>' : '')
}

function cellCase({ field, party, placement, verdict, where }: ReportCell & { placement: string }): string {
  const tag = verdict === 'blind' ? 'error' : 'failure'
  return one(
    'matrix',
    `${field} at ${party}${within(placement)}`,
    `<${tag} message="${verdict}">${escaped(where.join('\n'))}</${tag}>`,
  )
}

function mutantCase({ name, placement, test, caught, leak }: Report['mutants'][number]): string {
  return one(
    'mutant',
    `${name}${within(placement)}`,
    caught ? '' : `<error message="${escaped(`${test} did not catch it`)}">${escaped(leak)}</error>`,
  )
}

function within(placement: string | undefined): string {
  return placement === undefined ? '' : ` in ${placement}`
}

function one(kind: string, name: string, inside: string): string {
  return ` <testcase classname="leaktest.${kind}" name="${escaped(name)}">${inside}</testcase>`
}

/** XML 1.0 has no place at all for most control characters (§2.2). */
function escaped(text: string): string {
  return text.replace(/[^\t\n\r\x20-\uFFFD]/g, '?').replace(/[&<>"]/g, (char) => `&#${String(char.charCodeAt(0))};`)
}
