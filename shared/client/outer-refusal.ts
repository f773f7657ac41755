/**
 * What the gateway of placement `sealed` says under its own seal: the CVM's answer, or why there is none. It is not the
 * CVM that speaks, so nothing of it reaches the application as an answer. trust.md 5 and 6, wire.md Errors.
 */
import type { ResponseHead } from '../bhttp/message.ts'
import { fromUtf8 } from '../bytes.ts'
import { essence, mediaTypes, sealedFamilies, type Family } from '../http/media-types.ts'
import { dateProblem, ohttpKeyProblem } from '../http/problem.ts'
import { ObliviousError, type ObliviousErrorCode } from './errors.ts'
import { askedFor } from './passes.ts'
import { gather, OverLimit } from './streams.ts'
import { secondsOf } from './unsealed.ts'

/**
 * What may be tried once more. `date`: with the gateway's clock; `challenge`: with another token; `key`: with a newer
 * bundle; `cvm`: with another CVM.
 */
export type Again = { readonly date: number } | { readonly challenge: string } | 'key' | 'cvm'

/** Refused before anything was processed; `error` is what the application gets if nothing can be done about it. */
export class Unprocessed extends Error {
  override readonly name = 'Unprocessed'
  readonly error: ObliviousError
  readonly again: Again

  constructor(error: ObliviousError, again: Again) {
    super(error.message)
    this.error = error
    this.again = again
  }
}

const problemLimit = 4_096

const codes: Readonly<Record<number, ObliviousErrorCode>> = {
  408: 'relay-refused',
  413: 'too-large',
  503: 'gateway-unavailable',
}

export function carriesSealed({ status, headers }: ResponseHead, family: Family): boolean {
  return status === 200 && essence(valueOf(headers, 'content-type')) === sealedFamilies[family].response
}

export async function refusedByGateway(
  head: ResponseHead,
  content: AsyncIterable<Uint8Array>,
): Promise<ObliviousError | Unprocessed> {
  const { status, headers } = head
  const unadmitted = wantsToken(head)
  if (unadmitted !== undefined) return unadmitted
  const type = essence(valueOf(headers, 'content-type')) === mediaTypes.problem ? await problemIn(content) : undefined
  if (status === 400 && type === dateProblem) return wrongDate(headers)
  // A CVM that the gateway no longer knows is one whose keys are gone.
  if ((status === 400 && type === ohttpKeyProblem) || status === 403) {
    return new Unprocessed(new ObliviousError('key-unknown', { status }), 'key')
  }
  if (status < 400) return new ObliviousError('answer-damaged', { status })
  const code = codes[status] ?? (status < 500 ? 'relay-refused' : 'cvm-failed')
  const error = new ObliviousError(code, { status, ...secondsOf(valueOf(headers, 'retry-after')) })
  return status === 503 ? new Unprocessed(error, 'cvm') : error
}

export function wrongDate(headers: ResponseHead['headers']): Unprocessed {
  return new Unprocessed(new ObliviousError('date-refused'), { date: Date.parse(valueOf(headers, 'date') ?? '') })
}

/** A 401 that asks for an anonymous token. RFC 9577 §2.1. */
export function wantsToken({ status, headers }: ResponseHead): Unprocessed | undefined {
  const lines = headers.filter(([name]) => name === 'www-authenticate').map(([, value]) => value)
  const challenge = askedFor(status, lines.join(', '))
  return challenge === undefined ? undefined : new Unprocessed(new ObliviousError('token-refused'), { challenge })
}

/** Of a problem document, where it is one. RFC 9457 §3.1.1. */
export function problemTypeOf(content: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(fromUtf8(content))
    return typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
  } catch {
    return undefined
  }
}

async function problemIn(content: AsyncIterable<Uint8Array>): Promise<unknown> {
  try {
    return problemTypeOf(await gather(content, problemLimit))
  } catch (cause) {
    if (cause instanceof OverLimit) return undefined
    throw cause
  }
}

function valueOf(headers: ResponseHead['headers'], name: string): string | undefined {
  return headers.find(([field]) => field === name)?.[1]
}
