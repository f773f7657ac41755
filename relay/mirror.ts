/**
 * The gateway's bundle and key list as opaque bytes: fetched beside the path, the same for everybody, so that a gateway
 * cannot show one client another key (conformance CONS-1, CONS-2, DISC-6, DISC-8). Clients verify; of a bundle the relay
 * reads the serial, and never goes back to a lower one (trust.md 2).
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { hex, type Bytes } from '../shared/bytes.ts'
import { essence, mediaTypes } from '../shared/http/media-types.ts'
import type { Digest } from '../shared/observability/digest.ts'
import { collect, type Collected, type Forward, type UpstreamRequest } from '../shared/upstream/exchange.ts'
import { bundleSerial } from './serial.ts'
import { resources, type MirrorFailure, type Resource } from './vocabulary.ts'

export type Copy = {
  readonly bytes: Bytes
  readonly etag: string
  /** whole seconds for which others may use it */
  readonly left: number
}

export type Mirror = {
  /** The copy of this moment; undefined when there is none that may still be shown. */
  read(resource: Resource): Copy | undefined | Promise<Copy | undefined>
}

/** How a look ended; `copy` is what is shown from now on. */
export type Mirrored = (resource: Resource, result: { readonly copy: Digest } | MirrorFailure) => void

export type Remembered = {
  readonly load: () => number
  readonly save: (serial: number) => void
}

export type MirrorOptions = {
  readonly forward: Forward
  /** Other ways on which the same bundle is seen: a relay of another operator, the gateway through another network. */
  readonly vantages?: readonly Forward[]
  readonly now: () => number
  readonly told?: Mirrored
  /** What an operator could mend of a connection that was not had. */
  readonly trouble?: () => MirrorFailure | undefined
  /** The highest serial that was seen, beyond the end of this process. */
  readonly remembered?: Remembered | undefined
}

export type KeptMirror = Mirror & {
  /** Whether everything that the gateway has to show can be shown: what it has not (404) is not waited for. */
  complete(): boolean
  start(): Promise<void>
  stop(): void
}

type Kept = { readonly bytes: Bytes; readonly etag: string; readonly until: number }
type Look = (resource: Resource) => Promise<Kept | MirrorFailure>

const most = 4 << 20
const longest = 600
const unstated = 60
// How often to look when there is little left or a look failed, and how long a copy outlives its time while we do: all
// copies of one window end at once, and the new ones are a round trip away. Nobody may keep such a copy (max-age=0).
const interval = 5_000
const grace = 60_000

const asked: Record<Resource, { readonly path: string; readonly type: string }> = {
  bundle: { path: '/.well-known/asunder-bundle', type: mediaTypes.bundle },
  keys: { path: '/.well-known/ohttp-gateway', type: mediaTypes.keys },
}

/** Copies that are kept fresh by timers; nobody's request ever waits for the gateway, or makes one. */
export function createMirror(options: MirrorOptions): KeptMirror {
  const { now } = options
  const kept = new Map<Resource, Kept>()
  const absent = new Set<Resource>()
  const timers = new Map<Resource, ReturnType<typeof setTimeout>>()
  const look = looker(options)
  let running = false
  const refresh = async (resource: Resource): Promise<void> => {
    const found = await look(resource)
    if (typeof found !== 'string') kept.set(resource, found)
    if (found === 'absent') absent.add(resource)
    else absent.delete(resource)
    if (running) {
      const next = setTimeout(() => void refresh(resource), nextLook(found, now()))
      timers.set(resource, next)
    }
  }
  const read = (resource: Resource): Copy | undefined => shown(kept.get(resource), now(), grace)
  return {
    read,
    complete() {
      const missing = resources.filter((resource) => read(resource) === undefined)
      return missing.length < resources.length && missing.every((resource) => absent.has(resource))
    },
    async start() {
      running = true
      await Promise.all(resources.map(refresh))
    },
    stop() {
      running = false
      for (const timer of timers.values()) clearTimeout(timer)
    },
  }
}

/** Copies that are fetched when somebody asks and none is fresh: for Workers, which have no time of their own. */
export function mirrorOnDemand(options: MirrorOptions): Mirror {
  const kept = new Map<Resource, Kept>()
  const look = looker(options)
  return {
    async read(resource) {
      const copy = shown(kept.get(resource), options.now())
      if (copy !== undefined) return copy
      const found = await look(resource)
      if (typeof found !== 'string') kept.set(resource, found)
      return shown(kept.get(resource), options.now(), grace)
    },
  }
}

/**
 * The head that a copy is shown with: the digest names the bytes, the times are the same for everybody. Caches subtract
 * `age` from `max-age` (RFC 9111 §4.2.3), and `max-age` counts down already, so the age is none.
 */
export function copyFields(resource: Resource, { bytes, etag, left }: Copy): Record<string, string> {
  return {
    'content-type': asked[resource].type,
    'cache-control': `public, max-age=${left}`,
    age: '0',
    etag,
    'content-length': String(bytes.length),
  }
}

/** How a resource is asked for. RFC 9540 §6 wants the type asked for; it is a constant, and nobody's in particular. */
export function question(resource: Resource): UpstreamRequest {
  const { path, type } = asked[resource]
  return { method: 'GET', path, fields: ['accept', type], body: null }
}

/**
 * Looks at the gateway, and remembers the highest serial that it saw. A vantage may lag, so
 * another serial there says nothing; the same serial with other bytes are two bundles, made for two crowds.
 */
function looker(options: MirrorOptions): Look {
  const { forward, vantages = [], now, told, trouble = () => undefined, remembered } = options
  let highest = remembered?.load() ?? 0
  const notOlder = (copy: Kept): Kept | MirrorFailure => {
    const serial = bundleSerial(copy.bytes)
    if (serial === undefined) return 'refused'
    if (serial < highest) return 'rolled-back'
    if (serial > highest) remembered?.save(serial)
    highest = serial
    return copy
  }
  const lookAt = async (way: Forward, resource: Resource): Promise<Kept | MirrorFailure> => {
    const answer = await collect(way, question(resource), most)
    return typeof answer === 'string' ? answer : keep(answer, asked[resource].type, now())
  }
  const seenElsewhere = async (copy: Kept): Promise<boolean> => {
    const others = await Promise.all(vantages.map((way) => lookAt(way, 'bundle')))
    if (others.some((other) => typeof other === 'string')) told?.('bundle', 'vantage-failed')
    return others.some((other) => typeof other !== 'string' && contradicts(other, copy))
  }
  const compared = async (copy: Kept): Promise<Kept | MirrorFailure> =>
    (await seenElsewhere(copy)) ? 'equivocation' : notOlder(copy)
  const judged = vantages.length === 0 ? notOlder : compared
  return async (resource) => {
    const found = await lookAt(forward, resource)
    const copy = found === 'broken' ? (trouble() ?? found) : found
    const result = await (resource === 'bundle' && typeof copy !== 'string' ? judged(copy) : copy)
    told?.(resource, typeof result === 'string' ? result : { copy: `sha256:${result.etag.slice(1, -1)}` })
    return result
  }
}

function contradicts(one: Kept, other: Kept): boolean {
  return bundleSerial(one.bytes) === bundleSerial(other.bytes) && one.etag !== other.etag
}

// Of the gateway's fields only the type and the freshness are read, and only numbers of ours come out.
function keep({ status, field, body }: Collected, type: string, now: number): Kept | MirrorFailure {
  if (status === 404) return 'absent'
  const usable = status === 200 && essence(field('content-type')) === type && field('content-encoding') === undefined
  if (!usable || body.length === 0) return 'refused'
  const age = wholeSeconds(field('age')) ?? 0
  const stated = wholeSeconds(/(?:^|[\s,])max-age=(\d+)/i.exec(field('cache-control') ?? '')?.[1])
  const left = Math.min(longest, Math.max(0, (stated ?? unstated) - age))
  const etag = `"${hex(sha256(body))}"`
  return { bytes: body, etag, until: now + left * 1000 }
}

function shown(kept: Kept | undefined, now: number, longer = 0): Copy | undefined {
  if (kept === undefined || now >= kept.until + longer) return undefined
  const { bytes, etag, until } = kept
  return { bytes, etag, left: Math.max(0, Math.ceil((until - now) / 1000)) }
}

// Half of what is left, so that one failed look leaves time for others; near the end, and after a failure, soon. What a gateway
// does not have (sealed has no bare key list) it will not have in five seconds either.
function nextLook(found: Kept | MirrorFailure, now: number): number {
  if (found === 'absent') return grace
  return typeof found === 'string' ? interval : Math.max(interval, (found.until - now) / 2)
}

function wholeSeconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined
}
