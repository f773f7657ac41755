/** What the replay guard and the token ledger need of a memory: first come, first served, once. */

/** `full` means refuse: a store that forgets to make room lets a replay through. */
export type Claim = 'first' | 'seen' | 'full'

export type Store = {
  /**
   * Atomically remembers `name` until `expiresAt` (milliseconds since 1970; Infinity = until `forget`).
   * The first caller gets `first`, everybody after it `seen`. `quota` names the share of the store it counts against.
   */
  claim(name: Uint8Array, expiresAt: number, quota: string): Promise<Claim>
  /** Drops everything that was claimed under `quota`: its key is destroyed, nothing can be replayed under it. */
  forget(quota: string): Promise<void>
  close(): Promise<void>
}

/** What there is to say of a store on another machine. */
export type StoreState =
  | 'opening'
  | 'works'
  | 'away' // no connection, or no answer in time
  | 'refused' // it does not let us in, or not do what we need
  | 'evicts' // it would throw claims away to make room: maxmemory-policy must be noeviction
  | 'forgot' // its memory is another one than before: keys that were used with the old one must go
  | 'odd' // an answer that makes no sense
