/**
 * A `fetch` whose requests are sealed to an attested service and sent through a relay. The relay learns who asks, the
 * gateway what is asked. Transport and HPKE are handed in, so that Node and browsers share every line of this.
 * RFC 9458 §5-6, trust.md 2, 3, 6.
 */
import type { Placement } from '../attestation/trust-root.ts'
import type { ClientHpke } from '../hpke/context.ts'
import { onceEvery, type Allowance } from './allowance.ts'
import { KeyKeeper, type Held } from './bundle.ts'
import { readCall, type Call, type Input } from './call.ts'
import { ObliviousError } from './errors.ts'
import { exchange, type Answer, type Attempt, type World } from './exchange.ts'
import { familyFor, type FamilyChoice } from './family.ts'
import { keepList } from './identity.ts'
import { forgetful, type RollbackMemory } from './memory.ts'
import { refusedDate, responseOf } from './response.ts'
import { abortable } from './streams.ts'
import { relayAddress, type Transport } from './transport.ts'
import { verdictOf, type Verdict } from './verdict.ts'

export type ObliviousFetchOptions = {
  /** The relay's resource: `https://relay.example/` or `https://relay.example/r/name`. */
  readonly relay: string | URL
  /** The trust root's note, as the application's publisher ships it. */
  readonly trust: string
  /** What the caller insists on; never inferred, never lowered. */
  readonly placement: Placement
  /** `auto` (default): chunked where the answer may stream, see family.ts; otherwise standard, padded whole. */
  readonly family?: FamilyChoice
  /** Names of fields let through the seal although they may identify software or people; in both directions. */
  readonly keep?: readonly string[]
  /** Remembers the newest serial and root over restarts; one for each trust root and placement. */
  readonly memory?: RollbackMemory
  /** Octets: a request in memory (default 1 MiB), an answer that is not streamed (default 16 MiB). */
  readonly limits?: { readonly request?: number; readonly answer?: number }
  /** Allows `http://` to a relay on this machine. */
  readonly plaintextLoopback?: boolean
  readonly now?: () => number
  /** From 0 up to 1, for delays only. */
  readonly random?: () => number
  readonly wait?: (milliseconds: number) => Promise<void>
}

export type ObliviousFetch = typeof globalThis.fetch & {
  /** Fetches and verifies the bundle ahead of the first request. */
  ready(): Promise<Verdict>
  /** What the keys in use rest on; undefined before the first bundle. */
  verdict(): Verdict | undefined
  /** Lets go of idle connections; requests under way fail. */
  close(): Promise<void>
}

export type Platform = { readonly transport: (relay: URL) => Transport; readonly hpke: ClientHpke }

/** trust.md 6: both resends are rare, so that a chosen refusal is no probe of the way between client and relay. */
const dateRetryPeriod = 3_600_000
const keyRetryPeriod = 600_000

export function obliviousFetch(options: ObliviousFetchOptions, platform: Platform): ObliviousFetch {
  const client = new ObliviousClient(options, platform)
  const fetch = (input: Input, init: RequestInit = {}): Promise<Response> => client.fetch(input, init)
  return Object.assign(fetch, {
    ready: () => client.ready(),
    verdict: () => client.verdict(),
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
  readonly #pause: () => Promise<void>
  readonly #mayRetryDate: Allowance
  readonly #mayRetryKey: Allowance

  constructor(options: ObliviousFetchOptions, { transport: transportTo, hpke }: Platform) {
    const { now = Date.now, random = dice, wait = sleep, memory = forgetful() } = options
    if (options.placement !== 'front') throw new TypeError('placement: this version appraises `front` only')
    const relay = relayAddress(options.relay, options.plaintextLoopback ?? false)
    const transport = transportTo(relay)
    this.#keep = keepList(options.keep ?? [])
    this.#family = options.family ?? 'auto'
    this.#requestLimit = options.limits?.request ?? 1024 * 1024
    this.#now = now
    this.#pause = () => wait(1000 + 4000 * random())
    this.#mayRetryDate = onceEvery(dateRetryPeriod, now)
    this.#mayRetryKey = onceEvery(keyRetryPeriod, now)
    this.#world = { transport, hpke, relay, answerLimit: options.limits?.answer ?? 16 * 1024 * 1024 }
    const { trust, placement } = options
    this.#keeper = new KeyKeeper({ transport, relay, trust, placement, hpke, memory, now, random })
  }

  async fetch(input: Input, init: RequestInit): Promise<Response> {
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined)
    signal?.throwIfAborted()
    return abortable(this.#ask(input, init), signal)
  }

  async ready(): Promise<Verdict> {
    return verdictOf(await this.#keeper.current())
  }

  verdict(): Verdict | undefined {
    return this.#keeper.held && verdictOf(this.#keeper.held)
  }

  async close(): Promise<void> {
    await this.#world.transport.close?.()
  }

  async #ask(input: Input, init: RequestInit): Promise<Response> {
    const call = await readCall(input, init, this.#keep, this.#requestLimit)
    const family = familyFor(this.#family, call)
    const held = await this.#keeper.current()
    const first = await this.#attempt({ call, family, key: held.key, date: this.#now() })
    const again = 'answer' in first ? undefined : await this.#secondChance(call, held, first)
    const last = again === undefined ? first : await this.#attempt({ call, family, ...again })
    if (!('answer' in last)) throw last.error
    return responseOf(last.answer, call, this.#keep)
  }

  async #attempt(attempt: Attempt): Promise<Outcome> {
    try {
      const answer = await exchange(this.#world, attempt)
      const gatewayDate = refusedDate(answer)
      return gatewayDate === undefined ? { answer } : { error: new ObliviousError('date-refused'), gatewayDate }
    } catch (error) {
      if (error instanceof ObliviousError && error.code === 'key-unknown') return { error }
      throw error
    }
  }

  /** The only two reasons to send anything twice; both say that nothing was processed. A stream is never sent twice. */
  async #secondChance(call: Call, held: Held, { gatewayDate }: Unprocessed): Promise<Again | undefined> {
    const key = gatewayDate === undefined ? await this.#newerKey(held) : held.key
    const resendable = call.body instanceof Uint8Array
    if (key === undefined || !resendable) return undefined
    if (gatewayDate !== undefined && !(Number.isFinite(gatewayDate) && this.#mayRetryDate())) return undefined
    await this.#pause()
    return { key, date: gatewayDate ?? this.#now() }
  }

  /** A key of a bundle whose serial rose: a relay that only claims `#ohttp-key` moves nothing but one bundle fetch. */
  async #newerKey(held: Held): Promise<Held['key'] | undefined> {
    if (!this.#mayRetryKey()) return undefined
    const fresh = await this.#keeper.refetch()
    return fresh.bundle.serial > held.bundle.serial ? fresh.key : undefined
  }
}

type Unprocessed = { readonly error: ObliviousError; readonly gatewayDate?: number }
type Outcome = { readonly answer: Answer } | Unprocessed
type Again = Pick<Attempt, 'key' | 'date'>

function dice(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
