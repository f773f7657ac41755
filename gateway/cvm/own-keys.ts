/**
 * Keys that live in this process and nowhere else: made here, attested here, each with its replay claims, gone by
 * monotonic time. The host owns the clock of the day, so nothing here believes it. trust.md 1, 4, 5 and 6.
 */
import { hash } from 'node:crypto'
import type { Bytes } from '../../shared/bytes.ts'
import { fromLatin1 } from '../../shared/bytes.ts'
import { aeads, hkdfSha256, requireKem, type Kem } from '../../shared/hpke/suites.ts'
import { createGatewayKey, type GatewayKey, type KeyFinder } from '../../shared/ohttp/gateway-key.ts'
import { writeKeyConfig, type KeyConfig } from '../../shared/ohttp/key-config.ts'
import type { Labels } from '../../shared/ohttp/labels.ts'
import { Refusal } from '../../shared/refusal.ts'
import { currentOf, emptyRing, phaseOf, turn, type Generation, type Ring, type Rotation } from '../keyring.ts'
import { backdated } from './own-config.ts'

export type OwnKeysOptions = {
  readonly kems: readonly Kem[]
  /** the message kinds that these keys open, and no others */
  readonly labels: readonly Labels[]
  readonly rotation: Rotation
  /** messages that one key opens at most; then it is destroyed, since forgetting one would let it be replayed */
  readonly claims: number
  /** milliseconds since 1970: for what evidence says, and for nothing else */
  readonly now: () => number
  /** milliseconds of a clock that only goes forward */
  readonly monotonic: () => number
  /** Told how many keys were made and destroyed. */
  readonly changed?: (created: number, destroyed: number) => void
}

/** One key as evidence speaks of it. Times are milliseconds since 1970 in whole seconds. */
export type OwnKey = {
  readonly config: KeyConfig
  /** the configuration's bytes, and their SHA-256 */
  readonly keyConfig: Bytes
  readonly sha256: Bytes
  readonly notBefore: number
  readonly notAfter: number
}

type Held = OwnKey & { readonly key: GatewayKey; readonly claimed: Set<string>; attested: boolean }

const suites = aeads.map((aead) => ({ kdf: hkdfSha256, aead }))

export class OwnKeys {
  readonly #options: OwnKeysOptions
  readonly #held = new Map<number, Held>()
  #ring: Ring = emptyRing

  constructor(options: OwnKeysOptions) {
    this.#options = options
    this.tend()
  }

  /** The key, if it lives and evidence for it was given: nobody has a right to any other. */
  readonly find: KeyFinder = (keyId) => this.#living(keyId)?.key

  /** A key lives for which evidence was given. */
  get attested(): boolean {
    return [...this.#held.keys()].some((keyId) => this.#living(keyId) !== undefined)
  }

  /** Every attested key that opens now. */
  living(): readonly OwnKey[] {
    return [...this.#held.keys()].flatMap((keyId) => this.#living(keyId) ?? [])
  }

  /** The keys of the generation on offer, attested or not. */
  current(): readonly OwnKey[] {
    this.tend()
    return this.#generationNow().flatMap(({ keyId }) => this.#held.get(keyId) ?? [])
  }

  /** Evidence for this key is about to leave: from now on it opens. */
  attest({ config: { keyId } }: OwnKey): void {
    const held = this.#held.get(keyId)
    if (held !== undefined) held.attested = true
  }

  /** Once. At the cap the key goes, with everything that was claimed under it, and another is made. */
  claim({ keyId, enc }: { readonly keyId: number; readonly enc: Uint8Array }): void {
    const held = this.#living(keyId)
    if (held === undefined) throw new Refusal('store-full', 'the key is gone, and what was claimed under it')
    const name = fromLatin1(hash('sha256', enc, 'buffer').subarray(0, 16))
    if (held.claimed.has(name)) throw new Refusal('seen-before', 'this enc was claimed before')
    if (held.claimed.size >= this.#options.claims) {
      this.#destroy(keyId)
      throw new Refusal('store-full', 'the key has opened as much as it may')
    }
    held.claimed.add(name)
  }

  /** Lets the ring catch up with the clock: what ended is forgotten, what is due is made. */
  tend(): void {
    const { monotonic, rotation, kems, changed } = this.#options
    const turned = turn(this.#ring, monotonic(), rotation, () => kems.map(({ id }) => ({ kemId: id })))
    const made = turned.ring.generations.filter((generation) => !this.#ring.generations.includes(generation))
    for (const generation of made) this.#make(generation)
    for (const keyId of turned.destroyed) this.#held.delete(keyId)
    this.#ring = turned.ring
    if (turned.created.length + turned.destroyed.length > 0) changed?.(turned.created.length, turned.destroyed.length)
  }

  #make({ keys, destroyAt }: Generation): void {
    const { labels, monotonic, now } = this.#options
    const born = Math.floor(now() / 1000) * 1000
    const notAfter = born + Math.floor((destroyAt - monotonic()) / 1000) * 1000
    for (const { keyId, kemId } of keys) {
      const key = createGatewayKey({ keyId, kem: requireKem(kemId), suites, labels })
      const keyConfig = writeKeyConfig(key.config)
      const sha256 = Uint8Array.from(hash('sha256', keyConfig, 'buffer'))
      const said = { config: key.config, keyConfig, sha256, notBefore: born - backdated, notAfter }
      this.#held.set(keyId, { ...said, key, claimed: new Set(), attested: false })
    }
  }

  // Asked at each use: a late timer opens nothing.
  #living(keyId: number): Held | undefined {
    const held = this.#held.get(keyId)
    const generation = this.#generationOf(keyId)
    if (held?.attested !== true || generation === undefined) return undefined
    return phaseOf(generation, this.#options.monotonic()) === 'destroyed' ? undefined : held
  }

  // The whole generation, since its keys are offered together and what takes their place is made together.
  #destroy(keyId: number): void {
    const gone = this.#generationOf(keyId)
    if (gone === undefined) return
    this.#ring = { ...this.#ring, generations: this.#ring.generations.filter((generation) => generation !== gone) }
    for (const key of gone.keys) this.#held.delete(key.keyId)
    this.#options.changed?.(0, gone.keys.length)
    this.tend()
  }

  #generationNow(): Generation['keys'] {
    return currentOf(this.#ring, this.#options.monotonic())?.keys ?? []
  }

  #generationOf(keyId: number): Generation | undefined {
    return this.#ring.generations.find(({ keys }) => keys.some((key) => key.keyId === keyId))
  }
}
