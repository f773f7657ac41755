/** A pool and a listener that know each other by their pins, and what is asked between them, over HTTP/2. */
import { onTestFinished } from 'vitest'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { certificatePem, pinOf, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import { trustOf } from '../../../shared/upstream/dial.ts'
import { collect, type UpstreamRequest } from '../../../shared/upstream/exchange.ts'
import { poolTo, type PoolOptions, type UpstreamPool } from '../../../shared/upstream/node.ts'
import { listen, type ListenOptions, type Listening } from '../../../shared/upstream/serve.ts'

export const gateway = selfSigned({ commonName: 'gateway', use: 'server', names: ['127.0.0.1'] })
export const relay = selfSigned({ commonName: 'relay', use: 'client' })
export const own = (identity: typeof relay) => ({ key: privateKeyPem(identity), cert: certificatePem(identity) })
const pin = (identity: typeof relay) => ({ sha256: pinOf(identity.privateKey), notAfter: Infinity })

export async function listener(
  fetch: ListenOptions['fetch'],
  options: Partial<ListenOptions> = {},
): Promise<Listening> {
  const tls = { ...own(gateway), peers: [{ name: 'relay', pins: [pin(relay)] }] }
  const server = await listen({ fetch, host: '127.0.0.1', port: 0, tls, http: ['1.1', '2'], ...options })
  onTestFinished(() => server.close(0))
  return server
}

export function pool(port: number, options: Partial<PoolOptions> = {}): UpstreamPool {
  const trust = trustOf({ own: own(relay), pins: [pin(gateway)] })
  const made = poolTo({
    origin: `https://127.0.0.1:${port}`,
    trust: () => trust,
    http: '2',
    ...{ connections: 1, streams: 16, every: 10 },
    ...options,
  })
  onTestFinished(() => made.close())
  return made
}

export const sealed = (content: string, fields: readonly string[] = []): UpstreamRequest => ({
  method: 'POST',
  path: '/.well-known/ohttp-gateway',
  fields: ['content-type', 'message/ohttp-req', ...fields],
  body: utf8(content),
})

export async function said(
  forward: UpstreamPool['forward'],
  request: UpstreamRequest,
  max = 1 << 24,
): Promise<unknown> {
  const answer = await collect(forward, request, max)
  return typeof answer === 'string' ? answer : `${answer.status} ${fromUtf8(answer.body)}`
}

/** A content of one part, of no known length. */
export async function* streamed(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(utf8('part'))
}
