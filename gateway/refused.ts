/**
 * What went wrong after a request was opened, as an answer that goes back sealed: one problem document for each status,
 * so that the inside says no more than wire.md "Errors" does; 413 names the limit of ours that was passed. RFC 9458 §5.2, RFC 9457; OHTTP-G11, G20, G23, G24.
 */
import { utf8, type Bytes } from '../shared/bytes.ts'
import type { Field } from '../shared/http/fields.ts'
import { mediaTypes } from '../shared/http/media-types.ts'
import { dateProblem, ohttpKeyProblem } from '../shared/http/problem.ts'
import { Refusal, type RefusalCode } from '../shared/refusal.ts'
import { CvmFailure, type CvmFailureReason } from './cvm-failure.ts'
import type { Outcome } from './vocabulary.ts'

export type Refused = {
  readonly outcome: Outcome
  readonly status: number
  readonly headers: readonly Field[]
  readonly content: Bytes
}

const titles = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  408: 'Request Timeout',
  413: 'Content Too Large',
  417: 'Expectation Failed',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
} as const
type Status = keyof typeof titles

// Everything else a stranger can do wrong inside is a malformed request.
const byCode: Partial<Record<RefusalCode, readonly [Status, Outcome]>> = {
  'seen-before': [400, 'replayed'],
  'date-outside-window': [400, 'wrong-date'],
  'target-not-allowed': [403, 'not-allowed'],
  'method-not-allowed': [400, 'not-allowed'],
  stalled: [408, 'malformed'],
  'body-too-large': [413, 'too-large'],
  'chunk-too-large': [413, 'too-large'],
  'too-many': [413, 'too-large'],
  expectation: [417, 'expectation'],
  'store-full': [503, 'store-unavailable'],
  'token-missing': [401, 'token-missing'],
  'token-refused': [401, 'token-refused'],
  'token-spent': [401, 'token-spent'],
  'token-unavailable': [503, 'token-unavailable'],
}

const byReason: Record<CvmFailureReason, readonly [Status, Outcome]> = {
  unreachable: [502, 'cvm-failed'],
  slow: [504, 'cvm-slow'],
  expired: [503, 'cvm-expired'],
  busy: [503, 'no-cvm'],
  unopened: [400, 'cvm-unopened'],
}

/** The two refusals on which a client may act: another Date, another key. */
const typeOf: Partial<Record<Outcome, string>> = { 'wrong-date': dateProblem, 'cvm-unopened': ohttpKeyProblem }

/** `challenge` is what a 401 shows: the same for everybody (PP-11). */
export function refusedFor(cause: unknown, now: number, challenge?: string): Refused {
  const [status, outcome] = rowFor(cause)
  const type = typeOf[outcome] ?? 'about:blank'
  const limit = status === 413 && cause instanceof Refusal ? cause.limit : undefined
  const content = utf8(JSON.stringify({ type, title: titles[status], status, limit }))
  // The client corrects its clock by this one field, for one retry (trust.md 6).
  const clock: Field[] = type === dateProblem ? [['date', new Date(now).toUTCString()]] : []
  const wait: Field[] = status === 503 ? [['retry-after', '1']] : []
  const asked: Field[] = status === 401 && challenge !== undefined ? [['www-authenticate', challenge]] : []
  const constant: Field[] = [
    ['content-type', mediaTypes.problem],
    ['cache-control', 'no-store'],
  ]
  const headers = [...constant, ...clock, ...wait, ...asked]
  return { outcome, status, headers, content }
}

function rowFor(cause: unknown): readonly [Status, Outcome] {
  if (cause instanceof CvmFailure) return byReason[cause.reason]
  if (cause instanceof Refusal) return byCode[cause.code] ?? [400, 'malformed']
  return [500, 'fault']
}
