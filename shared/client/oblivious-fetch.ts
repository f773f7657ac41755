/**
 * A `fetch` whose requests are sealed to an attested service and sent through a relay. The relay learns who asks, the
 * gateway what is asked. Transport and HPKE are handed in, so that Node and browsers share every line of this.
 * RFC 9458 §5-6, trust.md 2, 3, 6.
 */
import type { AllowSimulated } from '../attestation/policy.ts'
import { placements } from '../attestation/root-fields.ts'
import type { Placement } from '../attestation/trust-root.ts'
import type { ClientHpke } from '../hpke/context.ts'
import { onceEvery, type Allowance } from './allowance.ts'
import { KeyKeeper, type Held } from './bundle.ts'
import { readCall, type Input } from './call.ts'
import { chosen } from './cvms.ts'
import { ObliviousError } from './errors.ts'
import { exchange, type Answer, type Attempt, type World } from './exchange.ts'
import { Unprocessed, wantsToken, type Again as Reason } from './outer-refusal.ts'
import { familyFor, type FamilyChoice } from './family.ts'
import { keepList } from './identity.ts'
import { shareAnything } from './issuer.ts'
import { forgetful, type RollbackMemory } from './memory.ts'
import { Passes, type Tokens } from './passes.ts'
import { refusedDate, responseOf } from './response.ts'
import { abortable } from './streams.ts'
import { isLoopback, relayAddress, type Transport } from './transport.ts'
import { verdictOf, type Delivery, type Verdict } from './verdict.ts'

export type ObliviousFetchOptions = {
  /** The relay's resource: `https://relay.example/` or `https://relay.example/r/name`. */
  readonly relay: string | URL
  /** The trust root's note, as the application's publisher ships it. */
  readonly trust: string
  /** What the caller insists on; never inferred, never lowered. `inside` and `sealed`: this client judges the CVMs itself. */
  readonly placement: Placement
  /** The role that the CVMs must be attested for, where one root speaks of several; otherwise the policy's own. */
  readonly role?: string
  /**
   * Takes simulated evidence of this root and measurement in place of hardware, on this machine and under a development
   * root only. Every verdict that rests on it says so.
   */
  readonly allowSimulated?: AllowSimulated
  /** `auto` (default): chunked where the answer may stream, see family.ts; otherwise standard, padded whole. */
  readonly family?: FamilyChoice
  /** Names of fields let through the seal although they may identify software or people; in both directions. */
  readonly keep?: readonly string[]
  /** Remembers the newest serial and root over restarts; one for each trust root and placement. */
  readonly memory?: RollbackMemory
  /**
   * Wallets (`asunder/tokens`) for a relay or gateway that asks for anonymous tokens: one fresh token goes with each attempt.
   * Two wallets must have two issuers. A 401 that asks for a token of anybody else ends as `challenge-refused`.
   */
  readonly tokens?: Tokens
  /** Octets: a request in memory (default 1 MiB), an answer that is not streamed (default 16 MiB). */
  readonly limits?: { readonly request?: number; readonly answer?: number }
  /** Allows `http://` to a relay on this machine. */
  readonly plaintextLoopback?: boolean
  readonly now?: () => number
  /** From 0 up to 1, for delays and for the choice of a CVM. */
  readonly random?: () => number
  readonly wait?: (milliseconds: number) => Promise<void>
}

export type ObliviousFetch = typeof globalThis.fetch & {
  /** Fetches and verifies the bundle ahead of the first request. */
  ready(): Promise<Verdict>
  /** What the keys in use rest on; undefined before the first bundle. */
  verdict(): Verdict | undefined
  /** How the request behind this answer went; undefined for an answer that is not of this client. */
  delivery(answer: Response): Delivery | undefined
  /** Lets go of idle connections; requests under way fail. */
  close(): Promise<void>
}

export type Platform = { readonly transport: (relay: URL) => Transport; readonly hpke: ClientHpke }

/** trust.md 6: resends that the gateway can cause are rare, so that a chosen refusal is no probe of the way between client and relay. */
const dateRetryPeriod = 3_600_000
const keyRetryPeriod = 600_000

export function obliviousFetch(options: ObliviousFetchOptions, platform: Platform): ObliviousFetch {
  const client = new ObliviousClient(options, platform)
  const fetch = (input: Input, init: RequestInit = {}): Promise<Response> => client.fetch(input, init)
  return Object.assign(fetch, {
    ready: () => client.ready(),
    verdict: () => client.verdict(),
    delivery: (answer: Response) => client.delivery(answer),
    close: () => client.close(),
  })
}

class ObliviousClient {
  readonly #world: World
  readonly #keeper: KeyKeeper
  readonly #keep: ReadonlySet<string>
  readonly #family: FamilyChoice
  readonly #requestLimit: number
  readonly #now: () => number
  readonly #random: () => number
  readonly #deliveries = new WeakMap<Response, Delivery>()
  readonly #pause: () => Promise<void>
  readonly #mayRetryDate: Allowance
  readonly #mayRetryKey: Allowance
  readonly #mayRetryToken: Allowance
  readonly #tokens: Tokens

  constructor(options: ObliviousFetchOptions, { transport: transportTo, hpke }: Platform) {
    const { now = Date.now, random = dice, wait = sleep, memory = forgetful() } = options
    checkPlacement(options.placement)
    const relay = relayAddress(options.relay, options.plaintextLoopback ?? false)
    if (options.allowSimulated !== undefined) checkSimulated(options.placement, relay)
    const transport = transportTo(relay)
    this.#keep = keepList(options.keep ?? [])
    this.#family = options.family ?? 'auto'
    this.#requestLimit = options.limits?.request ?? 1024 * 1024
    this.#now = now
    this.#random = random
    this.#pause = () => wait(1000 + 4000 * random())
    this.#mayRetryDate = onceEvery(dateRetryPeriod, now)
    this.#mayRetryKey = onceEvery(keyRetryPeriod, now)
    this.#mayRetryToken = onceEvery(keyRetryPeriod, now)
    this.#tokens = separate(options.tokens ?? {})
    this.#world = { transport, hpke, relay, answerLimit: options.limits?.answer ?? 16 * 1024 * 1024, now }
    const { trust, placement, role, allowSimulated } = options
    const asked = { trust, placement, role, allowSimulated }
    this.#keeper = new KeyKeeper({ transport, relay, ...asked, hpke, memory, now, random })
  }

  async fetch(input: Input, init: RequestInit): Promise<Response> {
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined)
    signal?.throwIfAborted()
    return abortable(this.#ask(input, init), signal)
  }

  async ready(): Promise<Verdict> {
    return verdictOf(await this.#keeper.current(), this.#now())
  }

  verdict(): Verdict | undefined {
    return this.#keeper.held && verdictOf(this.#keeper.held, this.#now())
  }

  delivery(answer: Response): Delivery | undefined {
    return this.#deliveries.get(answer)
  }

  async close(): Promise<void> {
    await this.#world.transport.close?.()
  }

  async #ask(input: Input, init: RequestInit): Promise<Response> {
    const call = await readCall(input, init, this.#keep, this.#requestLimit)
    const family = familyFor(this.#family, call)
    const held = await this.#keeper.current()
    const first = { call, family, passes: new Passes(this.#tokens), ...this.#towards(held), date: this.#now() }
    const outcome = await this.#attempt(first)
    const again = outcome instanceof Unprocessed ? await this.#secondChance(first, held, outcome) : undefined
    const last = again === undefined ? outcome : await this.#attempt({ ...first, ...again.change })
    if (last instanceof Unprocessed) throw last.error
    const response = responseOf(last, call, this.#keep)
    this.#deliveries.set(response, deliveryOf(again?.held ?? held, { ...first, ...again?.change }, again !== undefined))
    return response
  }

  async #attempt(attempt: Attempt): Promise<Answer | Unprocessed> {
    try {
      const answer = await exchange(this.#world, attempt)
      // In `sealed` an answer is the CVM's, and the gateway has asked in its own name.
      const unadmitted = attempt.cvm === undefined ? wantsToken(answer.head) : undefined
      if (unadmitted !== undefined) answer.release()
      return unadmitted ?? refusedDate(answer) ?? answer
    } catch (error) {
      if (error instanceof Unprocessed) return error
      if (error instanceof ObliviousError && error.code === 'key-unknown') return new Unprocessed(error, 'key')
      throw error
    }
  }

  /** The only reasons to send anything twice; all say that nothing was processed. A stream is never sent twice. */
  async #secondChance(first: Attempt, held: Held, { again }: Unprocessed): Promise<Again | undefined> {
    if (asksForToken(again)) first.passes.answer('gateway', again.challenge)
    if (!(first.call.body instanceof Uint8Array)) return undefined
    const next = await this.#otherWay(first, held, again)
    if (next === undefined) return undefined
    await this.#pause()
    return { held: next.held, change: { date: this.#now(), ...next.change } }
  }

  async #otherWay(first: Attempt, held: Held, again: Unprocessed['again']): Promise<Again | undefined> {
    if (again === 'key') {
      const fresh = await this.#newer(held)
      return fresh && { held: fresh, change: this.#towards(fresh, first) }
    }
    const cvm = chosen(held.cvms, this.#random, first.cvm)
    if (again === 'cvm') return cvm && { held, change: { cvm } }
    if (asksForToken(again)) return this.#mayRetryToken() ? { held, change: { cvm: cvm ?? first.cvm } } : undefined
    if (!Number.isFinite(again.date) || !this.#mayRetryDate()) return undefined
    return { held, change: { date: again.date, cvm: cvm ?? first.cvm } }
  }

  /** To whom: in `sealed` to a CVM as well, and to another than before where there is one. */
  #towards({ key, cvms, usableUntil }: Held, before?: Attempt): Pick<Attempt, 'key' | 'cvm' | 'usableUntil'> {
    return { key, usableUntil, cvm: chosen(cvms, this.#random, before?.cvm) ?? chosen(cvms, this.#random) }
  }

  /** A bundle whose serial rose: a relay that only claims `#ohttp-key` moves nothing but one bundle fetch. */
  async #newer(held: Held): Promise<Held | undefined> {
    if (!this.#mayRetryKey()) return undefined
    const fresh = await this.#keeper.refetch()
    return fresh.bundle.serial > held.bundle.serial ? fresh : undefined
  }
}

/** What a second attempt does otherwise, and the bundle that it rests on. */
type Again = { readonly held: Held; readonly change: Partial<Pick<Attempt, 'key' | 'cvm' | 'date' | 'usableUntil'>> }

function asksForToken(again: Reason): again is { readonly challenge: string } {
  return typeof again === 'object' && 'challenge' in again
}

function deliveryOf({ bundle, appraisal }: Held, { cvm, family }: Attempt, retried: boolean): Delivery {
  const key = appraisal?.keys.find(({ id }) => id === cvm?.id)
  const machine = key && { id: key.id, measurement: key.verdict.measurement, simulated: key.verdict.simulated }
  return { placement: bundle.placement, serial: bundle.serial, family, retried, ...(machine && { cvm: machine }) }
}

function checkPlacement(placement: Placement): void {
  if (placements.includes(placement)) return
  throw new TypeError(`placement: one of ${placements.join(', ')}; it says what you insist on, so it has no default`)
}

/** trust.md 7: never towards another machine. */
function checkSimulated(placement: Placement, relay: URL): void {
  if (placement === 'front')
    throw new TypeError('allowSimulated: in `front` the gateway judges evidence, not this client')
  if (!isLoopback(relay.hostname)) throw new TypeError('allowSimulated: only with a relay on this machine')
}

function separate(tokens: Tokens): Tokens {
  const { relay, gateway } = tokens
  if (relay !== undefined && gateway !== undefined && shareAnything(relay.issuer, gateway.issuer)) {
    throw new TypeError('tokens: relay and gateway need different issuers, or what they see could be put together')
  }
  return tokens
}

function dice(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
