/**
 * What keeps a connection open when nobody uses it: one constant question on a clock, for nobody, so that at quiet times
 * no beginning of a connection tells the gateway of an arrival (OHTTP-R8).
 */
import { mediaTypes } from '../http/media-types.ts'
import type { UpstreamRequest } from './exchange.ts'
import { PoolExchange } from './pool-exchange.ts'

/** For the key list, as a mirror asks for it: the one thing that anybody may ask a gateway at any time (RFC 9540 §6). */
const question: UpstreamRequest = {
  method: 'GET',
  path: '/.well-known/ohttp-gateway',
  fields: ['accept', mediaTypes.keys],
  body: null,
}

// Answers are nobody's, and failures show where it matters.
const nothing = (): void => undefined
const deaf = { head: nothing, data: nothing, end: nothing, fail: nothing }

export function idleQuestion(): PoolExchange {
  return new PoolExchange(question, deaf)
}
