/** The media types of this house. RFC 9458 §9, RFC 9292 §7, draft-ietf-ohai-chunked-ohttp-08 §9, trust.md 2, 5. */

export const mediaTypes = {
  keys: 'application/ohttp-keys',
  bundle: 'application/asunder-bundle',
  request: 'message/ohttp-req',
  response: 'message/ohttp-res',
  chunkedRequest: 'message/ohttp-chunked-req',
  chunkedResponse: 'message/ohttp-chunked-res',
  sealedRequest: 'application/vnd.asunder.sealed-req',
  sealedResponse: 'application/vnd.asunder.sealed-res',
  sealedChunkedRequest: 'application/vnd.asunder.sealed-chunked-req',
  sealedChunkedResponse: 'application/vnd.asunder.sealed-chunked-res',
  problem: 'application/problem+json',
} as const

/** Standard messages are sealed whole; chunked ones piece by piece. An answer stays in its request's family. */
export type Family = 'standard' | 'chunked'

/** What the two families are called on one layer. */
export type FamilyTypes = Readonly<Record<Family, { readonly request: string; readonly response: string }>>

export const families = {
  standard: { request: mediaTypes.request, response: mediaTypes.response },
  chunked: { request: mediaTypes.chunkedRequest, response: mediaTypes.chunkedResponse },
} as const satisfies FamilyTypes

/** The same two, as the content of an outer request of the sealed exchange. trust.md 5. */
export const sealedFamilies = {
  standard: { request: mediaTypes.sealedRequest, response: mediaTypes.sealedResponse },
  chunked: { request: mediaTypes.sealedChunkedRequest, response: mediaTypes.sealedChunkedResponse },
} as const satisfies FamilyTypes

/** What a 415 answer says it would take. */
export const acceptedRequests = `${mediaTypes.request}, ${mediaTypes.chunkedRequest}`

/**
 * The essence of a content-type field in lower case, parameters dropped (RFC 9110 §8.3.1).
 * Callers go on with our constant, never with the sender's own spelling.
 */
export function essence(contentType: string | null | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

export function familyOf(
  contentType: string | null | undefined,
  { standard, chunked }: FamilyTypes = families,
): Family | undefined {
  const type = essence(contentType)
  if (type === standard.request) return 'standard'
  return type === chunked.request ? 'chunked' : undefined
}
