/**
 * Answers of the profile `mixed`: they begin at a tick, in random order, and what the gateway says is taken as it comes,
 * whatever the client takes of it. wire.md "Traffic shaping profiles", privacy.md 4.2 and N02.
 */
import type { Problem } from '../shared/http/problem.ts'
import { onGrid } from '../shared/shaping/buckets.ts'
import { answerTo, nodeBindings, type Answer } from '../shared/upstream/answer.ts'
import { whole } from '../shared/upstream/exchange.ts'
import { whenWhole, type Delivering, type DeliveryOptions } from './delivery.ts'
import type { Departures } from './departures.ts'
import { share, type Place } from './room.ts'

export type MixedOptions = DeliveryOptions & { readonly answers: Departures; readonly place: Place }

/**
 * As one message, at the tick after the gateway has said everything. Its room is its own until the client has it. A length
 * off the grid is refused, as it is of requests: it would mark the one answer that has it (privacy.md G08).
 */
export function wholeAtTick(options: MixedOptions): Delivering {
  const { answers, place, context, client } = options
  const inner = whenWhole(options)
  let octets = 0
  const outgoing = nodeBindings(context)?.outgoing
  const later = atTick(answers, () => {
    if (outgoing === undefined || outgoing.destroyed) place.leave()
  })
  if (outgoing?.destroyed === true) place.leave()
  else outgoing?.once('close', () => place.leave())
  return {
    ...inner,
    write(bytes) {
      place.keep(bytes.length)
      octets += bytes.length
      return inner.write(bytes)
    },
    end() {
      if (onGrid(octets)) later(() => inner.end())
      else client().spoilt('off-grid')
    },
    refuse: (refused, close) => later(() => inner.refuse(refused, close)),
    // Its room is taken away while it waits, or while the client takes it.
    cut: () => void outgoing?.destroy(),
  }
}

/** There is always room: each exchange that was let in has one answer, and the batch of answers has no limit of its own. */
export function atTick(answers: Departures, then: () => void = () => undefined): (leave: () => void) => void {
  return (leave) => {
    const gone = (): void => {
      leave()
      then()
    }
    if (!answers(gone, 0)) throw new TypeError('the batch of answers is full')
  }
}

/**
 * Piece by piece, from the tick after the first one. What the client has not taken is kept, and the gateway never waits
 * for it; only before that tick, which is the relay's own, does a gateway wait that pours out more than a share.
 */
export function streamAtTick(options: MixedOptions): Delivering {
  return new KeptStream(options)
}

const mostLoose = 256

class KeptStream implements Delivering {
  readonly max: number
  readonly response: Delivering['response']
  readonly #options: MixedOptions
  readonly #answer: Answer
  readonly #atTick: (leave: () => void) => void
  readonly #kept: Uint8Array[] = []
  #loose = 0
  #phase: 'silent' | 'waiting' | 'flowing' | 'blocked' | 'over' = 'silent'
  #early = 0
  #ended = false

  constructor(options: MixedOptions) {
    const { context, stall, max, answers } = options
    this.#options = options
    this.#answer = answerTo(context, stall, { drained: () => this.#drained(), left: () => this.#left() })
    this.#atTick = atTick(answers)
    this.max = max
    this.response = this.#answer.response
  }

  get begun(): boolean {
    return this.#answer.headSent
  }

  write(bytes: Uint8Array): boolean {
    if (this.#phase === 'over') return true
    this.#keep(bytes)
    this.#options.place.keep(bytes.length)
    this.#early += bytes.length
    if (this.#phase === 'silent') this.#beginLater()
    else this.#pass()
    return this.#phase !== 'waiting' || this.#early < share
  }

  end(): void {
    this.#ended = true
    if (this.#phase === 'silent') this.#beginLater()
    else this.#pass()
  }

  refuse(refused: Problem, close: boolean): void {
    this.#over()
    this.#atTick(() => this.#answer.refuse(this.#options.dress(refused), close))
  }

  cut(): void {
    this.#over()
    this.#answer.cut()
  }

  // A thousand small pieces take far more room than their octets, which is all that is counted.
  #keep(bytes: Uint8Array): void {
    this.#kept.push(bytes)
    this.#loose = Math.min(this.#loose + 1, this.#kept.length)
    if (this.#loose < mostLoose) return
    this.#kept.push(whole(this.#kept.splice(-mostLoose)))
    this.#loose = 0
  }

  #beginLater(): void {
    this.#phase = 'waiting'
    this.#atTick(() => this.#begin())
  }

  #begin(): void {
    if (this.#phase !== 'waiting') return
    this.#phase = 'flowing'
    this.#answer.head(200, this.#options.fields)
    this.#pass()
    this.#options.client().drained()
  }

  #pass(): void {
    while (this.#phase === 'flowing' && this.#kept.length > 0) this.#passOne()
    if (this.#phase !== 'flowing' || !this.#ended) return
    this.#over()
    this.#answer.end()
  }

  #passOne(): void {
    const bytes = this.#kept.shift() ?? new Uint8Array()
    this.#options.place.free(bytes.length)
    if (!this.#answer.write(bytes)) this.#phase = 'blocked'
  }

  #drained(): void {
    if (this.#phase !== 'blocked') return
    this.#phase = 'flowing'
    this.#pass()
  }

  #left(): void {
    this.#over()
    this.#options.client().left()
  }

  #over(): void {
    this.#phase = 'over'
    this.#kept.length = 0
    this.#options.place.leave()
  }
}
