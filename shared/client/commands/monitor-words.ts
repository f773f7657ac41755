/** What a monitor saw, in words for people. */
import { alarms } from '../monitor/alarms.ts'
import type { Report, StandingAlarm } from '../monitor/monitor.ts'

export function alarmNames(): string {
  return Object.entries(alarms)
    .map(([code, { means }]) => `  ${code.padEnd(24)}${means}`)
    .join('\n')
}

/** A whole round. */
export function explained(report: Report): string {
  const { vantages, logs, root, placement } = report
  const lines = [
    `${timeOf(report.at)}  placement ${placement}, root version ${root.version} (${root.use}) until ${timeOf(root.notAfter)}`,
    ...vantages.map(
      ({ at, serial, sha256 }) =>
        `bundle       ${at}  ${serial === undefined ? 'none' : `serial ${serial}, ${sha256 ?? ''}`}`,
    ),
    ...logs.map(
      ({ at, origin, size, root: tree }) =>
        `log          ${at}  ${origin === undefined ? 'none' : `${origin}, ${size ?? 0} leaves, root ${tree ?? ''}`}`,
    ),
    ...report.notWatched.map((sentence) => `not watched  ${sentence}`),
    ...report.alarms.flatMap(alarmLines),
    report.alarms.length === 0 ? 'no alarm' : `${report.alarms.length} alarms stand`,
  ]
  return `${lines.join('\n')}\n`
}

/** What changed since the round before, and nothing if nothing did. */
export function news(report: Report, last: Report): string {
  const before = new Set(last.alarms.map(nameOf))
  const after = new Set(report.alarms.map(nameOf))
  const begun = report.alarms.filter((alarm) => !before.has(nameOf(alarm))).flatMap(alarmLines)
  const ended = last.alarms
    .filter((alarm) => !after.has(nameOf(alarm)))
    .map(({ code, about }) => `over   ${code}  ${about}`)
  return [...begun, ...ended].map((line) => `${line.startsWith(' ') ? '' : `${timeOf(report.at)}  `}${line}\n`).join('')
}

function alarmLines({ code, about, detail, means, remedy, since, notes }: StandingAlarm): string[] {
  return [
    `ALARM  ${code}  ${about}${detail === undefined || detail === '' ? '' : `: ${detail}`}`,
    `       since ${timeOf(since)}: ${means}`,
    `       ${remedy}`,
    ...(notes === undefined || notes.length === 0
      ? []
      : ['       the signed notes are in the state file and in --json']),
  ]
}

function nameOf({ code, about }: StandingAlarm): string {
  return `${code} ${about}`
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z')
}
