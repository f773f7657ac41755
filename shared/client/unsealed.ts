/** What an answer that is not sealed may tell: its status and a delay, nothing that it says. RFC 9458 §5.2. */
import type { ObliviousErrorCode } from './errors.ts'
import type { RelayAnswer } from './transport.ts'

const plain: Readonly<Record<number, ObliviousErrorCode>> = {
  413: 'too-large',
  429: 'rate-limited',
  500: 'gateway-unavailable',
  502: 'gateway-unavailable',
  503: 'gateway-unavailable',
  504: 'gateway-unavailable',
}

export function codeFor(status: number): ObliviousErrorCode {
  if (status === 0 || (status >= 300 && status < 400)) return 'relay-redirected'
  return plain[status] ?? (status < 300 ? 'relay-unexpected' : 'relay-refused')
}

/** A hint that anybody on the way can write: whole seconds, at most a day. */
export function delayOf(answer: RelayAnswer): { retryAfter?: number } {
  return secondsOf(answer.field('retry-after'))
}

export function secondsOf(field: string | null | undefined): { retryAfter?: number } {
  const text = field ?? ''
  return /^\d{1,5}$/.test(text) ? { retryAfter: Math.min(Number(text), 86_400) } : {}
}
