/**
 * Limits per client without keeping who it was: what is remembered lies in process memory of a fixed size, under a keyed
 * hash of the address's prefix. The key is random per process and day, so that yesterday's buckets name nobody
 * (OHTTP-R18, R19; privacy.md 4.9).
 */
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { hex, utf8 } from '../bytes.ts'
import { arrive, type Rate } from './bucket.ts'
import { createSketch, type Sketch } from './sketch.ts'

/**
 * A client's bucket: hex digits that are random to everybody without the key. Right after midnight they are twice as many:
 * those of yesterday come behind those of today, so that a new day is no new allowance.
 */
export type BucketName = string

const day = 86_400_000
const length = 32

export type NamerOptions = {
  /** 32 fresh random octets */
  readonly salt: () => Uint8Array
  readonly now: () => number
  /** milliseconds of a new day in which yesterday's key still names; as long as a full bucket takes to become empty */
  readonly overlap?: number
}

type Key = { readonly date: number; readonly salt: Uint8Array }

/** Names the bucket of an address: its /24 or /56, the granularity at which networks hand out addresses. */
export function bucketNamer({ salt, now, overlap = 0 }: NamerOptions): (address: string) => BucketName {
  let keys: Key[] = []
  const turn = (time: number): void => {
    const date = Math.floor(time / day)
    // Without a salt nobody may be named, not even after the dice failed once.
    if (keys[0]?.date !== date) keys = [{ date, salt: salt() }, ...keys.filter((key) => key.date === date - 1)]
    if (time - date * day >= overlap) keys.length = 1
  }
  return (address) => {
    turn(now())
    const network = utf8(prefix(address))
    return keys.map((key) => hex(hmac(sha256, key.salt, network)).slice(0, length)).join('')
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
}

/** However many buckets there are: two that meet in the sketch are limited a little early, never late. */
export function createLimiter(rate: Rate, arrivals: Sketch = createSketch()): Limiter {
  return {
    take(bucket, now) {
      const names = namesIn(bucket)
      const arrival = arrive(rate, Math.max(...names.map(arrivals.read)), now)
      if (arrival !== undefined) for (const name of names) arrivals.raise(name, arrival)
      return arrival !== undefined
    },
  }
}

/** milliseconds in which a bucket that was just full becomes empty */
export function emptyAfter({ perSecond, burst }: Rate): number {
  return Math.min(day, (burst * 1000) / perSecond)
}

function namesIn(bucket: BucketName): readonly string[] {
  return bucket.length <= length ? [bucket] : [bucket.slice(0, length), bucket.slice(length)]
}
