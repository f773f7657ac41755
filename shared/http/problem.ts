/**
 * Plain errors: one constant answer per status, so that nothing but the status can be learned from one.
 * RFC 9457 (problem details), RFC 9458 §5.2-5.3, wire.md "Errors" and "Heads are constants".
 */
import { acceptedRequests, mediaTypes } from './media-types.ts'

export const problemStatuses = [400, 401, 404, 405, 408, 413, 415, 421, 425, 429, 431, 500, 501, 502, 503, 504] as const
export type ProblemStatus = (typeof problemStatuses)[number]

export const ohttpKeyProblem = 'https://iana.org/assignments/http-problem-types#ohttp-key'
export const dateProblem = 'https://iana.org/assignments/http-problem-types#date'

const titles: Record<ProblemStatus, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  425: 'Too Early',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

export type Problem = { readonly status: ProblemStatus; readonly fields: Record<string, string>; readonly body: string }

export type ProblemOptions = {
  /** seconds; 429 and 503 only */
  readonly retryAfter?: number
  /** value of `allow`; 405 only */
  readonly allow?: string
  /** octets; 413 only: the limit is a setting and the same for everybody */
  readonly limit?: number
  /** 501, and 429 to an incremental request (RFC 10036 §3, RFC 9209) */
  readonly proxyStatus?: string
  /** value of `www-authenticate`; 401 only */
  readonly challenge?: string
  /** problem type; 400 only */
  readonly type?: string
}

/** The constant answer of one status. The same options give the same bytes, whoever asked and whatever happened. */
export function problem(status: ProblemStatus, options: ProblemOptions = {}): Problem {
  const body = JSON.stringify({
    type: options.type ?? 'about:blank',
    title: titles[status],
    status,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  })
  const fields: Record<string, string> = { 'content-type': mediaTypes.problem, 'cache-control': 'no-store' }
  if (status === 405) fields['allow'] = options.allow ?? 'POST'
  if (status === 415) fields['accept'] = acceptedRequests
  if (status === 401 && options.challenge !== undefined) fields['www-authenticate'] = options.challenge
  if (status === 429 || status === 503) fields['retry-after'] = String(options.retryAfter ?? 1)
  if (options.proxyStatus !== undefined) fields['proxy-status'] = options.proxyStatus
  return { status, fields, body }
}

/** Every failure before the request opened: unknown key, unwilling suite, short message, bad point, bad tag. */
export const cannotOpen: Problem = problem(400, { type: ohttpKeyProblem })
