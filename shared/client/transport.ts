/** The way to the relay, as the client needs it: one POST or GET, closed heads, no redirects, no retries, no cookies. */
import type { Bytes } from '../bytes.ts'

export type RelayRequest = {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  /** Complete: an implementation adds nothing but what HTTP itself demands. */
  readonly fields: Readonly<Record<string, string>>
  readonly body?: Bytes | AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
}

/** Unauthenticated through and through. `body` ends with an error if the connection is lost before its end. */
export type RelayAnswer = {
  /** 0 where a browser hides a redirect behind an opaque answer. */
  readonly status: number
  field(name: string): string | null
  readonly body: AsyncIterable<Uint8Array>
}

export type Transport = {
  send(request: RelayRequest): Promise<RelayAnswer>
  close?(): Promise<void>
}

/** RFC 9458 §6 wants HTTPS to the relay; plain HTTP is for a pair on one's own machine, and only when said aloud. */
export function relayAddress(relay: string | URL, plaintextLoopback: boolean): URL {
  const url = new URL(relay)
  if (url.username !== '' || url.password !== '') throw new TypeError('relay: an address must not carry credentials')
  if (url.search !== '' || url.hash !== '') throw new TypeError('relay: an address must not carry a query or fragment')
  if (url.protocol === 'https:') return url
  if (url.protocol !== 'http:') throw new TypeError('relay: the address must be https')
  if (!plaintextLoopback) throw new TypeError('relay: http needs `plaintextLoopback: true` and a loopback address')
  if (!isLoopback(url.hostname)) throw new TypeError('relay: http is for loopback addresses only')
  return url
}

/** wire.md Resources: the bundle lies below the route's own path. */
export function bundleAddress(relay: URL): URL {
  const path = relay.pathname.endsWith('/') ? relay.pathname : `${relay.pathname}/`
  return new URL(`${path}.well-known/asunder-bundle`, relay)
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}
