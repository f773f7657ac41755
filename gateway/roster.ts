/**
 * Which attested connections there are, which of them are free, and when each is judged anew. All dialling happens
 * here, on a timer of its own and behind a back-off, so that no request ever waits for evidence. trust.md 3.
 */
import { Refusal, type RefusalCode } from '../shared/refusal.ts'
import { AttestedConnection } from './attested-connection.ts'
import { BackOff } from './back-off.ts'
import { bind, type BindOptions } from './binding.ts'
import { CvmFailure } from './cvm-failure.ts'
import type { ExchangeLimits } from './exchange.ts'

export type CvmPoolEvent =
  | { readonly event: 'attested'; readonly simulated: boolean; readonly measurement: string }
  | { readonly event: 'not-attested'; readonly code: RefusalCode }

export type RosterOptions = Omit<BindOptions, 'limit' | 'signal'> & {
  /** how many requests the CVM is given at a time */
  readonly connections: number
  readonly now: () => number
  readonly random: () => number
  /** milliseconds until a connection is judged anew; half of its verdict's life if that is less */
  readonly maxAge?: number
  /** milliseconds for dialling, asking and judging together */
  readonly attestLimit?: number
  readonly limits?: Partial<ExchangeLimits>
  /** milliseconds of rest after a failure: the first, and at most */
  readonly backOff?: { readonly first: number; readonly cap: number }
  readonly report?: (event: CvmPoolEvent) => void
}

export type Held = {
  readonly connection: AttestedConnection
  readonly bornAt: number
  readonly renewAt: number
  leased: boolean
}

// A report costs the CVM's security processor milliseconds, and hosts throttle those who ask for many.
const dialsAtOnce = 4
// A connection that ends sooner than this without any use was as good as a failed one.
const youth = 1000
const longestTimer = 2 ** 31 - 1

export class Roster {
  readonly #options: RosterOptions
  readonly #backOff: BackOff
  readonly #current = new Set<Held>()
  /** Replaced, but in the middle of an answer. */
  readonly #retired = new Set<Held>()
  readonly #listeners = new Set<() => void>()
  #free: Held[] = []
  #dialling = 0
  #renewing: Held | undefined
  #restUntil = 0
  #wake: NodeJS.Timeout | undefined
  #wasReady = false
  // One per belief: what was judged under an earlier one no longer counts.
  #belief = new AbortController()
  #closed = false

  constructor(options: RosterOptions) {
    if (!Number.isInteger(options.connections) || options.connections < 1) throw new TypeError('no connections')
    this.#options = options
    this.#backOff = new BackOff({ ...(options.backOff ?? { first: 250, cap: 30_000 }), random: options.random })
    this.#tend()
  }

  get ready(): boolean {
    return [...this.#current].some(({ connection }) => connection.alive)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** At least one request could be taken at this moment. */
  get available(): boolean {
    return this.#free.some(({ connection }) => connection.alive)
  }

  /** How many requests could be taken at this moment. */
  get free(): number {
    return this.#free.filter(({ connection }) => connection.alive).length
  }

  take(): Held | undefined {
    for (let held = this.#free.pop(); held !== undefined; held = this.#free.pop()) {
      if (held.connection.alive) {
        held.leased = true
        return held
      }
      // Lapsed before its timer, or ended before its event: either way there is something to do.
      queueMicrotask(() => this.#tend())
    }
    return undefined
  }

  giveBack(held: Held, reusable: boolean): void {
    held.leased = false
    if (reusable && this.#current.has(held) && held.connection.alive) this.#free.push(held)
    else this.#drop(held, new CvmFailure('unreachable', 'the exchange did not come to its end'))
  }

  revoke(): void {
    this.#belief.abort()
    this.#belief = new AbortController()
    this.#endAll(new CvmFailure('expired', 'revoked'))
    this.#backOff.worked()
    this.#restUntil = 0
    this.#tend()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#belief.abort()
    clearTimeout(this.#wake)
    const all = [...this.#current, ...this.#retired]
    const gone = all.map(({ connection }) => new Promise<void>((resolve) => connection.onEnd(resolve)))
    this.#endAll(new CvmFailure('unreachable', 'closing'))
    await Promise.all(gone)
  }

  /** Everything that time or an event may have made necessary. */
  #tend(): void {
    if (this.#closed) return
    this.#endLapsed()
    // One look at the clock: a rest that ended between two looks would be neither worked on nor waited for.
    const now = this.#options.now()
    const resting = now < this.#restUntil
    for (let job = this.#nextJob(now); job !== undefined && !resting; job = this.#nextJob(now)) void this.#dial(job)
    this.#tell()
    this.#sleepFrom(now)
  }

  // What runs on a connection ends with what was believed of it, also when the connection has been replaced since. A
  // verdict that ends without a successor means that evidence is no longer given: all streams in flight end.
  #endLapsed(): void {
    const over = new CvmFailure('expired', 'the verdict is over')
    const lapsed = [...this.#current, ...this.#retired].filter(({ connection }) => connection.lapsed)
    for (const held of lapsed) this.#drop(held, over)
    if (lapsed.length > 0 && this.#current.size === 0) this.#endAll(over)
  }

  #nextJob(now: number): { replaces: Held | undefined } | undefined {
    const atOnce = this.#backOff.doubtful ? 1 : dialsAtOnce
    if (this.#dialling >= atOnce) return undefined
    const filling = this.#dialling - (this.#renewing === undefined ? 0 : 1)
    if (this.#current.size + filling < this.#options.connections) return { replaces: undefined }
    if (this.#renewing !== undefined) return undefined
    const replaces = [...this.#current].find(({ renewAt }) => renewAt <= now)
    return replaces && { replaces }
  }

  // One by one, and the old one stays until the new one is there: capacity does not move.
  async #dial({ replaces }: { replaces: Held | undefined }): Promise<void> {
    const { signal } = this.#belief
    this.#dialling += 1
    if (replaces !== undefined) this.#renewing = replaces
    try {
      const bound = await bind({ ...this.#options, limit: this.#options.attestLimit ?? 10_000, signal })
      if (signal.aborted || !this.#hasRoom(replaces)) bound.socket.destroy()
      else this.#welcome(bound, replaces)
    } catch (cause) {
      if (!signal.aborted) this.#rest(cause instanceof Refusal ? cause.code : 'target-unreachable')
    }
    this.#dialling -= 1
    if (replaces !== undefined) this.#renewing = undefined
    this.#tend()
  }

  // While a replacement was made, the one to be replaced may have ended and its place been filled.
  #hasRoom(replaces: Held | undefined): boolean {
    const others = this.#current.size - (replaces !== undefined && this.#current.has(replaces) ? 1 : 0)
    return others < this.#options.connections
  }

  #welcome(bound: Awaited<ReturnType<typeof bind>>, replaces: Held | undefined): void {
    const { now, limits, report } = this.#options
    const connection = new AttestedConnection({
      ...bound,
      now,
      limits: { firstByte: 60_000, stall: 30_000, ...limits },
    })
    if (!connection.alive) {
      connection.end(new CvmFailure('expired', 'the verdict is over'))
      throw new Refusal('evidence-expired', 'judged too late to be of use')
    }
    const held = { connection, bornAt: now(), renewAt: this.#renewAt(bound.verdict.notAfter), leased: false }
    this.#current.add(held)
    this.#free.push(held)
    connection.onEnd(() => this.#ended(held))
    if (replaces !== undefined) this.#retire(replaces)
    this.#backOff.worked()
    const { simulated, measurement } = bound.verdict
    report?.({ event: 'attested', simulated, measurement })
  }

  // Spread a little, or all connections of one start would come due together for ever.
  #renewAt(notAfter: number): number {
    const { now, random, maxAge = 3_600_000 } = this.#options
    return now() + Math.min(maxAge, (notAfter - now()) / 2) * (0.9 + random() / 10)
  }

  #retire(held: Held): void {
    if (!held.leased) {
      this.#drop(held, new CvmFailure('unreachable', 'replaced'))
      return
    }
    this.#current.delete(held)
    this.#retired.add(held)
  }

  #ended(held: Held): void {
    const young = this.#current.has(held) && this.#options.now() - held.bornAt < youth && !held.connection.used
    this.#drop(held, new CvmFailure('unreachable', 'the connection ended'))
    if (young && !this.#closed) this.#rest('target-unreachable')
    this.#tend()
  }

  #rest(code: RefusalCode): void {
    this.#restUntil = this.#options.now() + this.#backOff.failed()
    this.#options.report?.({ event: 'not-attested', code })
  }

  #drop(held: Held, reason: CvmFailure): void {
    this.#current.delete(held)
    this.#retired.delete(held)
    const at = this.#free.indexOf(held)
    if (at >= 0) this.#free.splice(at, 1)
    held.connection.end(reason)
  }

  #endAll(reason: CvmFailure): void {
    for (const held of [...this.#current, ...this.#retired]) this.#drop(held, reason)
  }

  #tell(): void {
    const { ready } = this
    if (ready === this.#wasReady) return
    this.#wasReady = ready
    for (const listener of this.#listeners) listener()
  }

  #sleepFrom(now: number): void {
    clearTimeout(this.#wake)
    const moments = [...this.#current, ...this.#retired].map(({ connection }) => connection.verdict.notAfter)
    if (this.#restUntil > now) moments.push(this.#restUntil)
    else if (this.#renewing === undefined) moments.push(...[...this.#current].map(({ renewAt }) => renewAt))
    if (moments.length === 0) return
    const wait = Math.min(longestTimer, Math.max(1, Math.min(...moments) - now))
    this.#wake = setTimeout(() => this.#tend(), wait).unref()
  }
}
