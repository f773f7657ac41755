/**
 * One forwarded request: what the gateway answers, cut anew and judged by `forward.ts`, goes to the client; when the
 * client leaves, the gateway is not told: the answer is read and thrown away within a budget (wire.md "Limits",
 * conformance CHK-14, OHTTP-R6, R12, HOP-7, HOP-8; feasibility 1 for the shape).
 */
import type { Family } from '../shared/http/media-types.ts'
import { problem, type Problem } from '../shared/http/problem.ts'
import { whole, type Flow, type Listener, type UpstreamFailure } from '../shared/upstream/exchange.ts'
import { broken, failed, inward, knownProblem, longestProblem } from './forward.ts'
import type { RelayLimits } from './admit.ts'
import type { Outcome, Spoilt } from './vocabulary.ts'

/** Where the answer goes: kept whole for the standard family, piece by piece for the chunked one. */
export type Delivery = {
  /** Most octets of a content. */
  readonly max: number
  /** False asks to wait for `Exchange.drained`. */
  write(bytes: Uint8Array): boolean
  end(): void
  /** The answer is this refusal; nothing has been written. `close` when the client's upload is not read to its end. */
  refuse(refused: Problem, close: boolean): void
  /** What was written so far must not pass for a complete answer. */
  cut(): void
  readonly begun: boolean
}

export type ExchangeOptions = {
  readonly family: Family
  readonly delivery: Delivery
  readonly limits: Pick<RelayLimits, 'drainBytes' | 'drainTime'>
  /** Takes a share of the client's budget; what it gives is called at the end. */
  readonly abandon: () => () => void
  readonly count: (outcome: Outcome) => void
  /** For how many milliseconds from now an answer is read that nobody waits for. */
  readonly letGoIn?: () => number
  /** There was no room for it. */
  readonly busy?: () => void
}

const noRoom = problem(503)

type Phase = 'head' | 'content' | 'problem' | 'discard' | 'over'

export class Exchange implements Listener {
  readonly #options: ExchangeOptions
  readonly #ended: (() => void)[] = []
  #phase: Phase = 'head'
  #flow: Flow | undefined
  #parts: Uint8Array[] = []
  #passed = 0
  #discarded = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** Hands over the other end; nothing has come from it yet. */
  steer(flow: Flow): void {
    this.#flow = flow
    if (this.#phase === 'over') flow.abort()
  }

  /** Calls back once the gateway has nothing more to say, however that came about. */
  whenOver(then: () => void): void {
    if (this.#phase === 'over') then()
    else this.#ended.push(then)
  }

  head(status: number, field: (name: string) => string | undefined): void {
    if (this.#phase !== 'head') return
    const meaning = inward(this.#options.family, status, field)
    if (meaning === 'content') this.#phase = 'content'
    else if (meaning === 'read-problem') this.#phase = 'problem'
    else this.#refuse(meaning, meaning === broken ? 'gateway-failed' : 'gateway-busy')
  }

  data(bytes: Uint8Array): void {
    this.#passed += bytes.length
    if (this.#phase === 'content') this.#keep(bytes)
    else if (this.#phase === 'problem') this.#keepProblem(bytes)
    else if (this.#phase === 'discard') this.#throwAway(bytes)
  }

  end(): void {
    if (this.#phase === 'content') {
      this.#options.delivery.end()
      this.#served()
    } else if (this.#phase === 'problem') {
      const known = knownProblem(whole(this.#parts))
      this.#answer(known, known === broken ? 'gateway-failed' : 'key-unknown')
    } else if (this.#phase === 'head') {
      this.#answer(broken, 'gateway-failed')
    }
    this.#finish()
  }

  fail(why: UpstreamFailure): void {
    if (why === 'busy') this.#options.busy?.()
    const outcome = why === 'busy' ? 'limited' : why === 'timeout' ? 'gateway-slow' : 'gateway-failed'
    if (this.#phase === 'content' && this.#options.delivery.begun) this.#cut()
    else if (this.#phase !== 'discard' && this.#phase !== 'over') this.#answer(failed(why), outcome)
    this.#finish()
  }

  /** The client took what was written. */
  drained(): void {
    if (this.#phase !== 'over') this.#flow?.resume()
  }

  /** The client is gone. The gateway must not see when, so nothing changes on its side but the time limit. */
  left(): void {
    if (this.#phase === 'discard' || this.#phase === 'over') return
    this.#options.count('left')
    this.whenOver(this.#options.abandon())
    this.#discard()
  }

  /** There is no room for its answer any more: the client is told or cut off, and the gateway must not see when. */
  lose(): void {
    const { delivery, abandon } = this.#options
    if (this.#phase === 'over') delivery.cut()
    if (this.#phase === 'discard' || this.#phase === 'over') return
    if (delivery.begun) this.#cut()
    else this.#answer(noRoom, 'limited')
    this.whenOver(abandon())
    this.#discard()
  }

  /** What the gateway sends is not what this profile carries: the client has no whole answer, and no more is read. */
  spoilt(outcome: Spoilt): void {
    if (this.#phase === 'discard' || this.#phase === 'over') return
    const { delivery, count } = this.#options
    if (delivery.begun) {
      count(outcome)
      delivery.cut()
    } else this.#answer(broken, outcome)
    this.#letGo()
  }

  /** The client's own upload broke a rule: it is told, and the gateway's half is let go. */
  refuseUpload(refused: Problem): void {
    if (this.#phase === 'discard' || this.#phase === 'over') return
    if (this.#options.delivery.begun) this.#cut()
    else this.#answer(refused, 'rejected', true)
    this.#letGo()
  }

  #keep(bytes: Uint8Array): void {
    if (this.#passed > this.#options.delivery.max) {
      if (this.#options.delivery.begun) this.#cut()
      else this.#answer(broken, 'gateway-failed')
      this.#letGo()
      return
    }
    // Node puts what is written in one tick into one chunk, so where the gateway cut its chunks does not show.
    if (!this.#options.delivery.write(bytes)) this.#flow?.pause()
  }

  #keepProblem(bytes: Uint8Array): void {
    if (this.#passed <= longestProblem) this.#parts.push(bytes)
    else this.#refuse(broken, 'gateway-failed')
  }

  #throwAway(bytes: Uint8Array): void {
    this.#discarded += bytes.length
    if (this.#discarded > this.#options.limits.drainBytes) this.#letGo()
  }

  // The client has its answer; what the gateway still says is read within the same budget, to keep the connection.
  #refuse(refused: Problem, outcome: Outcome): void {
    this.#answer(refused, outcome)
    this.#discard()
  }

  // Unless its very end spoilt it.
  #served(): void {
    if (this.#phase !== 'over') this.#options.count('served')
  }

  #answer(refused: Problem, outcome: Outcome, close = false): void {
    this.#options.count(outcome)
    this.#options.delivery.refuse(refused, close)
  }

  #cut(): void {
    this.#options.count('cut')
    this.#options.delivery.cut()
  }

  #discard(): void {
    this.#phase = 'discard'
    this.#parts = []
    const { limits, letGoIn = () => limits.drainTime } = this.#options
    this.#timer = setTimeout(() => this.#letGo(), letGoIn())
    this.#flow?.resume()
  }

  #letGo(): void {
    this.#finish()
    this.#flow?.abort()
  }

  #finish(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#parts = []
    clearTimeout(this.#timer)
    for (const then of this.#ended) then()
  }
}
