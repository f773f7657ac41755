/**
 * Who may pass, and what is remembered of them: nothing but a bucket under a salted name, in memory, until it is empty.
 * wire.md "Limits" and "Errors", conformance OHTTP-R10, R18, R19, INC-2, INC-3, HOP-5.
 */
import { problem, type Problem } from '../shared/http/problem.ts'
import { incremental } from '../shared/http/incremental.ts'
import { incrementalLimit, incrementalRefused } from '../shared/http/incremental-words.ts'
import { nodeBindings } from '../shared/upstream/answer.ts'
import { createLimiter, type BucketName } from '../shared/limits/limiter.ts'
import type { Rate } from '../shared/limits/bucket.ts'
import type { Limit } from './vocabulary.ts'

export type RelayLimits = {
  /** octets of a stored request, of a stored answer, and of one stream in either direction */
  readonly request: number
  readonly answer: number
  readonly stream: number
  /** milliseconds in which a client must send or take something */
  readonly stall: number
  /** what is read and thrown away for a client that left: octets and milliseconds */
  readonly drainBytes: number
  readonly drainTime: number
  /** connections of one bucket at a time; beyond, new ones are closed */
  readonly connections: number
  /** requests of one bucket under way at a time, before it gets 503 */
  readonly exchanges: number
  /** abandoned exchanges of one bucket at a time, before it gets 503 */
  readonly abandoned: number
  /** incremental uploads at a time, each of which holds a connection; a quarter for one bucket; 0 refuses them all */
  readonly incremental: number
}

const MiB = 1 << 20

export const defaultLimits: RelayLimits = {
  request: MiB,
  answer: 16 * MiB,
  stream: 1 << 30,
  stall: 30_000,
  drainBytes: 8 * MiB,
  drainTime: 30_000,
  // A quarter of all connections, and less than half of what one gateway is asked at a time: one network, however many
  // people are behind it, leaves room for the others.
  connections: 2_500,
  exchanges: 512,
  abandoned: 128,
  // Well below the leases of one gateway: uploads that nobody ends must leave room for everybody else.
  incremental: 32,
}

export type AdmissionOptions = {
  readonly rate?: Rate | undefined
  readonly abandoned: number
  readonly connections?: number
  readonly exchanges?: number
  /** A client's address, where the world knows one. It is turned into a bucket's name and dropped. */
  readonly addressOf?: (context: Context) => string | undefined
  readonly nameOf: (address: string) => BucketName
  readonly now: () => number
  /** Somebody met a limit; nobody is told who. */
  readonly limited?: (limit: Limit) => void
}

/** What is looked at of a request; a Hono context is one. */
type Context = { readonly env: unknown; readonly req: { header(name: string): string | undefined } }

export type Admission = {
  /** A new connection; nothing refuses it, otherwise call the result when it has ended. */
  readonly meet: (address: string) => (() => void) | undefined
  /** The refusal of somebody who is over the rate, or has too much under way or too much abandoned. */
  admit(context: Context): Problem | undefined
  /** A request that was admitted; call the result when it is over. */
  enter(context: Context): () => void
  /** An exchange whose client left; call the result when it is over. */
  abandon(context: Context): () => void
  readonly abandoned: () => number
  readonly bucketOf: (context: Context) => BucketName
}

const overRate = problem(429)
const overBudget = problem(503)

export function createAdmission(options: AdmissionOptions): Admission {
  const { rate, now, nameOf, limited = () => undefined } = options
  const most = { ...defaultLimits, ...options }
  const bucketOf = bucketFinder(options)
  const limiter = rate === undefined ? undefined : createLimiter(rate)
  const [connections, exchanges, drains] = [countByBucket(), countByBucket(), countByBucket()]
  return {
    meet(address) {
      const bucket = named(nameOf, address)
      if (bucket === undefined) return () => undefined
      if (connections.of(bucket) < most.connections) return connections.add(bucket)
      limited('bucket-connections')
      return undefined
    },
    admit(context) {
      // Named now, while there is an address: a connection that has gone does not know it any more.
      const bucket = bucketOf(context)
      if (limiter !== undefined && !limiter.take(bucket, now())) return (limited('rate'), overRate)
      if (exchanges.of(bucket) >= most.exchanges) return (limited('exchanges'), overBudget)
      return drains.of(bucket) >= most.abandoned ? (limited('abandoned'), overBudget) : undefined
    },
    enter: (context) => exchanges.add(bucketOf(context)),
    abandon(context) {
      return drains.add(bucketOf(context))
    },
    bucketOf,
    abandoned: drains.all,
  }
}

// One hash a connection, not one a request: the connection knows its address anyway.
function bucketFinder({ addressOf = peerAddress, nameOf }: AdmissionOptions): (context: Context) => BucketName {
  const named = new WeakMap<object, BucketName>()
  return (context) => {
    const socket = nodeBindings(context)?.incoming.socket
    const known = socket && named.get(socket)
    if (known !== undefined) return known
    const name = nameOf(addressOf(context) ?? '')
    if (socket !== undefined) named.set(socket, name)
    return name
  }
}

// Who cannot be named is let in, and learns with the first request that nothing works: there somebody counts mistakes.
function named(nameOf: AdmissionOptions['nameOf'], address: string): BucketName | undefined {
  try {
    return nameOf(address)
  } catch {
    return undefined
  }
}

function peerAddress(context: Context): string | undefined {
  return nodeBindings(context)?.incoming.socket.remoteAddress
}

/** Whether a request was sent to us: its authority, whichever way it was written, is on the list, with or without a port. */
export function hostChecker(hosts: readonly string[] | undefined): (url: string) => boolean {
  if (hosts === undefined) return () => true
  const ours = new Set(hosts.map((host) => host.toLowerCase()))
  return (url) => {
    const authority =
      url
        .slice(url.indexOf('//') + 2)
        .split(/[/?#]/, 1)[0]
        ?.toLowerCase() ?? ''
    return ours.has(authority) || ours.has(authority.replace(/:\d+$/, ''))
  }
}

/** RFC 10036: true means that bytes must go on as they arrive, or the request must be refused. */
export function wantsIncremental(field: string | undefined): boolean {
  return field !== undefined && incremental([field]) === true
}

/**
 * Counts incremental uploads: each holds a connection to the gateway for as long as its client likes, and a while longer
 * when that client leaves. So no bucket gets more than a quarter of them.
 */
export function uploadGate(
  most: number,
  bucketOf: Admission['bucketOf'],
): { readonly enter: (context: Context) => Problem | (() => void) } {
  const open = countByBucket()
  const share = Math.ceil(most / 4)
  return {
    enter(context) {
      if (most === 0) return problem(501, { proxyStatus: incrementalRefused })
      const bucket = bucketOf(context)
      const full = open.all() >= most || open.of(bucket) >= share
      return full ? problem(429, { proxyStatus: incrementalLimit }) : open.add(bucket)
    },
  }
}

/** How many of something each bucket has; one that has none is forgotten. */
function countByBucket() {
  const counts = new Map<BucketName, number>()
  let all = 0
  const of = (bucket: BucketName): number => counts.get(bucket) ?? 0
  const remove = (bucket: BucketName): void => {
    all--
    const left = of(bucket) - 1
    if (left > 0) counts.set(bucket, left)
    else counts.delete(bucket)
  }
  return {
    of,
    all: () => all,
    /** Call the result once, when it is over. */
    add(bucket: BucketName): () => void {
      all++
      counts.set(bucket, of(bucket) + 1)
      return () => remove(bucket)
    },
  }
}
