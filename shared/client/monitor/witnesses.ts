/** Whether the witnesses still speak: alarms at 12 h, stale at 26 h, silent at 98 h. trust.md 6. */
import { anchorAges } from '../../attestation/logged.ts'
import { defaultSkew } from '../../attestation/sev-snp/policy.ts'
import type { TrustRoot } from '../../attestation/trust-root.ts'
import { Refusal } from '../../refusal.ts'
import { timeText } from '../../tlog/json-fields.ts'
import { checkClock, countOperators } from '../../tlog/policy.ts'
import type { Alarm, AlarmCode } from './alarms.ts'
import type { Reading } from './logs.ts'
import type { MonitorState } from './state.ts'

type Memory = MonitorState['witnesses']
export type Heard = { readonly witnesses: Memory; readonly alarms: readonly Alarm[] }

/** From here on somebody should look, long before anything is refused. */
const alarmAge = 12 * 3_600_000

const ages: readonly { readonly over: number; readonly code: AlarmCode }[] = [
  { over: anchorAges.fresh + anchorAges.stale, code: 'witnesses-silent' },
  { over: anchorAges.fresh, code: 'witnesses-stale' },
  { over: alarmAge, code: 'witnesses-late' },
]

export function hearWitnesses(readings: readonly Reading[], root: TrustRoot, memory: Memory, now: number): Heard {
  const spoken = readings.flatMap(({ checkpoint }) => checkpoint?.cosignatures ?? [])
  const last = new Map(memory.map(({ operator, time }) => [operator, time]))
  for (const { operator, time } of spoken) last.set(operator, Math.max(last.get(operator) ?? 0, time))
  const read = readings.some(({ checkpoint }) => checkpoint !== undefined)
  const operators = read ? new Set(root.witnesses.map(({ operator }) => operator)) : []
  return {
    witnesses: [...last].map(([operator, time]) => ({ operator, time })),
    alarms: [
      ...readings.flatMap((reading) => quorumAlarms(reading, root, now)),
      ...[...operators].flatMap((operator) => quiet(operator, last.get(operator), now)),
    ],
  }
}

function quorumAlarms({ at, checkpoint }: Reading, root: TrustRoot, now: number): Alarm[] {
  if (checkpoint === undefined) return []
  try {
    const { oldest, newest } = countOperators(checkpoint.cosignatures, root.quorum)
    checkClock(newest, { now, skew: defaultSkew })
    const row = ages.find(({ over }) => now - oldest > over)
    return row === undefined
      ? []
      : [{ code: row.code, about: at, detail: `the quorum had spoken by ${timeText(oldest)}` }]
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    const code = cause.code === 'cosignature-from-future' ? 'clock-behind' : 'quorum-missing'
    return [{ code, about: at, detail: cause.message }]
  }
}

function quiet(operator: string, last: number | undefined, now: number): Alarm[] {
  if (last !== undefined && now - last <= anchorAges.fresh) return []
  const detail = last === undefined ? 'never seen' : `last seen at ${timeText(last)}`
  return [{ code: 'witness-quiet', about: operator, detail }]
}
