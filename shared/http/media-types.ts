/** The media types of this house. RFC 9458 §9, RFC 9292 §7, draft-ietf-ohai-chunked-ohttp-08 §9, trust.md 2 and 5. */

export const mediaTypes = {
  keys: 'application/ohttp-keys',
  bundle: 'application/asunder-bundle',
  request: 'message/ohttp-req',
  response: 'message/ohttp-res',
  chunkedRequest: 'message/ohttp-chunked-req',
  chunkedResponse: 'message/ohttp-chunked-res',
  problem: 'application/problem+json',
} as const

/** Standard messages are sealed whole; chunked ones piece by piece. An answer stays in its request's family. */
export type Family = 'standard' | 'chunked'

export const families = {
  standard: { request: mediaTypes.request, response: mediaTypes.response },
  chunked: { request: mediaTypes.chunkedRequest, response: mediaTypes.chunkedResponse },
} as const satisfies Record<Family, { request: string; response: string }>

/** What a 415 answer says it would take. */
export const acceptedRequests = `${mediaTypes.request}, ${mediaTypes.chunkedRequest}`

/**
 * The essence of a content-type field in lower case, parameters dropped (RFC 9110 §8.3.1).
 * Callers go on with our constant, never with the sender's own spelling.
 */
export function essence(contentType: string | null | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

export function familyOf(contentType: string | null | undefined): Family | undefined {
  const type = essence(contentType)
  if (type === mediaTypes.request) return 'standard'
  return type === mediaTypes.chunkedRequest ? 'chunked' : undefined
}
