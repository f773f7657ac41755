/** The private listener of a service: alive, ready, metrics. It is never mounted on the public one (wire.md, Resources). */
import { Hono } from 'hono'
import type { Metrics } from './metrics.ts'

export type AdminOptions = {
  /** Anything that can name the conditions that do not hold; names are constants of ours. */
  readonly health: { missing(): readonly string[] }
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>
}

/** A service may add resources of its own to what this gives. */
export function createAdmin({ health, metrics }: AdminOptions): Hono {
  const admin = new Hono()
  admin.get('/healthz', () => text(200, 'alive\n'))
  admin.get('/readyz', () => {
    const missing = health.missing()
    return missing.length === 0 ? text(200, 'ready\n') : text(503, `not ready: ${missing.join(', ')}\n`)
  })
  admin.get('/metrics', async () => text(200, await metrics.text(), metrics.contentType))
  admin.notFound(() => text(404, 'not found\n'))
  return admin
}

function text(status: number, body: string, type = 'text/plain; charset=utf-8'): Response {
  return new Response(body, { status, headers: { 'content-type': type, 'cache-control': 'no-store' } })
}
