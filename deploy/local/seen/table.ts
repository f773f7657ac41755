/** The report of a demo: who saw what, as a table for people. */
import { names, type Judgement, type Row } from './judge.ts'

export type Paint = (style: 'bold' | 'dim' | 'green' | 'red', text: string) => string

export function report({ rows, needles, claims, held }: Judgement, paint: Paint): string {
  const lines = [
    paint('bold', `Who saw what (from the bytes on the wires of each process; ${needles} words and phrases searched)`),
    '',
    ...grid([titles, ...rows.map((row) => cells(row, needles))], paint),
    '',
    ...rows.map((row) => `${`${names[row.party]}:`.padEnd(11)}${row.heads.join(' | ')}`),
    '',
    ...claims.map((claim) => `${claim.held ? paint('green', 'held   ') : paint('red', 'BROKEN ')} ${claim.says}`),
    '',
    held ? verdicts.held : paint('red', verdicts.broken),
    ...notes.map((note) => paint('dim', note)),
  ]
  return `${lines.join('\n')}\n`
}

const titles = ['', 'asked by', 'received', 'words as received', 'words it handled', "client's address"]

const verdicts = {
  held: 'Verdict: the relay knew who and not what; gateway and CVM knew what and not who.',
  broken: 'Verdict: NOT SHOWN. A claim above does not hold on the recorded bytes.',
}

const notes = [
  'Evidence: SIMULATED, made by software in this run. It exercises every check and proves nothing about a machine.',
  'Placement front: the gateway opens requests in its own memory (operator-trusted); sealed bytes are all that reach it.',
]

function cells({ party, peers, bytes, wordsAsked, words, sawClient }: Row, needles: number): string[] {
  const of = (count: number): string => (count === 0 ? 'none' : `${count} of ${needles}`)
  return [
    names[party],
    peers[0] ?? 'nobody',
    `${bytes.toLocaleString('en')} B`,
    of(wordsAsked),
    of(words),
    sawClient ? 'yes' : 'no',
  ]
}

function grid(table: readonly (readonly string[])[], paint: Paint): string[] {
  const widths = titles.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return [paint('dim', lines[0] ?? ''), paint('dim', rule), ...lines.slice(1)]
}
