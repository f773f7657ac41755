/** What operators keep: log lines and pages of metrics. privacy.md 2.10, 4.7, 4.8; conformance OPS-1. */
import type { Capture, Scrape } from '../capture.ts'
import type { Operator } from '../wiring.ts'
import { counted, type LiveTest } from './live-test.ts'

export const kept: readonly LiveTest[] = [
  logLines('relay', 'R'),
  logLines('gateway', 'G'),
  logLines('cvm', 'V'),
  {
    id: 'logs.values',
    tier: 'T1',
    metric: 'values in log lines that are no word, number or boolean',
    cells: [],
    remedy: 'log words from fixed lists; there must be no place for free text',
    ask: ({ holdings }) => {
      const lines = holdings.filter(({ source }) => source === 'log').flatMap(({ octets }) => linesOf(octets))
      const odd = lines.filter(hasFreeText)
      return counted(odd.length, lines.length, odd)
    },
  },
  differencing('relay', 'MR'),
  differencing('gateway', 'MG'),
  {
    id: 'metrics.series',
    tier: 'T1',
    metric: 'series on the pages whose labels hold anything but words from short lists, and sums over single messages',
    cells: [],
    remedy: 'declare every label value beforehand; export no sum of sizes or times',
    ask: ({ scrapes }) => {
      const series = scrapes.flatMap(({ page }) => seriesOf(page))
      const sums = [
        ...new Set(
          series.filter(({ name }) => /(bytes|octets|seconds|size|duration)_sum$/.test(name)).map(({ name }) => name),
        ),
      ]
      const odd = series.filter(({ labels }) =>
        labels.some((value) => !/^(\+Inf|[<>=]{0,2}[a-z0-9.k-]{0,24})$/i.test(value) || /\d{4}/.test(value)),
      )
      const found = [...sums, ...odd.map(({ name, labels }) => `${name}{${labels.join(',')}}`)]
      return counted(sums.length + odd.length, series.length, found)
    },
  },
  {
    id: 'logs.ports',
    tier: 'T1',
    metric: "numbers in logs, pages and upstream heads that are a client's port",
    cells: ['F02 MR', 'F02 NR', 'F02 G', 'F02 MG'],
    remedy: 'keep addresses and ports out of whatever is written',
    ask: ({ links, holdings }) => {
      const ports = new Set(links.a.map(({ connection }) => String(connection.peer.port)))
      const texts = [
        ...holdings.filter(({ source }) => source === 'log' || source === 'metric'),
        ...links.b.flatMap(({ exchanges }) =>
          exchanges.map(({ request }) => ({ name: 'a head on link B', octets: request.head })),
        ),
      ]
      const found = texts.flatMap(({ name, octets }) =>
        [
          ...Buffer.from(octets)
            .toString('latin1')
            .replace(digests, '')
            .matchAll(/(?<![\d.])\d{4,5}(?![\d.])/g),
        ].flatMap(([number]) => (ports.has(number) && !ownPorts(holdings).has(number) ? [`${name}: ${number}`] : [])),
      )
      return counted(new Set(found).size, ports.size, [...new Set(found)])
    },
  },
]

// Among so many digits of a digest some may be any port's by chance.
const digests = /[0-9a-f]{40,}/g

/** Lines that follow from the clock or the start, not from anybody's request. */
const byTheClock = new Set([
  ...['started', 'listening', 'stopping', 'stopped', 'readiness', 'missing', 'secrets-recorded'],
  // Which keys and certificates are in use, when they were read.
  ...['listener-in-use', 'route-in-use'],
  ...['keys-turned', 'bundle-published', 'bundle-served', 'mirror-refreshed', 'policy-in-force', 'attested'],
  // Of the publisher, of gateways that ask for evidence when they connect, and of copies that are looked for by a timer.
  ...['simulated-evidence', 'evidence-given', 'key-evidence-given', 'bundle-failed', 'mirror-failed'],
])

function logLines(operator: Operator, party: 'R' | 'G' | 'V'): LiveTest {
  return {
    ...{ id: `logs.lines-${operator}`, tier: 'T1', cells: [] },
    metric: `lines that requests left in the log of the ${operator}`,
    remedy: 'count single requests, never log them',
    ask: ({ holdings, calls, refused }) => {
      const own = holdings.filter(
        ({ party: whose, source, name }) => source === 'log' && whose === party && name.endsWith(operator),
      )
      if (own.length === 0) return undefined
      const lines = own.flatMap(({ octets }) => unexplained(linesOf(octets)))
      return counted(lines.length, calls.length + refused.length, lines)
    },
  }
}

/** Without those that follow from the clock, and without one a minute about how many of a kind there were (conformance OPS-1). */
function unexplained(lines: readonly string[]): string[] {
  const told = new Set<string>()
  return lines.filter((line) => {
    if (byTheClock.has(eventOf(line))) return false
    if (!several.has(String(objectOf(line)?.['count']))) return true
    const kind = line.replace(/"count":"[^"]*"/, '')
    const again = told.has(kind)
    told.add(kind)
    return again
  })
}

/** The words in which a count is told; a line whose time is a whole minute stands for all of that minute. */
const several: ReadonlySet<string> = new Set(['none', '<10', '<100', '<1000', '>=1000'])

/** A page that changes with one request tells its reader when that request was: privacy.md 2.10. */
function differencing(operator: Scrape['operator'], party: 'MR' | 'MG'): LiveTest {
  return {
    ...{
      id: `metrics.differencing-${operator}`,
      tier: 'T1',
      cells: [`F08 ${party}`, ...(party === 'MR' ? ['F09 MR'] : [])],
    },
    metric: `series on the ${operator}'s page that one request changed within its minute`,
    remedy: 'show a snapshot that changes at whole minutes, in tens',
    ask: ({ single }) => {
      const [before, after] = single.filter((scrape) => scrape.operator === operator)
      if (before === undefined || after === undefined) return undefined
      const was = new Set(before.page.split('\n'))
      const changed = after.page.split('\n').filter((line) => !was.has(line) && !ofTheProcess.test(line))
      return counted(changed.length, was.size, changed)
    },
  }
}

/** Of the process itself: they change by themselves. */
const ofTheProcess = /^(#|process_|nodejs_|$)/

function linesOf(octets: Uint8Array): string[] {
  return Buffer.from(octets)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
}

function eventOf(line: string): string {
  const event = objectOf(line)?.['event']
  return typeof event === 'string' ? event : ''
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function hasFreeText(line: string): boolean {
  const values = objectOf(line)
  if (values === undefined) return true
  const { time, ...rest } = values
  const dated = typeof time === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(time)
  return !dated || !Object.values(rest).every((value) => typeof value !== 'object' && !isText(value))
}

/** Named digests are of settings, images and what is mirrored for everybody; those of a client are canaries. */
function isText(value: unknown): boolean {
  return typeof value === 'string' && !/^([a-z0-9<>=-]{1,40}|[a-z][a-z0-9]*:[0-9a-f]{16,128})$/.test(value)
}

function ownPorts(holdings: Capture['holdings']): Set<string> {
  const started = holdings
    .filter(({ source }) => source === 'log')
    .flatMap(({ octets }) => linesOf(octets).map(objectOf))
  return new Set(started.flatMap((line) => [line?.['port'], line?.['adminPort']].map(String)))
}

type Series = { readonly name: string; readonly labels: readonly string[] }

function seriesOf(page: string): Series[] {
  return page.split('\n').flatMap((line): Series[] => {
    const [, name, labels = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? /.exec(line) ?? []
    if (name === undefined || line.startsWith('#')) return []
    // `le` is an edge of a histogram: a number that stands in the code.
    const words = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].filter(([, label]) => label !== 'le')
    return [{ name, labels: words.map(([, , value = '']) => value) }]
  })
}
