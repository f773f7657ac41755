/** The alert rules that both operators are given: they parse, name only what is counted, fire when they should, and else not. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { observed } from '../../house/metrics-pages.ts'
import { root } from '../../house/walk.ts'
import { havePromtool, promtool, testRules, type Said } from './promtool.ts'

type Rule = {
  readonly alert: string
  readonly expr: string
  readonly labels: Record<string, string>
  readonly annotations: { readonly summary: string; readonly remedy: string; readonly runbook_url: string }
}

/** Values once a minute, as promtool writes them: `0+10x60` rises by ten, `0x60` stays. */
type Series = Readonly<Record<string, string>>
type Labels = Readonly<Record<string, string>>
/** What makes it fire, the labels it then carries, and what is near it and must not; and more that makes it fire. */
type Case = {
  readonly fires: Series
  readonly labels?: Labels
  readonly quiet: Series
  readonly also?: readonly { readonly fires: Series; readonly labels: Labels }[]
}

const fileOf = (service: string): string => join(root, 'deploy', service, 'alerts.yml')
const rulesOf = (service: string): readonly Rule[] =>
  (parse(readFileSync(fileOf(service), 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)

const requests = (service: string, outcome: string): string =>
  `asunder_${service}_requests_total{family="standard",outcome="${outcome}"}`
const limited = (service: string, limit: string): string => `asunder_${service}_limited_total{limit="${limit}"}`
const looks = (result: string, resource = 'keys'): string =>
  `asunder_relay_mirror_looks_total{resource="${resource}",result="${result}"}`
const left = (service: string, what: string): string => `asunder_${service}_left_seconds{what="${what}"}`
const quota = (verdict: string): string => `asunder_gateway_relay_requests_total{relay="first",verdict="${verdict}"}`
const failing = (service: string, what: string): string => `asunder_${service}_failing{what="${what}"}`
const job = (name: string, service: string): string => `${name}{job="asunder-${service}"}`

/** Of 100 requests in a minute, so many end this way. */
const ratio = (service: string, outcome: string, share: number): Series => ({
  [requests(service, outcome)]: `0+${share}x60`,
  [requests(service, 'served')]: `0+${100 - share}x60`,
})
const process = (service: string): Record<string, Case> => {
  const [name, labels] = [service === 'relay' ? 'Relay' : 'Gateway', { job: `asunder-${service}` }]
  const [open, most] = [job('process_open_fds', service), job('process_max_fds', service)]
  const lag = job('nodejs_eventloop_lag_p99_seconds', service)
  return {
    [`Asunder${name}Descriptors`]: {
      fires: { [open]: '900x60', [most]: '1000x60' },
      labels,
      quiet: { [open]: '700x60', [most]: '1000x60' },
    },
    [`Asunder${name}SlowLoop`]: { fires: { [lag]: '0.3x60' }, labels, quiet: { [lag]: '0.1x60' } },
  }
}

/** Dead, as Prometheus sees it: one of two replicas, when the other one answers, and both. */
const down = (service: string): Case => {
  const [up, flag] = [(at: string) => `up{job="asunder-${service}",instance="${at}"}`, `asunder_${service}_up`]
  const replica = (at: string) => ({ job: `asunder-${service}`, instance: at })
  const of = (at: string) => `${flag}{job="asunder-${service}",instance="${at}"}`
  return {
    fires: { [of('a:1')]: '0x60', [up('a:1')]: '1x60' },
    labels: replica('a:1'),
    quiet: { [of('a:1')]: '1x60', [up('a:1')]: '1x60', [of('b:1')]: '1x60', [up('b:1')]: '1x60' },
    also: [
      {
        fires: { [of('a:1')]: '1x60', [up('a:1')]: '1x60', [of('b:1')]: '1x30 stale', [up('b:1')]: '1x30 0x29' },
        labels: replica('b:1'),
      },
      { fires: { other: '1x60' }, labels: {} },
    ],
  }
}

const [days, hours] = [86_400, 3_600]
const ends = (service: string): Record<string, Case> => {
  const name = service === 'relay' ? 'Relay' : 'Gateway'
  const until = (seconds: number, what = 'certificate'): Series => ({ [left(service, what)]: `${seconds}x99` })
  const rest = { labels: { what: 'certificate' } }
  return {
    [`Asunder${name}EndsInWeeks`]: { fires: until(13 * days), quiet: until(15 * days), ...rest },
    [`Asunder${name}EndsInDays`]: { fires: until(47 * hours), quiet: until(3 * days), ...rest },
    [`Asunder${name}EndsInHours`]: { fires: until(5 * hours), quiet: until(7 * hours), ...rest },
    [`Asunder${name}Failing`]: {
      fires: { [failing(service, 'audit')]: '0x10 1x50' },
      labels: { what: 'audit' },
      quiet: { [failing(service, 'audit')]: '1x10 0x50' },
    },
  }
}

const cases: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  relay: {
    AsunderRelayDown: down('relay'),
    AsunderRelaySaturated: {
      fires: { asunder_relay_saturated: '1x60' },
      quiet: { asunder_relay_saturated: '1 0 0 0 0 1x3 0x60' },
    },
    AsunderRelayGatewayFailing: {
      fires: ratio('relay', 'gateway-failed', 10),
      quiet: ratio('relay', 'gateway-busy', 50),
    },
    AsunderRelayKeyUnknown: { fires: ratio('relay', 'key-unknown', 30), quiet: ratio('relay', 'key-unknown', 10) },
    AsunderRelayMirrorFailing: {
      fires: { [looks('broken')]: '0+2x60' },
      labels: { resource: 'keys' },
      // These have alerts of their own, or are none.
      quiet: Object.fromEntries(
        ['absent', 'refreshed', 'rolled-back', 'equivocation', 'vantage-failed'].map((result) => [
          looks(result, 'bundle'),
          '0+10x60',
        ]),
      ),
    },
    AsunderRelayVantageFailing: {
      fires: { [looks('vantage-failed', 'bundle')]: '0+1x200', [looks('refreshed', 'bundle')]: '0+1x200' },
      quiet: { [looks('vantage-failed', 'bundle')]: '0+1x10 10x190', [looks('refreshed', 'bundle')]: '0+1x200' },
    },
    AsunderRelayBundleRolledBack: {
      fires: { asunder_relay_rolled_back: '0x35 1x10' },
      quiet: { asunder_relay_rolled_back: '0x60', [looks('broken', 'bundle')]: '0+10x60' },
    },
    AsunderRelayEquivocation: {
      fires: { asunder_relay_equivocation: '0x35 1x10' },
      quiet: { asunder_relay_equivocation: '0x60', [looks('vantage-failed', 'bundle')]: '0+10x60' },
    },
    AsunderRelayRateLimited: {
      fires: { [limited('relay', 'rate')]: '0+100x60' },
      quiet: { [limited('relay', 'busy')]: '0+100x60' },
    },
    ...process('relay'),
    ...ends('relay'),
  },
  gateway: {
    AsunderGatewayDown: down('gateway'),
    AsunderGatewaySaturated: {
      fires: { asunder_gateway_saturated: '1x60' },
      quiet: { asunder_gateway_saturated: '1 0 0 0 0 1x3 0x60' },
    },
    AsunderGatewayCvmFailing: { fires: ratio('gateway', 'cvm-slow', 10), quiet: ratio('gateway', 'not-allowed', 50) },
    AsunderGatewayNoLeases: {
      fires: { asunder_gateway_free_leases: '0x60', asunder_gateway_ready: '1x60' },
      quiet: { asunder_gateway_free_leases: '0x60', asunder_gateway_ready: '0x60' },
    },
    AsunderGatewayStoreFull: {
      fires: { [limited('gateway', 'store')]: '0x38 10x22' },
      labels: { limit: 'store' },
      quiet: { [limited('gateway', 'content')]: '0x38 10x22' },
    },
    AsunderGatewayUnopened: { fires: ratio('gateway', 'unopened', 30), quiet: ratio('gateway', 'unopened', 10) },
    AsunderGatewayReplays: { fires: ratio('gateway', 'replayed', 20), quiet: ratio('gateway', 'replayed', 1) },
    AsunderGatewayClocks: { fires: ratio('gateway', 'wrong-date', 10), quiet: ratio('gateway', 'wrong-date', 3) },
    AsunderGatewayFault: {
      fires: { [requests('gateway', 'fault')]: '0x30 10x30' },
      quiet: { [requests('gateway', 'fault')]: '10x60' },
    },
    AsunderGatewayPolicyEnds: {
      fires: { [left('gateway', 'policy')]: `${47 * hours}x99` },
      labels: { what: 'policy' },
      quiet: { [left('gateway', 'policy')]: `${3 * days}x99`, [left('gateway', 'bundle')]: '900x99' },
    },
    AsunderGatewayBundleEnds: {
      fires: { [left('gateway', 'bundle')]: '540x99' },
      labels: { what: 'bundle' },
      quiet: { [left('gateway', 'bundle')]: '7200x99' },
    },
    AsunderGatewayRelayLimited: {
      fires: { [quota('limited')]: '0+100x60' },
      labels: { relay: 'first' },
      quiet: { [quota('admitted')]: '0+1000x60', [quota('limited')]: '0+10x60' },
    },
    ...process('gateway'),
    ...ends('gateway'),
  },
}

describe.each(observed)('alerts of the $service', ({ service, table, flags }) => {
  const rules = rulesOf(service)

  test('each has a case here, a severity, a summary, a remedy and a page', () => {
    expect(rules.map(({ alert }) => alert).sort()).toEqual(Object.keys(cases[service] ?? {}).sort())
    for (const { labels, annotations } of rules) {
      expect(labels['severity']).toMatch(/^(page|ticket)$/)
      expect(annotations.summary.length).toBeGreaterThan(20)
      expect(annotations.remedy.length).toBeGreaterThan(20)
    }
  })

  test('each is linked to its section of the runbook, which says what it means, where to look and what to do', () => {
    const page = `deploy/${service}/RUNBOOK.md`
    const sections = new Map(
      readFileSync(join(root, page), 'utf8')
        .split(/^#+ /m)
        .map((text) => [/^\S+/.exec(text)?.[0] ?? '', text]),
    )
    for (const { alert, annotations } of rules) {
      expect(annotations.runbook_url).toBe(`{{ $externalLabels.runbooks }}${page}#${alert.toLowerCase()}`)
      const parts = (sections.get(alert) ?? '').match(/^(Means|Look at|Do): .{15}/gm) ?? []
      expect([alert, parts.map((part) => part.split(':')[0])]).toEqual([alert, ['Means', 'Look at', 'Do']])
    }
    const orphans = [...sections.keys()].filter((name) => /^Asunder[RG]/.test(name))
    expect(orphans.sort()).toEqual(rules.map(({ alert }) => alert).sort())
  })

  test('names only metrics and words that there are', () => {
    const rows = new Map([...Object.values(table), ...Object.values(flags)].map((row) => [row.name, row]))
    for (const { alert, expr } of rules) {
      const names = expr.match(/\b(asunder|process|nodejs)_[a-z0-9_]+/g) ?? []
      expect(names.length, alert).toBeGreaterThan(0)
      expect(
        names.filter((name) => !rows.has(name)),
        alert,
      ).toEqual([])
      for (const [, name = '', label = '', words = ''] of expr.matchAll(/(\w+)\{\s*(\w+)(?:!?=~?)"([^"]+)"\}/g)) {
        const row = rows.get(name)
        const known = label === 'job' ? [`asunder-${service}`] : row && 'labels' in row ? (row.labels[label] ?? []) : []
        expect(
          words.split('|').filter((word) => !known.includes(word)),
          alert,
        ).toEqual([])
      }
    }
  })

  test.skipIf(!havePromtool)('Prometheus takes them (needs promtool)', () => {
    expect(promtool(['check', 'rules', fileOf(service)])).toMatchObject({ status: 0 })
  })

  test.skipIf(!havePromtool).each(rules.map((rule): [string, Rule] => [rule.alert, rule]))(
    '%s fires when it should, and is quiet when it should (needs promtool)',
    (alert, { labels, annotations }) => {
      const { fires, quiet, labels: own = {}, also = [] } = cases[service]?.[alert] ?? { fires: {}, quiet: {} }
      const told = (more: Labels): object[] => {
        const said = Object.entries(annotations).map(([name, text]) => [name, filled(text, more)])
        return [{ exp_labels: { ...labels, ...more }, exp_annotations: Object.fromEntries(said) as Labels }]
      }
      const tests = [
        { series: fires, expected: told(own) },
        { series: quiet, expected: [] },
        ...also.map((one) => ({ series: one.fires, expected: told(one.labels) })),
      ]
      expect(ran(service, alert, tests)).toMatchObject({ status: 0 })
      // The harness itself can fail: what fires is not taken for quiet.
      expect(ran(service, alert, [{ series: fires, expected: [] }])).toMatchObject({ status: 1 })
    },
  )
})

const prefix = 'https://docs.example/asunder/'

function filled(text: string, labels: Labels): string {
  return text
    .replace('{{ $externalLabels.runbooks }}', prefix)
    .replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '')
}

type Told = { readonly series: Series; readonly expected: readonly object[] }

function ran(service: string, alert: string, told: readonly Told[]): Said {
  const tests = told.map(({ series, expected }) => ({
    interval: '1m',
    external_labels: { runbooks: prefix },
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [
      {
        eval_time: alert.endsWith('EndsInWeeks') ? '90m' : alert.includes('Vantage') ? '180m' : '40m',
        alertname: alert,
        exp_alerts: expected,
      },
    ],
  }))
  return testRules({ rule_files: [fileOf(service)], evaluation_interval: '1m', tests })
}
