/** A real Prometheus scrapes the private listeners of a real pair, with the files that operators are given. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { startPair, type Pair } from '../../../deploy/local/pair/pair.ts'
import { observed } from '../../house/metrics-pages.ts'
import { root } from '../../house/walk.ts'
import { freePort } from '../../shared/upstream/free-port.ts'
import { promtool } from './promtool.ts'

type Config = {
  rule_files: string[]
  scrape_configs: { job_name: string; scrape_interval: string; static_configs: { targets: string[] }[] }[]
}

const havePrometheus = spawnSync('prometheus', ['--version']).status === 0
const services = ['relay', 'gateway'] as const

describe.skipIf(!havePrometheus)('Prometheus (needs prometheus)', () => {
  let pair: Pair
  let prometheus: ChildProcess
  let folder = ''
  let url = ''

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prometheus-'))
    pair = await startPair()
    const file = join(folder, 'prometheus.yml')
    writeFileSync(file, JSON.stringify(configFor(pair)))
    const address = `127.0.0.1:${await freePort()}`
    url = `http://${address}`
    const where = [`--web.listen-address=${address}`, `--storage.tsdb.path=${join(folder, 'data')}`]
    prometheus = spawn('prometheus', [`--config.file=${file}`, ...where], { stdio: 'ignore' })
  })

  afterAll(async () => {
    if (prometheus.exitCode === null) {
      prometheus.kill('SIGKILL')
      await once(prometheus, 'exit')
    }
    await pair.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function ask(path: string): Promise<unknown> {
    const answer = await fetch(url + path).catch(() => undefined)
    return answer?.status === 200 ? ((await answer.json()) as { data: unknown }).data : undefined
  }

  async function values(query: string): Promise<string[]> {
    const data = await ask(`/api/v1/query?query=${encodeURIComponent(query)}`)
    const { result } = (data ?? { result: [] }) as { result: { value: [number, string] }[] }
    return result.map(({ value }) => value[1])
  }

  test.each(observed)('has every metric and flag of the $service', async ({ service, table, flags }) => {
    const missing: string[] = []
    // Relays have a series each where the settings list them, which those of this pair do not.
    const rows = Object.values(table).filter((row) => !('labels' in row && 'relay' in row.labels))
    const names = [...rows, ...Object.values(flags)].map((row) =>
      row.kind === 'histogram' ? `${row.name}_bucket` : row.name,
    )
    await eventually(async () => (await values(`asunder_${service}_up`)).join() === '1')
    await eventually(async () => (await values(`asunder_${service}_build_info`)).join() === '1')
    for (const name of names) {
      if ((await values(`count(${name}{job="asunder-${service}"})`)).length === 0) missing.push(name)
    }
    expect(missing).toEqual([])
    expect(await values(`scrape_samples_scraped{job="asunder-${service}"} > 0`)).not.toEqual([])
  })

  test('has loaded the rules of both operators, and none fires on a quiet pair', async () => {
    const { groups } = (await ask('/api/v1/rules')) as { groups: { rules: { health: string; state: string }[] }[] }
    const rules = groups.flatMap(({ rules: own }) => own)
    expect(rules).toHaveLength(services.flatMap((service) => rulesIn(service)).length)
    await eventually(async () => (await values('ALERTS{alertstate="firing"}')).length === 0)
  })

  test.each(services)('finds nothing to complain of in the page of the %s', async (service) => {
    for (const path of ['metrics', 'flags']) {
      const page = await (await fetch(new URL(`/${path}`, pair.admin[service]))).text()
      expect(promtool(['check', 'metrics'], page)).toEqual({ status: 0, said: '' })
    }
  })
})

function rulesIn(service: string): string[] {
  return readFileSync(join(root, `deploy/${service}/alerts.yml`), 'utf8').match(/^ +- alert: /gm) ?? []
}

/** Both operators' files with this run's ports, asked once a second. */
function configFor({ admin }: Pair): object {
  const own = services.map((service) => {
    const config = parse(readFileSync(join(root, `deploy/${service}/prometheus.yml`), 'utf8')) as Config
    const scrape_configs = config.scrape_configs.map((one) => ({
      ...one,
      scrape_interval: '1s',
      static_configs: [{ targets: [admin[service].host] }],
    }))
    return { rule_files: config.rule_files.map((name) => join(root, 'deploy', service, name)), scrape_configs }
  })
  return {
    rule_files: own.flatMap(({ rule_files }) => rule_files),
    scrape_configs: own.flatMap(({ scrape_configs }) => scrape_configs),
  }
}

function eventually(holds: () => Promise<boolean>): Promise<void> {
  return vi.waitFor(async () => expect(await holds()).toBe(true), { timeout: 15_000, interval: 200 })
}
