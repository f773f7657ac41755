/** What `asunder verify` found, in words for people: one line for each check, and what nobody looked at. */
import type { Examined } from '../verify/bundle.ts'
import type { Check } from '../verify/checks.ts'

export function told({ ok, checks, notVerified, usableUntil }: Examined): string {
  const parts = [...Map.groupBy(checks, ({ part }) => part)]
  const lines = [
    ...parts.flatMap(([part, own]) => [part, ...own.flatMap(checkLines)]),
    ...notVerified.map((sentence) => `not verified  ${sentence}`),
    usableUntil === undefined || !ok
      ? 'REFUSED: nothing may be sealed to this'
      : `all checks held; usable until ${new Date(usableUntil).toISOString()}`,
  ]
  return `${lines.join('\n')}\n`
}

function checkLines({ name, compared, from, result, code, says }: Check): string[] {
  const words = [...(code === undefined ? [] : [code]), ...(says === undefined ? [] : [says])].join(': ')
  const found = words === '' ? [] : [`${' '.repeat(13)}${words}`]
  return [`  ${marks[result]}  ${name}: ${compared} (${from})`, ...found]
}

const marks = { ok: 'ok     ', refused: 'REFUSED', 'not reached': '-      ' } as const
