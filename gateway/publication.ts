/**
 * A public text of the gateway, key list or bundle: the same bytes, tag and hour of expiry for everybody.
 * RFC 9111 §4.2, wire.md "Resources"; CONS-1, CONS-5, DISC-8.
 */
import { hash } from 'node:crypto'
import type { Bytes } from '../shared/bytes.ts'

export type Publication = {
  readonly type: string
  readonly bytes: Bytes
  /** the digest of the bytes, quoted */
  readonly etag: string
  /** since when these bytes are served, ms */
  readonly since: number
  /** when what they say ends, ms */
  readonly until: number
}

/** Seconds for which a copy may be used: shorter than the overlap of keys, so a copy never outlives them. */
const longestUse = 600

export function publication(type: string, bytes: Bytes, since: number, until: number): Publication {
  return { type, bytes, etag: `"${hash('sha256', bytes, 'hex')}"`, since, until }
}

/**
 * Windows of `longestUse` from the moment of publication: all copies of one window end together, whoever made them.
 * We are the origin, so what we answer is never old (RFC 9111 §4.2.3): the lifetime counts down instead.
 */
export function freshness({ since, until }: Publication, now: number): { age: string; 'cache-control': string } {
  const elapsed = Math.max(0, Math.floor((now - since) / 1000)) % longestUse
  const left = Math.max(0, Math.min(longestUse - elapsed, Math.floor((until - now) / 1000)))
  return { age: '0', 'cache-control': `public, max-age=${left}` }
}
