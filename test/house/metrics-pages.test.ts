/** What is made from the tables of metrics is what stands in the files; and the dashboards are what Grafana expects. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { checkRules, havePromtool } from '../deploy/observed/promtool.ts'
import { observed, pages } from './metrics-pages.ts'
import { root } from './walk.ts'

test.each(pages())('$file is up to date (npm run readme:metrics)', ({ file, text }) => {
  expect(readFileSync(join(root, file), 'utf8')).toBe(text)
})

const source = z.strictObject({ type: z.literal('prometheus'), uid: z.literal('${source}') })
const panel = z.strictObject({
  id: z.int().positive(),
  type: z.enum(['timeseries', 'stat', 'heatmap']),
  title: z.string().min(1),
  description: z.string().min(1),
  datasource: source,
  gridPos: z.strictObject({
    x: z.int().min(0).max(23),
    y: z.int().min(0),
    w: z.int().min(1).max(24),
    h: z.int().min(1),
  }),
  fieldConfig: z.strictObject({
    defaults: z.strictObject({ unit: z.enum(['s', 'reqps', 'bytes', 'short']), min: z.literal(0) }),
    overrides: z.array(z.never()),
  }),
  targets: z
    .array(z.strictObject({ refId: z.literal('A'), expr: z.string().min(1), legendFormat: z.string() }))
    .length(1),
})
const schema = z.strictObject({
  uid: z.string().regex(/^[a-zA-Z0-9-]{1,40}$/),
  title: z.string().min(1),
  description: z.string().min(1),
  schemaVersion: z.int().min(36),
  version: z.int(),
  editable: z.literal(false),
  // Faster than the snapshots would ask for the same page again and again.
  refresh: z.literal('1m'),
  time: z.strictObject({ from: z.string().startsWith('now-'), to: z.literal('now') }),
  tags: z.array(z.string()),
  templating: z.strictObject({
    list: z.tuple([
      z.strictObject({
        name: z.literal('source'),
        type: z.literal('datasource'),
        query: z.literal('prometheus'),
        label: z.string(),
      }),
    ]),
  }),
  panels: z.array(panel).min(1),
})

describe.each(observed)('the dashboard of the $service', ({ service, table, flags }) => {
  const { panels } = schema.parse(JSON.parse(readFileSync(join(root, `deploy/${service}/dashboard.json`), 'utf8')))

  test('has a panel for each metric, and no other', () => {
    const names = [...Object.values(flags), ...Object.values(table)].map(({ name }) => name)
    expect(panels.map(({ title }) => title)).toEqual(names)
    for (const { title, targets } of panels) expect(targets[0]?.expr).toContain(title)
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  })

  test('has no two panels at one place', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24)
  })

  test.skipIf(!havePromtool)('asks what Prometheus understands (needs promtool)', () => {
    const rules = panels.map(({ id, targets }) => ({ record: `panel:${id}`, expr: targets[0]?.expr }))
    expect(checkRules({ groups: [{ name: 'panels', rules }] })).toMatchObject({ status: 0 })
    expect(checkRules({ groups: [{ name: 'panels', rules: [{ record: 'x', expr: 'sum by (' }] }] }).status).not.toBe(0)
  })
})
