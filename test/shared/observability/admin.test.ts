import { expect, test } from 'vitest'
import { createAdmin } from '../../../shared/observability/admin.ts'
import { createHealth } from '../../../shared/observability/health.ts'

const health = createHealth<'keys' | 'store'>(['keys', 'store'])
const page = (text: string) => ({ page: () => text, contentType: 'text/plain; version=0.0.4' })
const admin = createAdmin({ health, metrics: page('counts'), flags: page('words') })
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

test('shows metrics and flags as they are, kept by nobody, and nothing else', async () => {
  expect([await get('/metrics'), await get('/flags')]).toEqual([
    [200, 'counts'],
    [200, 'words'],
  ])
  expect((await admin.request('/metrics')).headers.get('content-type')).toBe('text/plain; version=0.0.4')
  expect((await admin.request('/metrics')).headers.get('cache-control')).toBe('no-store')
  expect((await get('/'))[0]).toBe(404)
})

test('no exemplars: whoever asks for OpenMetrics gets the plain format', async () => {
  const answer = await admin.request('/metrics', { headers: { accept: 'application/openmetrics-text; version=1.0.0' } })
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4')
})
