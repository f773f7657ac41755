/** What `asunder doctor` found, in words for people: a line for each check, and the remedy under what fails. */
import type { Diagnosis } from '../doctor/doctor.ts'
import type { Check } from '../doctor/findings.ts'

const marks = { ok: 'ok    ', fails: 'FAILS ', 'not observable': '-     ' } as const

export function told({ relay, gateway, checks, latency, ok }: Diagnosis): string {
  const failing = checks.filter(({ result }) => result === 'fails').length
  const open = checks.filter(({ result }) => result === 'not observable').length
  const lines = [
    `relay ${relay}${gateway === undefined ? '' : `, gateway ${gateway}`}`,
    ...checks.flatMap(checkLines),
    ...(latency === undefined ? [] : [`hint: an answer takes ${latency} ms from here, with its connection`]),
    ...(gateway === undefined ? [notSeparated] : []),
    `${ok ? 'nothing to mend' : `${failing} to mend`}${open === 0 ? '' : `; ${open} not observable`}`,
  ]
  return `${lines.join('\n')}\n`
}

const notSeparated =
  'separation was not looked at: name the gateway with --gateway, since a pair of one operator passes everything else'

function checkLines({ name, rule, result, seen, remedy }: Check): string[] {
  return [
    `  ${marks[result]}${name}: ${rule}`,
    `        ${result === 'not observable' ? 'not observable: ' : ''}${seen}`,
    ...(result === 'fails' ? [`        mend: ${remedy}`] : []),
  ]
}
