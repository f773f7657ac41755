/**
 * Limits per client without keeping who it was: buckets live in process memory only, under a salted hash of the
 * address's prefix. The salt is random per process and day, so that yesterday's buckets name nobody (OHTTP-R18, R19).
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, hex, utf8 } from '../bytes.ts'
import { arrive, type Rate } from './bucket.ts'

/** A client's bucket: random to everybody without the salt. */
export type BucketName = string

const day = 86_400_000

export type NamerOptions = {
  /** 32 fresh random octets */
  readonly salt: () => Uint8Array
  readonly now: () => number
}

/** Names the bucket of an address: its /24 or /56, the granularity at which networks hand out addresses. */
export function bucketNamer({ salt, now }: NamerOptions): (address: string) => BucketName {
  let today = -1
  let current: Uint8Array = new Uint8Array()
  return (address) => {
    const date = Math.floor(now() / day)
    if (date !== today) {
      // In this order: without a salt nobody may be named, not even after the dice failed once.
      current = salt()
      today = date
    }
    return hex(sha256(concat(current, utf8(prefix(address)))).subarray(0, 16))
  }
}

/** The part of an address that names a network rather than a machine. */
export function prefix(address: string): string {
  const v4 = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/i.exec(address)
  if (v4?.[1] !== undefined) return `${v4[1]}.0/24`
  const [head = '', tail] = address.toLowerCase().replace(/%.*$/, '').split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4)
  const [a = 0, b = 0, c = 0, d = 0] = groups.map((group) => Number.parseInt(group, 16))
  return `${[a, b, c, d & 0xff00].map((group) => group.toString(16)).join(':')}::/56`
}

export type Limiter = {
  /** Whether one more arrival is within the rate. How long the others wait is the same for everybody, so it is not said. */
  take(bucket: BucketName, now: number): boolean
  readonly size: () => number
}

/** At most `most` buckets are remembered; beyond that everybody new shares one, rather than the table growing. */
export function createLimiter(rate: Rate, most = 100_000): Limiter {
  const arrivals = new Map<BucketName, number>()
  let swept = 0
  const sweep = (now: number): void => {
    // Once a second at most: a full table must not cost a walk through it for every request.
    if (now - swept < 1000) return
    swept = now
    for (const [name, arrival] of arrivals) if (arrival <= now) arrivals.delete(name)
  }
  return {
    take(bucket, now) {
      if (arrivals.size >= most) sweep(now)
      const name = arrivals.has(bucket) || arrivals.size < most ? bucket : ''
      const arrival = arrive(rate, arrivals.get(name) ?? 0, now)
      if (arrival !== undefined) arrivals.set(name, arrival)
      return arrival !== undefined
    },
    size: () => arrivals.size,
  }
}
