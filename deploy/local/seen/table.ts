/** The report of a demo: who saw what, as a table for people. */
import type { Placement } from '../../../shared/attestation/trust-root.ts'
import type { Verdict } from '../../../shared/client/index.ts'
import { names, type Judgement, type Row } from './judge.ts'

export type Paint = (style: 'bold' | 'dim' | 'green' | 'red', text: string) => string

export function report({ placement, rows, needles, claims, held }: Judgement, paint: Paint): string {
  const lines = [
    paint('bold', `Who saw what (from the bytes on the wires of each process; ${needles} words and phrases searched)`),
    '',
    ...grid([titles, ...rows.map((row) => cells(row, needles))], paint),
    '',
    ...rows.map((row) => `${`${names[row.party]}:`.padEnd(11)}${row.heads.join(' | ')}`),
    '',
    ...claims.map((claim) => `${claim.held ? paint('green', 'held   ') : paint('red', 'BROKEN ')} ${claim.says}`),
    '',
    held ? verdicts[placement] : paint('red', broken),
    ...[simulated, notes[placement]].map((note) => paint('dim', note)),
  ]
  return `${lines.join('\n')}\n`
}

/** What the client verified before it sent anything, and what nobody verified. */
export function sentences({ verified, notVerified }: Pick<Verdict, 'verified' | 'notVerified'>, paint: Paint): string {
  const lines = [
    paint('bold', 'What the client verified before it sent anything'),
    ...verified.map((sentence) => `${paint('green', 'verified    ')} ${sentence}`),
    ...notVerified.map((sentence) => `${paint('dim', 'not verified')} ${sentence}`),
  ]
  return `${lines.join('\n')}\n`
}

const titles = ['', 'asked by', 'received', 'words as received', 'words it handled', "client's address"]

const verdicts: Readonly<Record<Placement, string>> = {
  front: 'Verdict: the relay knew who and not what; gateway and CVM knew what and not who.',
  inside: 'Verdict: the relay knew who and not what; the CVM, which is the gateway, knew what and not who.',
  sealed: 'Verdict: the relay knew who and not what, the gateway neither; the CVM knew what and not who.',
}
const broken = 'Verdict: NOT SHOWN. A claim above does not hold on the recorded bytes.'

const simulated =
  'Evidence: SIMULATED, made by software in this run. It exercises every check and proves nothing about a machine.'
const notes: Readonly<Record<Placement, string>> = {
  front:
    'Placement front: the gateway opens requests in its own memory (operator-trusted); sealed bytes are all that reach it.',
  inside:
    'Placement inside: no process but the CVM holds the key; the client judged its evidence before it sent anything. The relay reaches it over plain HTTP here, so that this could be recorded.',
  sealed:
    'Placement sealed: the gateway opened its own layer and found another, sealed to the one CVM that the client chose and judged.',
}

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
