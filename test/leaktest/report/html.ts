/**
 * report.html: one file, no network, nothing that needs a script; the same report gives the same octets. privacy.md 2.14.
 * Whatever stands in it comes from report.json and is escaped.
 */
import { columnNames, columns } from '../contract.ts'
import type { Report, ReportCell, ReportMutant, ReportPlot, ReportTest } from './schema.ts'
import { style } from './style.ts'
import { svgOf } from './svg.ts'
import { escaped, numberOf } from './text.ts'

export function htmlOf(report: Report): string {
  const sections = [
    ['claims', 'Claims', claims(report)],
    ['failures', 'What failed', failures(report)],
    ['matrix', 'Who saw what', matrix(report)],
    ['tests', 'Tests', tests(report)],
    ['plots', 'Figures', plots(report)],
    ['mutants', 'Planted leaks', mutants(report)],
    ['attacks', 'Attacks', attacks(report)],
    ['method', 'Method', list(report.method)],
    ['limits', 'Limits', list(report.limits)],
  ] as const
  const shown = sections.filter(([, , body]) => body !== '')
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`,
    '<link rel="icon" href="data:,">',
    `<title>Leak audit: ${escaped(report.verdict)}</title>`,
    `<style>${style}</style>`,
    '</head>',
    '<body>',
    head(report, shown.map(([id, title]) => `<a href="#${id}">${title}</a>`).join('')),
    '<main>',
    ...shown.map(([id, title, body]) => `<section><h2 id="${id}">${title}</h2>${body}</section>`),
    '</main>',
    `<footer>Contract of placement ${escaped(report.contract.placement)}, SHA-256 <code>${escaped(report.contract.sha256)}</code>. Everything on this page is in report.json.</footer>`,
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function head(report: Report, nav: string): string {
  const { verdict, run, environment, tests } = report
  const tally = (word: ReportTest['verdict']): string =>
    `${String(tests.filter((each) => each.verdict === word).length)} ${words[word]}`
  const counts = (['pass', 'fail', 'inconclusive', 'report'] as const).map(tally).join(', ')
  const facts = [
    `placement ${placementsOf(report).join(', ')}`,
    `profile ${run.profile}`,
    `level ${run.levels.join(' and ')}`,
    `seed ${String(run.seed)}`,
    run.quick ? 'quick' : 'full',
    `${numberOf(Math.round(run.seconds))} s`,
    run.started,
    environment.node,
    environment.system,
  ]
  const simulated =
    environment.evidence === 'simulated' && run.levels.includes(1)
      ? '<p><strong>Evidence is simulated: content is visible to whoever runs the machine of the CVM, in front to the gateway too.</strong></p>'
      : ''
  return `<header><h1>Leak audit <span class="verdict ${verdict}">${verdict}</span></h1><p>${escaped(run.subject)}: ${counts}.</p><p class="dim">${escaped(facts.join(' · '))}</p>${simulated}<nav>${nav}</nav></header>`
}

const words = { pass: 'passed', fail: 'failed', inconclusive: 'inconclusive', report: 'measured' } as const

function tag(word: string, text = word): string {
  return `<span class="tag ${word}">${escaped(text)}</span>`
}

type Seen = NonNullable<Report['alsoIn']>[number]

function placementsOf(report: Report): string[] {
  return everywhere(report).map(({ placement }) => placement)
}

function everywhere({ run, claims: own, matrix: cells, alsoIn = [] }: Report): Seen[] {
  return [{ placement: run.placement, claims: own, matrix: cells }, ...alsoIn]
}

/** One after the other, each under its name if there are several. */
function inEach(report: Report, body: (seen: Seen) => string): string {
  const all = everywhere(report)
  return all.map((seen) => `${all.length === 1 ? '' : `<h3>In ${seen.placement}</h3>`}${body(seen)}`).join('')
}

function claims(report: Report): string {
  return inEach(report, cardsOf)
}

function cardsOf({ claims: all }: Seen): string {
  const cards = all.map(
    ({ tier, adversary, claim, state, because }) =>
      `<div class="card"><h3>${tier} ${tag(state === 'not claimed' ? 'not' : state, state)}</h3><p class="dim">${escaped(adversary)}</p><p>${escaped(claim)}</p><p class="dim">${escaped(because)}</p></div>`,
  )
  return `<div class="cards">${cards.join('')}</div>`
}

function failures(report: Report): string {
  const { tests: all, mutants: planted } = report
  const cells = everywhere(report).flatMap(({ placement, matrix: some }) =>
    some.map((cell) => ({ ...cell, placement })),
  )
  const rows = all.filter(({ verdict }) => verdict === 'fail' || verdict === 'inconclusive').map(failure)
  const odd = cells
    .filter(({ verdict }) => verdict === 'violation' || verdict === 'blind')
    .map(
      ({ field, party, verdict, where, placement }) =>
        `<div class="card"><h3>${field} at ${party} in ${placement} ${tag(verdict)}</h3>${lines(where)}</div>`,
    )
  const missed = planted
    .filter(({ caught }) => !caught)
    .map(
      ({ name, test, leak, placement }) =>
        `<div class="card"><h3>${escaped(name)}${within(placement)} ${tag('missed')}</h3><p>${escaped(leak)}; <code>${escaped(test)}</code> did not see it.</p></div>`,
    )
  const every = [...rows, ...odd, ...missed]
  return every.length === 0 ? '<p>Nothing.</p>' : every.join('')
}

function failure({ id, placement, verdict, metric, ...row }: ReportTest): string {
  const { estimate, threshold, doubt, found, remedy, replay } = row
  const why = doubt === undefined ? '' : `<p>In doubt: ${escaped(doubt)}.</p>`
  const mend = remedy === '' ? '' : `<p>To mend it: ${escaped(remedy)}.</p>`
  return `<div class="card"><h3><code>${escaped(id)}</code>${within(placement)} ${tag(verdict)}</h3><p>${escaped(metric)}: <strong>${numberOf(estimate)}</strong>, allowed ${numberOf(threshold)}.</p>${why}${lines(found)}${mend}<p>Again: <code>${escaped(replay)}</code></p></div>`
}

function within(placement: string | undefined): string {
  return placement === undefined ? '' : ` in ${placement}`
}

function lines(all: readonly string[]): string {
  return all.length === 0 ? '' : `<pre>${escaped(all.join('\n'))}</pre>`
}

/** What a cell shows, and what it means. */
const marks: Readonly<Record<ReportCell['verdict'], readonly [sign: string, meaning: string]>> = {
  violation: ['✕', 'seen where it must never be'],
  blind: ['!', 'must be seen and was not: nothing is proven'],
  seen: ['●', 'seen, as it must or may be'],
  unseen: ['○', 'may be seen, and was not'],
  clear: ['–', 'must never be seen; looked for and not found'],
  held: ['≤', 'seen no finer than allowed'],
  measured: ['~', 'measured, and not claimed'],
  'not-observable': ['', 'nothing in this run could have seen it'],
  absent: ['', 'no such party, or no such thing, in this pair'],
}

function matrix(report: Report): string {
  if (everywhere(report).every(({ matrix: cells }) => cells.length === 0)) return ''
  const keys = Object.entries(marks).map(
    ([verdict, [sign, meaning]]) => `<li>${tag(classOf(verdict), sign === '' ? '\u00a0' : sign)} ${meaning}</li>`,
  )
  const names = columns.map((party) => `<li><strong>${party}</strong> ${escaped(columnNames[party])}</li>`)
  const grids = inEach(report, (seen) => gridOf(seen, report.contract))
  return `<ul class="keys">${keys.join('')}</ul>${grids}<ul class="keys">${names.join('')}</ul>`
}

function gridOf({ matrix: cells }: Seen, contract: Report['contract']): string {
  const heads = columns.map((party) => `<th scope="col" title="${escaped(columnNames[party])}">${party}</th>`)
  const rows = [...Map.groupBy(cells, ({ field }) => field)].map(
    ([field, all]) =>
      `<tr><th scope="row">${field} ${escaped(contract.fields[field] ?? '')}</th>${columns.map((party) => cellOf(all.find((each) => each.party === party))).join('')}</tr>`,
  )
  return `<div class="scroll" tabindex="0"><table class="matrix"><thead><tr><th scope="col">field</th>${heads.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${seenWhere(cells)}`
}

function cellOf(cell: ReportCell | undefined): string {
  if (cell === undefined) return '<td class="not"></td>'
  const [sign, meaning] = marks[cell.verdict]
  const rule = `${cell.expected}${cell.inPassing ? ', in passing' : ''}${cell.bound === undefined ? '' : `: ${cell.bound}`}`
  const label = `${cell.party}: ${rule}; ${meaning}${cell.observed > 0 ? ` (${String(cell.observed)} times: ${cell.sources.join(', ')})` : ''}`
  return `<td class="${classOf(cell.verdict)}" title="${escaped(label)}">${sign}</td>`
}

function classOf(verdict: string): string {
  return verdict === 'not-observable' || verdict === 'absent' ? 'not' : verdict
}

function seenWhere(cells: readonly ReportCell[]): string {
  const seen = cells.filter(({ observed }) => observed > 0)
  const rows = seen.map(
    ({ field, party, observed, sources, where }) =>
      `<tr><td>${field}</td><td>${party}</td><td class="num">${numberOf(observed)}</td><td>${sources.join(', ')}</td><td class="wide">${escaped(where.slice(0, 2).join('; '))}</td></tr>`,
  )
  return `<details><summary>Where each of ${String(seen.length)} cells was seen</summary>${table(['field', 'party', 'times', 'in', 'first'], rows)}</details>`
}

function tests({ tests: all }: Report): string {
  const row = (each: ReportTest): string =>
    [
      `<tr><td class="wide"><code>${escaped(each.id)}</code>${within(each.placement)}<br><span class="dim">${escaped(each.metric)}${besides(each)}</span></td>`,
      `<td>${tag(each.verdict, words[each.verdict])}</td>`,
      `<td class="num">${numberOf(each.estimate)}${interval(each)}</td>`,
      ...[each.threshold, each.null, each.n].map((value) => `<td class="num">${numberOf(value)}</td>`),
      `<td>${controls(each)}</td><td>${each.tier}</td></tr>`,
    ].join('')
  const heads = ['test', 'verdict', 'found [95 %]', 'allowed', 'no leak', 'n', 'planted leak', 'tier']
  return table(heads, all.map(row))
}

function table(heads: readonly string[], rows: readonly string[]): string {
  const head = heads.map((text) => `<th scope="col">${text}</th>`).join('')
  return `<div class="scroll" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function interval({ ci: [low, high], estimate }: ReportTest): string {
  return low === estimate && high === estimate ? '' : ` <span class="dim">[${numberOf(low)}, ${numberOf(high)}]</span>`
}

function controls({ positiveControl }: ReportTest): string {
  if (positiveControl.length === 0) return '<span class="dim">none</span>'
  return positiveControl.map(({ mutant, caught }) => tag(caught ? 'caught' : 'missed', mutant)).join(' ')
}

function besides({ besides: more = {} }: ReportTest): string {
  const all = Object.entries(more).map(([name, value]) => `${name} ${numberOf(value)}`)
  return all.length === 0 ? '' : `<br>${escaped(all.join(', '))}`
}

function plots({ plots: all, tests: rows }: Report): string {
  if (all.length === 0) return ''
  const figures = all.map(
    (plot) =>
      `<figure><h3>${escaped(plot.title)}${within(plot.placement)}</h3>${svgOf(plot)}<figcaption class="dim">${caption(plot, rows)}</figcaption></figure>`,
  )
  return `<div class="plots">${figures.join('')}</div>`
}

function caption({ n, test, placement }: ReportPlot, rows: readonly ReportTest[]): string {
  const row = rows.find((each) => each.id === test && each.placement === placement)
  if (row === undefined) return `n = ${numberOf(n)}`
  return `n = ${numberOf(n)}; <code>${escaped(row.id)}</code> ${numberOf(row.estimate)}${interval(row)}; control: ${controls(row)}`
}

function mutants({ mutants: all, leftOut = [] }: Report): string {
  if (all.length === 0) return '<p>None was run: no test of this report is known to find anything.</p>'
  const row = ({ name, level, placement, leak, test, caught }: ReportMutant): string =>
    `<tr><td>${escaped(name)}${within(placement)}</td><td>${tag(caught ? 'caught' : 'missed')}</td><td class="wide">${escaped(leak)}</td><td><code>${escaped(test)}</code></td><td>${String(level)}</td></tr>`
  const caught = all.filter((each) => each.caught).length
  const without = list(
    leftOut.map(({ mutant, placement, because }) => `${mutant} was not planted in ${placement}: ${because}.`),
  )
  return `<p>${String(caught)} of ${String(all.length)} were caught by the test that is there for them.</p>${table(['name', '', 'what was planted', 'test', 'level'], all.map(row))}${without}`
}

function attacks({ attacks: given }: Report): string {
  if (given === undefined) return ''
  const rows = given.rows.map(
    ({ id, title, verdict, outcome, says, replay }) =>
      `<tr><td>${escaped(id)}</td><td class="wide">${escaped(title)}</td><td>${tag(verdict === 'pass' ? 'pass' : verdict === 'fail' ? 'fail' : 'inconclusive', outcome)}</td><td class="wide">${escaped(says)}${verdict === 'pass' ? '' : `<br><code>${escaped(replay)}</code>`}</td></tr>`,
  )
  return `<p>${escaped(given.subject)}, seed ${String(given.seed)}: ${escaped(given.verdict)}.</p>${table(['id', 'attack', 'outcome', 'what was seen'], rows)}`
}

function list(all: readonly string[]): string {
  if (all.length === 0) return ''
  return `<ul>${all.map((each) => `<li>${escaped(each)}</li>`).join('')}</ul>`
}
