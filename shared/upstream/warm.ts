/**
 * Connections that are open before anybody comes. They are opened, and kept from falling idle, by one constant question
 * on a clock, so that at quiet times no beginning of a connection tells the gateway of an arrival (OHTTP-R8).
 */
import { mediaTypes } from '../http/media-types.ts'
import type { Forward, UpstreamRequest } from './exchange.ts'

/** For the key list, as a mirror asks for it: the one thing that anybody may ask a gateway at any time (RFC 9540 §6). */
const question: UpstreamRequest = {
  method: 'GET',
  path: '/.well-known/ohttp-gateway',
  fields: ['accept', mediaTypes.keys],
  body: null,
}

// Below the half minute after which an idle connection is closed.
const interval = 20_000

/** Keeps `count` connections open until what it gives is called; with 0 nobody is asked. */
export function keepWarm(forward: Forward, count: number): () => void {
  if (count === 0) return nothing
  // All at once, so that each is on a connection of its own. Answers are nobody's, and failures show where it matters.
  const ask = (): void => {
    for (let asked = 0; asked < count; asked++) forward(question, deaf)
  }
  ask()
  const timer = setInterval(ask, interval)
  return () => clearInterval(timer)
}

const nothing = (): void => undefined
const deaf = { head: nothing, data: nothing, end: nothing, fail: nothing }
