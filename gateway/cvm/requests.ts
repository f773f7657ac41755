/**
 * Requests that this process opens itself: inner messages of the sealed exchange on attested links (`sealed`), or
 * Oblivious HTTP from the relay (`inside`). The life of one is the gateway's own; key, claims and lease are ours. trust.md 3, 5.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createOblivious, inner, type Leases, type ObliviousOptions, type Once } from '../oblivious.ts'
import type { Outcome, StreamReply } from '../oblivious.ts'
import { originOf, type ScreenOptions } from '../screen.ts'
import { familyOf, sealedFamilies } from '../../shared/http/media-types.ts'
import { line } from '../../shared/http/outer.ts'
import { cannotOpen } from '../../shared/http/problem.ts'
import { answerAndClose } from '../../shared/upstream/answer.ts'
import { askApp } from './ask-app.ts'
import type { RequestSettings } from './own-config.ts'
import { ownEvidence, type OpeningKeys } from './own-evidence.ts'

export type RequestOptions = {
  readonly keys: OpeningKeys
  readonly settings: RequestSettings
  /** Path of the app's Unix socket. */
  readonly app: string
  readonly now: () => number
  readonly ended: (outcome: Outcome) => void
  /** how chunked answers go back; left out: as they come */
  readonly stream?: StreamReply | undefined
}

type Common = Pick<ObliviousOptions, 'find' | 'screen' | 'limits' | 'now' | 'observe' | 'fault' | 'stream'> & {
  readonly cvm: Leases
  readonly once: Once
}

/** What both placements hand to the gateway's code. */
export function ownRequests({ keys, settings, app, now, ended, stream }: RequestOptions): Common {
  const { targets, methods, dateWindow, atOnce, firstByte, ...limits } = settings
  const origins = targets.map((target) => originOf('https', new URL(target).host))
  const screen: ScreenOptions = { targets: new Set(origins), methods: new Set(methods), window: dateWindow }
  return {
    find: keys.find,
    cvm: ownEvidence(keys, askApp({ app, firstByte, stall: limits.stall }), atOnce),
    // Whatever its Date says, or whether it has one: a claim lives as long as its key.
    once: (message) => Promise.try(() => keys.claim(message)),
    screen,
    limits,
    now,
    observe: (_family, outcome) => ended(outcome),
    // What it says may hold a client's words; that there was one is counted by its outcome.
    fault: () => undefined,
    stream,
  }
}

/** One inner message and its answer, on the link that carries both. */
export type SealedRequests = (incoming: IncomingMessage, outgoing: ServerResponse) => void

export function sealedRequests(options: RequestOptions): SealedRequests {
  const oblivious = createOblivious({ ...ownRequests(options), layer: inner })
  return (incoming, outgoing) => {
    outgoing.sendDate = false
    const context = { env: { incoming, outgoing }, req: onNode }
    const family = familyOf(line(incoming.rawHeaders, 'content-type'), sealedFamilies)
    if (family === undefined) answerAndClose(context, cannotOpen)
    else oblivious(family, context).catch(() => outgoing.destroy())
  }
}

const onNode = {
  get raw(): Request {
    throw new TypeError('this request is read from Node')
  },
}
