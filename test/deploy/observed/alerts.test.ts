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
  readonly annotations: { readonly summary: string; readonly remedy: string }
}

/** Values once a minute, as promtool writes them: `0+10x60` rises by ten, `0x60` stays. */
type Series = Readonly<Record<string, string>>
/** What makes it fire, the labels it then carries, and what is near it and must not. */
type Case = { readonly fires: Series; readonly labels?: Record<string, string>; readonly quiet: Series }

const fileOf = (service: string): string => join(root, 'deploy', service, 'alerts.yml')
const rulesOf = (service: string): readonly Rule[] =>
  (parse(readFileSync(fileOf(service), 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)

const requests = (service: string, outcome: string): string =>
  `asunder_${service}_requests_total{family="standard",outcome="${outcome}"}`
const limited = (service: string, limit: string): string => `asunder_${service}_limited_total{limit="${limit}"}`
const looks = (result: string): string => `asunder_relay_mirror_looks_total{resource="keys",result="${result}"}`
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

const cases: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  relay: {
    AsunderRelayDown: { fires: { asunder_relay_up: '0x60' }, quiet: { asunder_relay_up: '1x60' } },
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
      fires: { [looks('broken')]: '0+10x60' },
      labels: { resource: 'keys' },
      quiet: { [looks('absent')]: '0+10x60', [looks('refreshed')]: '0+10x60' },
    },
    AsunderRelayBundleRolledBack: {
      fires: { [looks('rolled-back')]: '0x20 10x40' },
      labels: { resource: 'keys', result: 'rolled-back' },
      quiet: { [looks('rolled-back')]: '10x60' },
    },
    AsunderRelayRateLimited: {
      fires: { [limited('relay', 'rate')]: '0+100x60' },
      quiet: { [limited('relay', 'busy')]: '0+100x60' },
    },
    ...process('relay'),
  },
  gateway: {
    AsunderGatewayDown: { fires: { asunder_gateway_up: '0x60' }, quiet: { asunder_gateway_up: '1x60' } },
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
    ...process('gateway'),
  },
}

describe.each(observed)('alerts of the $service', ({ service, table, flags }) => {
  const rules = rulesOf(service)

  test('each has a case here, a severity, a summary and a remedy', () => {
    expect(rules.map(({ alert }) => alert).sort()).toEqual(Object.keys(cases[service] ?? {}).sort())
    for (const { labels, annotations } of rules) {
      expect(labels['severity']).toMatch(/^(page|ticket)$/)
      expect(annotations.summary.length).toBeGreaterThan(20)
      expect(annotations.remedy.length).toBeGreaterThan(20)
    }
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
      for (const [, name = '', label = '', words = ''] of expr.matchAll(/(\w+)\{(\w+)(?:!?=~?)"([^"]+)"\}/g)) {
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
      const { fires, quiet, labels: own = {} } = cases[service]?.[alert] ?? { fires: {}, quiet: {} }
      const told = {
        ...annotations,
        summary: annotations.summary.replace('{{ $labels.resource }}', own['resource'] ?? ''),
      }
      const expected = [{ exp_labels: { ...labels, ...own }, exp_annotations: told }]
      const tests = [
        { series: fires, expected },
        { series: quiet, expected: [] },
      ]
      expect(ran(service, alert, tests)).toMatchObject({ status: 0 })
      // The harness itself can fail: what fires is not taken for quiet.
      expect(ran(service, alert, [{ series: fires, expected: [] }])).toMatchObject({ status: 1 })
    },
  )
})

type Told = { readonly series: Series; readonly expected: readonly object[] }

function ran(service: string, alert: string, told: readonly Told[]): Said {
  const tests = told.map(({ series, expected }) => ({
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: [{ eval_time: '40m', alertname: alert, exp_alerts: expected }],
  }))
  return testRules({ rule_files: [fileOf(service)], evaluation_interval: '1m', tests })
}
