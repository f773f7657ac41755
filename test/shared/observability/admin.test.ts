import { describe, expect, test } from 'vitest'
import { createAdmin } from '../../../shared/observability/admin.ts'
import { createHealth } from '../../../shared/observability/health.ts'
import { createMetrics } from '../../../shared/observability/metrics.ts'

describe('metrics', () => {
  const table = { family: ['standard', 'chunked'], outcome: ['served', 'left'] } as const

  test('every series exists from the start, and counts', async () => {
    const metrics = createMetrics()
    const count = metrics.counter('requests_total', 'help', table)
    count({ family: 'standard', outcome: 'served' })
    count({ family: 'standard', outcome: 'served' }, 2)
    const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('requests_total{'))
    expect(lines).toEqual([
      'requests_total{family="standard",outcome="served"} 3',
      'requests_total{family="standard",outcome="left"} 0',
      'requests_total{family="chunked",outcome="served"} 0',
      'requests_total{family="chunked",outcome="left"} 0',
    ])
  })

  test('OPS-1: a word that was not declared opens no series', async () => {
    const metrics = createMetrics()
    const count = metrics.counter('requests_total', 'help', table)
    const stranger = { family: '203.0.113.7', outcome: 'served' } as unknown as Parameters<typeof count>[0]
    expect(() => count(stranger)).toThrow(TypeError)
    expect(() => count({ ...stranger, family: 'standard', client: 'me' } as Parameters<typeof count>[0])).toThrow(
      TypeError,
    )
    expect(await metrics.text()).not.toMatch(/203|me"/)
  })

  test('gauges are read when asked for, histograms have their own buckets', async () => {
    const metrics = createMetrics()
    let value = 1
    metrics.gauge('open', 'help', () => value)
    const observe = metrics.histogram('seconds', 'help', { stage: ['open'] }, [0.1, 1])
    observe({ stage: 'open' }, 0.5)
    value = 7
    const text = await metrics.text()
    expect(text).toContain('open 7')
    expect(text).toContain('seconds_bucket{le="0.1",stage="open"} 0')
    expect(text).toContain('seconds_bucket{le="1",stage="open"} 1')
  })
})

describe('the private listener', () => {
  const health = createHealth<'keys' | 'store'>(['keys', 'store'])
  const metrics = createMetrics()
  metrics.gauge('open', 'help', () => 3)
  const admin = createAdmin({ health, metrics })
  const get = async (path: string): Promise<[number, string]> => {
    const response = await admin.request(path)
    return [response.status, await response.text()]
  }

  test('says alive always, and ready when nothing is missing', async () => {
    expect(await get('/healthz')).toEqual([200, 'alive\n'])
    expect(await get('/readyz')).toEqual([503, 'not ready: keys, store\n'])
    health.set('keys', true)
    expect(await get('/readyz')).toEqual([503, 'not ready: store\n'])
    health.set('store', true)
    expect(await get('/readyz')).toEqual([200, 'ready\n'])
  })

  test('shows metrics, and nothing else', async () => {
    expect((await get('/metrics'))[1]).toContain('open 3')
    expect((await get('/'))[0]).toBe(404)
  })
})
