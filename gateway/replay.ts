/**
 * Once: an encapsulated request is served at most one time. RFC 9458 §6.5, OHTTP-G21 to G23, wire.md "Replay".
 * A request with a Date is remembered for twice the window, which is all the time its Date can pass the screen.
 * One without is remembered until its key is destroyed, in a small share of its own.
 */
import { hash } from 'node:crypto'
import { concat, uint8, type Bytes } from '../shared/bytes.ts'
import { Refusal } from '../shared/refusal.ts'
import type { Shares } from '../shared/store/shares.ts'
import type { Claim, Store } from '../shared/store/store.ts'

export type Encapsulated = { readonly keyId: number; readonly enc: Uint8Array }

export type ReplayOptions = {
  readonly claims: Store
  /** the Date window, one direction, ms */
  readonly window: number
  readonly now: () => number
  /** told after each claim whether the store does its work */
  readonly works?: (works: boolean) => void
}

export type Once = (message: Encapsulated, dated: boolean) => Promise<void>

/** A tenth for requests without Date, so that nobody can fill the store for the others. */
export function replayShares(capacity: number): Shares {
  const dateless = Math.ceil(capacity / 10)
  return { dated: capacity - dateless, dateless }
}

/** What to forget when a key is destroyed. */
export function datelessQuota(keyId: number): string {
  return `dateless/${keyId}`
}

export function replayGuard({ claims, window, now, works = () => undefined }: ReplayOptions): Once {
  return async (message, dated) => {
    // One more than twice the window: in its last millisecond a Date still passes the screen.
    const claim = dated
      ? claims.claim(nameOf(message), now() + 2 * window + 1, 'dated')
      : claims.claim(nameOf(message), Infinity, datelessQuota(message.keyId))
    const answer = await claim.catch((cause: unknown) => {
      works(false)
      throw new Refusal('store-full', 'the replay store failed', { cause })
    })
    works(answer !== 'full' || !dated)
    judge(answer, dated)
  }
}

function judge(answer: Claim, dated: boolean): void {
  if (answer === 'seen') throw new Refusal('seen-before', 'this enc was claimed before')
  // Without a Date there is one way left: come back with one.
  if (answer === 'full') throw new Refusal(dated ? 'store-full' : 'date-outside-window', 'the share is full')
}

// The digest makes enc of every KEM one length; 16 bytes are beyond any chance of an innocent collision.
function nameOf({ keyId, enc }: Encapsulated): Bytes {
  return hash('sha256', concat(uint8(keyId), enc), 'buffer').subarray(0, 16)
}
