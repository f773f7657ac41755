/** The private listener of a service: alive, ready, flags, metrics. It is never mounted on the public one (wire.md, Resources). */
import { Hono } from 'hono'
import type { Page } from './metrics.ts'

export type AdminOptions = {
  /** Anything that can name the conditions that do not hold; names are constants of ours. */
  readonly health: { missing(): readonly string[] }
  /** Changes each minute. */
  readonly metrics: Page
  /** Changes each second. */
  readonly flags: Page
}

/** A service may add resources of its own to what this gives. */
export function createAdmin({ health, metrics, flags }: AdminOptions): Hono {
  const admin = new Hono()
  admin.get('/healthz', () => text(200, 'alive\n'))
  admin.get('/readyz', () => {
    const missing = health.missing()
    return missing.length === 0 ? text(200, 'ready\n') : text(503, `not ready: ${missing.join(', ')}\n`)
  })
  admin.get('/metrics', () => text(200, metrics.page(), metrics.contentType))
  admin.get('/flags', () => text(200, flags.page(), flags.contentType))
  admin.notFound(() => text(404, 'not found\n'))
  return admin
}

function text(status: number, body: string, type = 'text/plain; charset=utf-8'): Response {
  return new Response(body, { status, headers: { 'content-type': type, 'cache-control': 'no-store' } })
}
