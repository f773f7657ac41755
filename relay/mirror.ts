/**
 * The gateway's bundle and key list as opaque bytes: fetched beside the path, the same for everybody, so that a gateway
 * cannot show one client another key (conformance CONS-1, CONS-2, DISC-6, DISC-8). Clients verify; the relay reads nothing.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { hex, type Bytes } from '../shared/bytes.ts'
import { essence, mediaTypes } from '../shared/http/media-types.ts'
import { collect, type Collected, type Forward } from '../shared/upstream/exchange.ts'
import type { MirrorFailure, Resource } from './vocabulary.ts'

export type Copy = {
  readonly bytes: Bytes
  readonly etag: string
  /** whole seconds since the gateway made it, and until it may not be shown any more */
  readonly age: number
  readonly left: number
}

export type Mirror = {
  /** The copy of this moment; undefined when there is no fresh one. */
  read(resource: Resource): Copy | undefined | Promise<Copy | undefined>
}

export type MirrorOptions = {
  readonly forward: Forward
  readonly now: () => number
  readonly told?: (resource: Resource, result: 'refreshed' | MirrorFailure) => void
}

type Kept = { readonly bytes: Bytes; readonly etag: string; readonly madeAt: number; readonly until: number }

const most = 4 << 20
const longest = 600
const unstated = 60

const asked: Record<Resource, { readonly path: string; readonly type: string }> = {
  bundle: { path: '/.well-known/asunder-bundle', type: mediaTypes.bundle },
  keys: { path: '/.well-known/ohttp-gateway', type: mediaTypes.keys },
}

/** Copies that are kept fresh by timers; nobody's request ever waits for the gateway, or makes one. */
export function createMirror(options: MirrorOptions): Mirror & { start(): Promise<void>; stop(): void } {
  const kept = new Map<Resource, Kept>()
  const timers = new Map<Resource, ReturnType<typeof setTimeout>>()
  let running = false
  const refresh = async (resource: Resource): Promise<void> => {
    const fetched = await fetchCopy(resource, options)
    if (typeof fetched !== 'string') kept.set(resource, fetched)
    if (running)
      timers.set(
        resource,
        setTimeout(() => void refresh(resource), nextLook(fetched, options.now())),
      )
  }
  return {
    read: (resource) => shown(kept.get(resource), options.now()),
    async start() {
      running = true
      await Promise.all([refresh('bundle'), refresh('keys')])
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
  return {
    async read(resource) {
      const copy = shown(kept.get(resource), options.now())
      if (copy !== undefined) return copy
      const fetched = await fetchCopy(resource, options)
      if (typeof fetched === 'string') return undefined
      kept.set(resource, fetched)
      return shown(fetched, options.now())
    },
  }
}

/** The head that a copy is shown with: the digest names the bytes, the times are the same for everybody. */
export function copyFields(resource: Resource, { bytes, etag, age, left }: Copy): Record<string, string> {
  return {
    'content-type': asked[resource].type,
    'cache-control': `public, max-age=${left}`,
    age: String(age),
    etag,
    'content-length': String(bytes.length),
  }
}

async function fetchCopy(resource: Resource, { forward, now, told }: MirrorOptions): Promise<Kept | MirrorFailure> {
  const { path, type } = asked[resource]
  // RFC 9540 §6 wants the type asked for; it is a constant, and nobody's in particular.
  const answer = await collect(forward, { method: 'GET', path, fields: ['accept', type], body: null }, most)
  const result = typeof answer === 'string' ? answer : keep(answer, type, now())
  told?.(resource, typeof result === 'string' ? result : 'refreshed')
  return result
}

// Of the gateway's fields only the type and the freshness are read, and only numbers of ours come out.
function keep({ status, field, body }: Collected, type: string, now: number): Kept | MirrorFailure {
  const usable = status === 200 && essence(field('content-type')) === type && field('content-encoding') === undefined
  if (!usable || body.length === 0) return 'refused'
  const age = wholeSeconds(field('age')) ?? 0
  const stated = wholeSeconds(/(?:^|[\s,])max-age=(\d+)/i.exec(field('cache-control') ?? '')?.[1])
  const left = Math.min(longest, Math.max(0, (stated ?? unstated) - age))
  const etag = `"${hex(sha256(body))}"`
  return { bytes: body, etag, madeAt: now - age * 1000, until: now + left * 1000 }
}

function shown(kept: Kept | undefined, now: number): Copy | undefined {
  if (kept === undefined || now >= kept.until) return undefined
  const { bytes, etag, madeAt, until } = kept
  return { bytes, etag, age: Math.floor((now - madeAt) / 1000), left: Math.ceil((until - now) / 1000) }
}

// Half of what is left, so that one failed look leaves time for others; a failure is looked at again soon.
function nextLook(fetched: Kept | MirrorFailure, now: number): number {
  return typeof fetched === 'string' ? 5_000 : Math.max(1_000, (fetched.until - now) / 2)
}

function wholeSeconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined
}
