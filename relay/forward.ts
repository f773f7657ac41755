/**
 * What survives in each direction: two closed sets of fields and one closed set of refusals. Pure, and all there is:
 * nothing else that a client says reaches the gateway, nothing else that a gateway says reaches a client.
 * RFC 9458 §5 and §6.2, wire.md "Heads are constants", conformance OHTTP-R2..R4, R12, R15, HOP-1, HOP-2.
 */
import { incrementalValue } from '../shared/http/incremental-words.ts'
import { families, essence, mediaTypes, type Family } from '../shared/http/media-types.ts'
import { cannotOpen, ohttpKeyProblem, problem, type Problem } from '../shared/http/problem.ts'
import type { UpstreamFailure } from '../shared/upstream/exchange.ts'

type Field = (name: string) => string | undefined

/** Toward the gateway, beside host, connection and framing, which the connection itself writes. */
export function outward(family: Family, incremental: boolean): readonly string[] {
  return incremental ? outwardIncremental[family] : outwardStored[family]
}

const outwardStored: Record<Family, readonly string[]> = {
  standard: ['content-type', families.standard.request],
  chunked: ['content-type', families.chunked.request],
}

// INC-7: our own ?1, so that parameters of the sender's stay here.
const outwardIncremental: Record<Family, readonly string[]> = {
  standard: [...outwardStored.standard, 'incremental', incrementalValue],
  chunked: [...outwardStored.chunked, 'incremental', incrementalValue],
}

/** Toward the client on success; framing is written by the connection. */
export const inwardFields: Record<Family, Record<string, string>> = {
  standard: { 'content-type': families.standard.response, 'cache-control': 'no-store' },
  chunked: { 'content-type': families.chunked.response, 'cache-control': 'no-store', incremental: incrementalValue },
}

/** What a gateway's head means: its content goes back, its content must be read to know, or a constant of ours goes back. */
export type Inward = 'content' | 'read-problem' | Problem

export function inward(family: Family, status: number, field: Field): Inward {
  // HOP-9: a coded message is not the message that was sealed.
  if (field('content-encoding') !== undefined) return broken
  const stated = field('content-type')
  // Spelled as we spell it, which is nearly always, it need not be taken apart.
  if (status === 200 && stated === families[family].response) return 'content'
  const type = essence(stated)
  if (status === 200) return type === families[family].response ? 'content' : broken
  if (status === 429 || status === 503) return problem(status, { retryAfter: retryAfter(field('retry-after')) })
  if (status >= 400 && status < 500 && type === mediaTypes.problem) return 'read-problem'
  return broken
}

export const longestProblem = 4096

/** RFC 9458 §5.3: the one problem a client must be told about, in our words; of the gateway's text only the type is read. */
export function knownProblem(body: Uint8Array): Problem {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(body))
    const type = typeof parsed === 'object' && parsed !== null && 'type' in parsed ? parsed.type : undefined
    return type === ohttpKeyProblem ? cannotOpen : broken
  } catch {
    return broken
  }
}

export const broken: Problem = problem(502)

export function failed(why: UpstreamFailure): Problem {
  if (why === 'busy') return problem(503)
  return why === 'timeout' ? problem(504) : broken
}

const waits = [1, 2, 5, 10, 30, 60, 300, 3600] as const

// A gateway may ask for patience, but from a short list: a free number would be a mark on the client that gets it.
function retryAfter(value: string | undefined): number {
  const seconds = /^\d{1,9}$/.test(value ?? '') ? Number(value) : 1
  return waits.find((wait) => wait >= seconds) ?? 3600
}
