/**
 * The only place where this client's keys come from: the signed bundle, fetched whole through the relay, checked against
 * the application's trust root, never older than one already seen. trust.md 1-3, RFC 9458 §3 and §6.1.
 */
import { maxBundle, type VerifiedBundle } from '../attestation/bundle.ts'
import type { AllowSimulated } from '../attestation/policy.ts'
import { Proven } from '../attestation/proven.ts'
import { checkSeenClock, nothingSeen } from '../attestation/seen.ts'
import { defaultSkew } from '../attestation/sev-snp/policy.ts'
import type { Placement } from '../attestation/trust-root.ts'
import { fromUtf8 } from '../bytes.ts'
import type { ClientHpke } from '../hpke/context.ts'
import { essence, mediaTypes } from '../http/media-types.ts'
import { parseKeyConfigs, selectKey, type Selection } from '../ohttp/key-config.ts'
import { Refusal } from '../refusal.ts'
import { covers, grown, joined, remembered, shippedBelief, type Belief } from './belief.ts'
import { checked } from './checked.ts'
import { sealingCvms, type SealingCvm } from './cvms.ts'
import { codeWord, ObliviousError, type ObliviousErrorCode } from './errors.ts'
import { isFork, recall, remember, type RollbackMemory } from './memory.ts'
import { gather, OverLimit } from './streams.ts'
import { codeFor, delayOf } from './unsealed.ts'
import { bundleAddress, type RelayAnswer, type Transport } from './transport.ts'

export { checked } from './checked.ts'

export type SealingKey = Selection

/** A verified bundle and what was made of it. Times in milliseconds since 1970. */
export type Held = VerifiedBundle & {
  readonly key: SealingKey
  /** `sealed` only: whom a request can be sealed to */
  readonly cvms: readonly SealingCvm[]
  readonly verifiedAt: number
  /** the earliest end of anything that it rests on: not a request is sealed after it */
  readonly usableUntil: number
  readonly refreshAt: number
}

export type KeeperOptions = {
  readonly transport: Transport
  readonly relay: URL
  readonly trust: string
  readonly placement: Placement
  readonly allowSimulated?: AllowSimulated | undefined
  readonly role?: string | undefined
  readonly hpke: ClientHpke
  readonly memory: RollbackMemory
  readonly now: () => number
  readonly random: () => number
}

const fetchTimeout = 30_000
const pauseAfterFailure = 60_000

/** Keys for the next request; holds one verified bundle and replaces it before it ends. */
export class KeyKeeper {
  readonly #options: KeeperOptions
  readonly #proven = new Proven()
  #held: Held | undefined
  #belief: Belief | undefined
  #flight: Promise<Held> | undefined
  #notBefore = -Infinity

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  get held(): Held | undefined {
    return this.#held
  }

  /** At most one fetch is under way, however many callers wait; a bundle that is still good is not waited for. */
  async current(): Promise<Held> {
    const held = this.#held
    const now = this.#options.now()
    if (held === undefined || now >= held.usableUntil) return this.refetch()
    // A clock that was set back would make the past last.
    await refusedAs('clock-wrong', () => checkSeenClock(this.#belief ?? nothingSeen, now, defaultSkew))
    if (now >= held.refreshAt && now >= this.#notBefore) this.refetch().catch(() => this.#pause())
    return held
  }

  refetch(): Promise<Held> {
    this.#flight ??= this.#renew().finally(() => (this.#flight = undefined))
    return this.#flight
  }

  #pause(): void {
    this.#notBefore = this.#options.now() + pauseAfterFailure
  }

  async #renew(): Promise<Held> {
    // Twice, because another process may learn something newer from the same relay while we fetch.
    this.#held = (await this.#newest()) ?? (await this.#newest())
    if (this.#held === undefined) throw new ObliviousError('bundle-rolled-back')
    // Its last moment may have come while it was judged.
    if (this.#options.now() >= this.#held.usableUntil) throw new ObliviousError('bundle-outdated')
    return this.#held
  }

  /** Nothing if the bundle was outdated by what another process has stored in the meantime. */
  async #newest(): Promise<Held | undefined> {
    const options = this.#options
    const known = await this.#known()
    const note = await fetchBundle(options)
    const verified = await checked(note, known.root, known.serial, { ...options, seen: known, proven: this.#proven })
    const usable = { key: usableKey(verified.bundle, options.hpke), cvms: sealingCvms(verified, options.hpke) }
    const { bundle, appraisal, root } = verified
    const learned = grown({ ...known, ...appraisal?.seen, serial: bundle.serial }, root, bundle.roots)
    this.#belief = await stored(options.memory, learned)
    if (!covers(learned, this.#belief)) return undefined
    const usableUntil = Math.min(bundle.notAfter, appraisal?.notAfter ?? root.notAfter, root.notAfter)
    const times = { verifiedAt: options.now(), usableUntil, refreshAt: refreshTime(usableUntil, options) }
    return { ...verified, ...usable, ...times }
  }

  /** The newest of what the application ships, what is remembered, and what this client has believed so far. */
  async #known(): Promise<Belief> {
    const { trust, memory } = this.#options
    const own = this.#belief ?? (await refusedAs('trust-unusable', () => shippedBelief(trust)))
    const others = await recall(memory)
    return refusedAs('memory-failed', () => joined(own, others))
  }
}

/** What everybody who shares the memory believes by now, and what it holds from now on. */
async function stored(memory: RollbackMemory, learned: Belief): Promise<Belief> {
  let belief = learned
  await remember(memory, async (others) => {
    belief = await joined(learned, others)
    return remembered(belief)
  })
  return belief
}

/** Somewhere between half and four fifths of what is left, so that clients do not come back together. */
function refreshTime(notAfter: number, { now, random }: KeeperOptions): number {
  return now() + (notAfter - now()) * (0.5 + 0.3 * random())
}

/** The bundle as the relay shows it, not verified. Refuses with the typed errors of this client; for monitors too. */
export async function fetchBundle({ transport, relay }: Pick<KeeperOptions, 'transport' | 'relay'>): Promise<string> {
  // Nobody's own signal: other callers wait for the same bundle. No conditional fields: they would be a memory (trust.md 2).
  const leave = new AbortController()
  const signal = AbortSignal.any([leave.signal, AbortSignal.timeout(fetchTimeout)])
  const url = bundleAddress(relay)
  try {
    const answer = await transport.send({ method: 'GET', url, fields: {}, signal })
    demandBundle(answer)
    return fromUtf8(await gather(answer.body, maxBundle))
  } catch (cause) {
    if (cause instanceof ObliviousError) throw cause
    const read = cause instanceof Refusal || cause instanceof OverLimit
    throw new ObliviousError(read ? 'bundle-unverified' : 'relay-unreachable', {
      cause: read ? cause : codeWord(cause),
    })
  } finally {
    leave.abort() // an answer that was not read to its end would keep its connection
  }
}

function demandBundle(answer: RelayAnswer): void {
  const { status } = answer
  if (status === 200 && essence(answer.field('content-type')) === mediaTypes.bundle) return
  const code = codeFor(status)
  const telling = code === 'relay-redirected' || code === 'relay-unexpected' || code === 'rate-limited'
  throw new ObliviousError(telling ? code : 'bundle-unavailable', { status, ...delayOf(answer) })
}

/** The key that a client would use; refused where there is none. */
export function usableKey({ keys }: Held['bundle'], hpke: ClientHpke): SealingKey {
  try {
    return selectKey(parseKeyConfigs(keys), (kem, suite) => hpke.supports(kem, suite))
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new ObliviousError(cause.code === 'bad-key-config' ? 'bundle-unverified' : 'key-unusable', { cause })
  }
}

async function refusedAs<T>(code: ObliviousErrorCode, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new ObliviousError(isFork(cause) ? 'log-forked' : code, { cause })
  }
}
