/**
 * A store in process memory: one set of names for each slice of time and quota, dropped whole when its time is over.
 * A hard cap for each share, refused when full. 53 bytes a claim (feasibility.md 5); forgets everything at restart,
 * so it fits keys that do the same.
 */
import { fromLatin1 } from '../bytes.ts'
import { shareOf, sliceEnd, type Shares } from './shares.ts'
import type { Claim, Store } from './store.ts'

export type MemoryStoreOptions = {
  readonly shares: Shares
  readonly now?: () => number
}

type Group = { readonly quota: string; readonly share: string; readonly endsAt: number; readonly names: Set<string> }

export function createMemoryStore({ shares, now = Date.now }: MemoryStoreOptions): Store {
  const groups = new Map<string, Group>()
  const held = new Map<string, number>(Object.keys(shares).map((share) => [share, 0]))

  function drop(key: string, { share, names }: Group): void {
    groups.delete(key)
    held.set(share, (held.get(share) ?? 0) - names.size)
  }

  function expire(at: number): void {
    for (const [key, group] of groups) if (group.endsAt <= at) drop(key, group)
  }

  function groupFor(quota: string, share: string, endsAt: number): Group {
    const key = `${String(endsAt)} ${quota}`
    const group = groups.get(key) ?? { quota, share, endsAt, names: new Set() }
    groups.set(key, group)
    return group
  }

  function claim(name: string, expiresAt: number, quota: string): Claim {
    const share = shareOf(shares, quota)
    expire(now())
    for (const group of groups.values()) if (group.names.has(name)) return 'seen'
    const used = held.get(share.name) ?? 0
    if (used >= share.capacity) return 'full'
    groupFor(quota, share.name, sliceEnd(expiresAt)).names.add(name)
    held.set(share.name, used + 1)
    return 'first'
  }

  return {
    claim: (name, expiresAt, quota) => Promise.try(claim, fromLatin1(name), expiresAt, quota),
    forget: (quota) => {
      for (const [key, group] of groups) if (group.quota === quota) drop(key, group)
      return Promise.resolve()
    },
    close: () => {
      groups.clear()
      return Promise.resolve()
    },
  }
}
