/**
 * What can go wrong between an application and a sealed answer, as one closed list. Unauthenticated bytes never
 * reach the application: an error carries our own words, a status number and a delay, nothing a relay could write.
 */

import { Refusal, type RefusalCode } from '../refusal.ts'

/** Each code: what it means, and what the person who reads it can do. The README's table is made from these rows. */
export const obliviousErrors = {
  'relay-unreachable': {
    means:
      'no connection to the relay, none free in time, or lost before an answer began; the request may have been served',
    remedy: 'check the relay address and the network, read or cancel every answer; repeat only what is safe to repeat',
  },
  'relay-redirected': {
    means: 'the relay answered with a redirect, which is never followed (RFC 9540 §5)',
    remedy: 'set `relay` to the final address if its operator confirms it; a captive portal also looks like this',
  },
  'relay-refused': {
    means: 'the relay or gateway refused the sealed request as a whole; nothing of it was opened by an attested CVM',
    remedy: 'see `status`; check that `relay` names the right resource and that this client is not outdated',
  },
  'upload-refused': {
    means:
      'the relay or gateway shapes its traffic and passes no upload on as it arrives (501): its pace would tell whose it is',
    remedy: 'give the body whole, as text, bytes or a Blob, and not as a stream',
  },
  'relay-unexpected': {
    means: 'a success that is not an oblivious answer: a captive portal or another web server speaks at this address',
    remedy: 'check the relay address and the network',
  },
  'rate-limited': {
    means: 'the relay or gateway asks everybody on this network to slow down (429)',
    remedy: 'wait `retryAfter` seconds',
  },
  'too-large': {
    means: 'the request or the answer is over a size limit, ours or theirs',
    remedy: 'send less, or raise `limits` here and the limit at relay and gateway',
  },
  'gateway-unavailable': {
    means: 'no attested CVM stands behind the gateway at the moment, or the relay could not reach the gateway',
    remedy: 'wait `retryAfter` seconds and try again',
  },
  'bundle-unavailable': {
    means: 'the relay did not hand out the signed key bundle',
    remedy: 'check that `relay` names the right resource; try again later',
  },
  'bundle-unverified': {
    means: 'the bundle is damaged, expired, or not signed by a key of the trust root: somebody may be swapping keys',
    remedy: 'nothing was sent; check the clock and that `trust` belongs to this relay, otherwise report it',
  },
  'bundle-rolled-back': {
    means: 'the bundle is older than one this client has already seen',
    remedy: 'nothing was sent; a stale mirror heals by itself, anything else is an attack: report it',
  },
  'bundle-outdated': {
    means:
      'what the bundle rests on is too old: its policy or the statement about it ended, or the witnesses of the log have been silent for too long',
    remedy:
      'nothing was sent; wait for a new bundle, check the clock; if it lasts, somebody keeps news from you: report it',
  },
  'evidence-refused': {
    means:
      'a key in the bundle is not shown to live in a machine that the logged policy wants; `reason` names the rule that was broken',
    remedy:
      'nothing was sent; report it with `reason` to whoever publishes the policy, or take the release that fits it',
  },
  'log-forked': {
    means: 'the transparency log showed another tree to somebody with whom this client shares its memory, or to itself',
    remedy: 'nothing was sent; keep bundle and memory as evidence and report both',
  },
  'clock-wrong': {
    means: 'the clock of this machine is behind what witnesses have signed, so no age means anything',
    remedy: 'nothing was sent; set the clock',
  },
  'placement-mismatch': {
    means: 'the bundle is of another placement than the caller named',
    remedy: 'nothing was sent; name the placement that the operators really run, if it satisfies you',
  },
  'trust-unusable': {
    means: 'the trust root given as `trust` is not a valid, self-signed, current root',
    remedy: 'take the root file from the publisher of the application again',
  },
  'memory-failed': {
    means: 'the rollback memory or a wallet could not be read or written, or holds something that is not ours',
    remedy: 'nothing was sent; mend the store behind `memory`',
  },
  'key-unusable': {
    means: 'the verified bundle offers no key and suite that this client speaks, or a key that is none',
    remedy: 'update this client',
  },
  'key-unknown': {
    means: 'the gateway does not know the key of the newest bundle (or an intermediary says so)',
    remedy: 'try again in ten minutes; if it lasts, the relay points at another gateway',
  },
  'cvm-failed': {
    means:
      'the gateway says under its own seal that the CVM which was chosen did not answer; whether the request was served is unknown',
    remedy: 'repeat only what is safe to repeat; `retryAfter` says when',
  },
  'date-refused': {
    means: 'the gateway refuses the request time, and the one retry is used up or impossible',
    remedy: 'set the clock of this machine',
  },
  'challenge-refused': {
    means: 'relay or gateway asks for a token of an issuer, key or kind that `tokens` does not name; none was given',
    remedy: 'ask the publisher of the application for the issuer file that belongs to this service',
  },
  'token-refused': {
    means: 'relay or gateway refused the token it was given, and the one retry is used up or impossible',
    remedy: 'repeat the request; if it lasts, the wallet was copied, or its issuer key has ended',
  },
  'token-unavailable': {
    means: 'no token is left, and the issuer could not be reached, refused, or gave something that is none',
    remedy: 'check the issuer address and the network; the issuer may have a rule for how many it gives to whom',
  },
  'answer-damaged': {
    means:
      'the answer does not open, or is not HTTP: it was altered on its way or made wrongly; whether it was served is unknown',
    remedy: 'repeat only what is safe to repeat; if it lasts, report it',
  },
  'answer-truncated': {
    means: 'the answer stopped before its authenticated end; what came before is genuine but incomplete',
    remedy: 'treat the answer as incomplete; repeat only what is safe to repeat',
  },
} as const satisfies Record<string, { means: string; remedy: string }>

export type ObliviousErrorCode = keyof typeof obliviousErrors

export type ObliviousErrorOptions = ErrorOptions & {
  /** HTTP status of the unauthenticated outer answer, where there was one. */
  readonly status?: number
  /** Seconds, from `retry-after`, bounded to a day. Anybody on the way can write it: a hint, not a fact. */
  readonly retryAfter?: number
}

/** The one error of this client besides `TypeError` (the caller's mistake), an aborted signal's reason and what the caller's own stream threw. */
export class ObliviousError extends Error {
  readonly code: ObliviousErrorCode
  readonly status: number | undefined
  readonly retryAfter: number | undefined

  constructor(code: ObliviousErrorCode, { status, retryAfter, ...options }: ObliviousErrorOptions = {}) {
    super(`${code}: ${obliviousErrors[code].means}`, options)
    this.name = 'ObliviousError'
    this.code = code
    this.status = status
    this.retryAfter = retryAfter
  }

  /** The rule that was broken, where one of ours was: a word of the closed list in shared/refusal.ts. */
  get reason(): RefusalCode | undefined {
    return this.cause instanceof Refusal ? this.cause.code : undefined
  }

  get remedy(): string {
    return obliviousErrors[this.code].remedy
  }
}

/**
 * What a transport's failure may say: its code word. The error itself stays behind, since HTTP libraries hang raw bytes
 * of the answer and socket addresses on theirs.
 */
export function codeWord(failure: unknown): Error {
  for (let error = failure, depth = 0; error instanceof Error && depth < 4; error = error.cause, depth++) {
    if ('code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(error.code))
      return new Error(error.code)
  }
  return new Error('UNKNOWN')
}
