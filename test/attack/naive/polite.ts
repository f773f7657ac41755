/** Asks before it sends something large, as some clients do: whoever answers decides when the rest comes. RFC 9110 §10.1.1. */
import { request as ask } from 'node:http'

export const large = 50_000

export function politely(url: string, headers: Record<string, string>, body: Uint8Array): Promise<Response> {
  return new Promise((resolve, reject) => {
    const own = { ...headers, 'content-length': body.length, expect: '100-continue' }
    const outgoing = ask(url, { method: 'POST', headers: own, agent: false })
    outgoing.on('error', reject)
    outgoing.on('continue', () => outgoing.end(body))
    outgoing.on('response', (incoming) => {
      const parts: Buffer[] = []
      incoming.on('data', (part: Buffer) => parts.push(part))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const type = incoming.headers['content-type'] ?? ''
        resolve(
          new Response(Buffer.concat(parts), { status: incoming.statusCode ?? 502, headers: { 'content-type': type } }),
        )
      })
    })
    outgoing.flushHeaders()
  })
}
