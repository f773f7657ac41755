/**
 * Tokens in stock for one side, of one issuer. Bought in batches of one size, shuffled, left lying for a random while, and
 * each handed out once. privacy.md 4.9, RFC 9576 §4.3 and §6.
 */
import { base64url, equal, fromBase64url, hex, type Bytes } from '../bytes.ts'
import { readChallengeField, type Asked } from '../privacy-pass/challenge.ts'
import { tokenField } from '../privacy-pass/token.ts'
import { Refusal } from '../refusal.ts'
import { ObliviousError } from './errors.ts'
import { issueBatch } from './issuance.ts'
import { issuerAddress, issuerKeys, type Issuer, type IssuerKey } from './issuer.ts'
import { forgetful, type RollbackMemory } from './memory.ts'
import { Stock } from './stock.ts'
import type { PlatformFetch } from './transport-fetch.ts'

export type WalletOptions = {
  readonly issuer: Issuer
  /** How the issuer is reached; it learns who asks through this, and nothing else. Left out: the platform's. */
  readonly fetch?: PlatformFetch
  /** Tokens of one batch. Who changes it is told apart by it. */
  readonly batch?: number
  /** Milliseconds that a batch lies unused at most; how long is drawn for each. */
  readonly delay?: number
  /** Keeps the stock over restarts; whoever can read it can spend it. Processes may share one with `update`. */
  readonly memory?: RollbackMemory
  /** Allows `http://` to an issuer on this machine. */
  readonly plaintextLoopback?: boolean
  readonly now?: () => number
  /** From 0 up to 1, for delays and shuffling. */
  readonly random?: () => number
  readonly wait?: (milliseconds: number) => Promise<void>
}

export type Holding = {
  readonly type: number
  readonly keyId: string
  readonly tokens: number
  readonly usableFrom: number
}

export type Wallet = {
  readonly issuer: Issuer
  /** One more batch for the key in use. Throws ObliviousError `token-unavailable`, `memory-failed`. */
  fill(): Promise<void>
  /** A value for `authorization`, never given twice; waits for a batch where none is left. Throws as `fill`. */
  take(): Promise<string>
  /** Looks at the challenge of a refusal. Throws ObliviousError `challenge-refused` for any but the one that is configured. */
  accept(field: string): void
  /** What is in stock, by key; times in milliseconds since 1970. */
  holdings(): Promise<Holding[]>
}

export function createWallet(options: WalletOptions): Wallet {
  return new StockedWallet(options)
}

class StockedWallet implements Wallet {
  readonly issuer: Issuer
  readonly #keys: readonly IssuerKey[]
  readonly #stock: Stock
  readonly #batch: number
  readonly #delay: number
  readonly #now: () => number
  readonly #random: () => number
  readonly #wait: (milliseconds: number) => Promise<void>
  readonly #buy: (key: IssuerKey, count: number) => Promise<Bytes[]>
  #key: IssuerKey
  #filling: Promise<void> | undefined

  constructor(options: WalletOptions) {
    const { issuer, fetch = platformFetch, batch = 32, delay = 10_000, memory = forgetful() } = options
    const { now = Date.now, random = dice, wait = sleep } = options
    if (!Number.isInteger(batch) || batch < 1) throw new TypeError('batch: a whole number of tokens, at least 1')
    const keys = issuerKeys(issuer)
    const url = issuerAddress(issuer.url, options.plaintextLoopback ?? false)
    this.issuer = issuer
    this.#keys = keys
    this.#key = keys[0]
    this.#stock = new Stock(memory)
    this.#batch = batch
    this.#delay = delay
    this.#now = now
    this.#random = random
    this.#wait = wait
    this.#buy = (key, count) => issueBatch(key, count, { url, fetch })
  }

  fill(): Promise<void> {
    // Together: who waits for a batch waits for the one that is on its way.
    this.#filling ??= this.#fill(this.#key).finally(() => (this.#filling = undefined))
    return this.#filling
  }

  async take(): Promise<string> {
    const wanted = labelOf(this.#key)
    let drawn = await this.#stock.draw(wanted)
    for (; drawn === undefined; drawn = await this.#stock.draw(wanted)) await this.fill()
    const early = drawn.usableFrom - this.#now()
    if (early > 0) await this.#wait(early)
    return tokenField(fromBase64url(drawn.token))
  }

  accept(field: string): void {
    const key = asked(field).flatMap((one) => this.#keyFor(one) ?? [])[0]
    if (key === undefined) throw new ObliviousError('challenge-refused')
    this.#key = key
  }

  async holdings(): Promise<Holding[]> {
    const lots = await this.#stock.lots()
    return this.#keys.flatMap((key) => {
      const label = labelOf(key)
      const { type, keyId } = key
      return lots
        .filter((lot) => lot.label === label)
        .map(({ tokens, usableFrom }) => ({ type: type.id, keyId: hex(keyId), tokens: tokens.length, usableFrom }))
    })
  }

  async #fill(key: IssuerKey): Promise<void> {
    const tokens = shuffled(await this.#buy(key, this.#batch), this.#random)
    const usableFrom = Math.round(this.#now() + this.#delay * this.#random())
    await this.#stock.add({ label: labelOf(key), usableFrom, tokens: tokens.map(base64url) })
  }

  /** Exactly our challenge, and a key that came with the application. */
  #keyFor({ challenge, tokenKey }: Asked): IssuerKey | undefined {
    return this.#keys.find(
      (key) => equal(key.challenge, challenge) && (tokenKey === undefined || equal(key.tokenKey, tokenKey)),
    )
  }
}

/** Tokens of one label are alike: of one key, for one challenge. */
function labelOf({ keyId, challengeDigest }: IssuerKey): string {
  return `${hex(keyId)}/${hex(challengeDigest)}`
}

function asked(field: string): Asked[] {
  try {
    return readChallengeField(field)
  } catch (cause) {
    throw cause instanceof Refusal ? new ObliviousError('challenge-refused', { cause }) : cause
  }
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const rest = [...items]
  return items.flatMap(() => rest.splice(Math.floor(random() * rest.length), 1))
}

function platformFetch(url: string, init: Record<string, unknown>): Promise<Response> {
  return globalThis.fetch(url, init)
}

function dice(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
