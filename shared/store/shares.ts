/**
 * How a store is divided: `share` or `share/part` names a quota, and every part of a share counts against one capacity.
 * So parts can be forgotten one by one (a key is destroyed) while nobody can fill the store for another share.
 */

/** Share name -> how many claims it may hold. A quota outside the table is a mistake of ours. */
export type Shares = Readonly<Record<string, number>>

/** Claims end with the slice of time their expiry lies in, so that a whole slice goes at once and nothing is scanned. */
export const sliceLength = 120_000

/** Sorts after every real time, and fits SQLite's 64-bit integers. */
export const untilForgotten = Number.MAX_SAFE_INTEGER

export function shareOf(shares: Shares, quota: string): { readonly name: string; readonly capacity: number } {
  const name = quota.split('/', 1)[0] ?? ''
  const capacity = Object.hasOwn(shares, name) ? shares[name] : undefined
  if (capacity === undefined) throw new TypeError(`no share for quota "${quota}"`)
  return { name, capacity }
}

/** The end of the slice that holds `expiresAt`: never earlier, so nothing is forgotten too soon. */
export function sliceEnd(expiresAt: number): number {
  return Number.isFinite(expiresAt) ? Math.ceil(expiresAt / sliceLength) * sliceLength : untilForgotten
}
