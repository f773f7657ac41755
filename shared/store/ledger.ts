/**
 * Which tokens were taken: a share of a store, one name for each key and nonce, kept until the key ends.
 * RFC 9577 §2.2.2 and §5.3, PP-5. Fails closed, and tries again beside the requests once it has failed.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, hex } from '../bytes.ts'
import type { Spend } from '../privacy-pass/gate.ts'
import { Refusal } from '../refusal.ts'
import type { Store } from './store.ts'

/** The share that a ledger's claims count against. */
export const tokenShare = 'tokens'

export type LedgerOptions = {
  readonly claims: Store
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
}

export type Ledger = {
  readonly spend: Spend
  /** Whether the last claim found the store working and with room. */
  works(): boolean
  /** Asks a store that failed whether it still does; for a timer. */
  probe(): Promise<void>
}

export function createLedger({ claims, now, random }: LedgerOptions): Ledger {
  let works = true
  const claim: Store['claim'] = async (name, expiresAt, quota) => {
    try {
      const answer = await claims.claim(name, expiresAt, quota)
      works = answer !== 'full'
      return answer
    } catch (cause) {
      works = false
      throw new Refusal('token-unavailable', 'the token store failed', { cause })
    }
  }
  return {
    // The digest hides the nonce in the file, and 16 octets are beyond any chance of an innocent collision.
    spend: (keyId, nonce, until) => claim(sha256(concat(keyId, nonce)).subarray(0, 16), until, quotaOf(keyId)),
    works: () => works,
    async probe() {
      if (works) return
      await claim(random(16), now() + 1, `${tokenShare}/probe`).catch(() => undefined)
    },
  }
}

function quotaOf(keyId: Uint8Array): string {
  return `${tokenShare}/${hex(keyId.subarray(0, 8))}`
}
