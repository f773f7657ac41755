/**
 * The keys of this moment: the ring turned by a clock, each key ready to open, and the list that is offered.
 * RFC 9458 §3 and §6.4; K-8, K-11, K-12, K-13. Which phase a key is in is asked at each use: a late timer opens nothing.
 */
import { equal, type Bytes } from '../shared/bytes.ts'
import { aeads, hkdfSha256, requireKem, type Kem } from '../shared/hpke/suites.ts'
import { mediaTypes } from '../shared/http/media-types.ts'
import { createGatewayKey, type GatewayKey, type KeyFinder } from '../shared/ohttp/gateway-key.ts'
import { serializeKeyConfigs } from '../shared/ohttp/key-config.ts'
import type { KeyStore } from './key-store.ts'
import {
  changeBetween,
  currentOf,
  dueAt,
  emptyRing,
  longestLife,
  phaseOf,
  turn,
  type Generate,
  type Generation,
  type Ring,
  type Rotation,
  type Turned,
} from './keyring.ts'
import { publication, type Publication } from './publication.ts'

export type LiveKeysOptions = {
  /** in the order of the list; clients take the first that they can use */
  readonly kems: readonly Kem[]
  readonly rotation: Rotation
  /** Where keys rest between two runs. Without it they never leave this process and end with it. */
  readonly store?: KeyStore | undefined
  readonly random: (length: number) => Uint8Array
  readonly now: () => number
}

/** Ids of keys that began or ended to live; of those that ended, which did so in their own time. */
export type KeyChange = {
  readonly created: readonly number[]
  readonly destroyed: readonly number[]
  readonly ended: readonly number[]
}

export type LiveKeys = {
  readonly find: KeyFinder
  /** Lets the ring catch up with the clock. */
  readonly turn: () => KeyChange
  /** The list on offer, good until its keys are destroyed. */
  readonly list: () => Publication | undefined
  readonly count: () => number
}

const suites = aeads.map((aead) => ({ kdf: hkdfSha256, aead }))

export function createLiveKeys({ kems, rotation, store, random, now }: LiveKeysOptions): LiveKeys {
  checkRotation(rotation)
  const generate = generator({ kems, random, kept: store !== undefined })
  const held = holdKeys(now)
  const turned = (ring: Ring): Turned => turn(ring, now(), rotation, generate)
  const isDue = (ring: Ring): boolean => {
    const dead = ring.generations.some((one) => phaseOf(one, now()) === 'destroyed')
    return dead || dueAt(ring, now(), rotation) !== undefined
  }
  held.hold(store?.load() ?? emptyRing)
  return {
    ...held,
    turn() {
      // An operator's command may have written the file since: rotate-keys, revoke-keys.
      const found = store?.load() ?? held.ring()
      if (store === undefined || !isDue(found)) return held.hold(turned(found).ring)
      // It may be writing right now: what we save must be made of what it saved.
      return store.alone(() => {
        const { ring } = turned(store.load() ?? found)
        // Ready before it is kept, kept before it is used: what fails half-way changes nothing.
        const use = held.ready(ring)
        store.save(ring)
        return use()
      })
    },
  }
}

/**
 * Keys that another process turns: found where it puts them, looked at again with every turn, never written. None is new
 * to tell of: other followers may have served under it already, and what they claimed must not be forgotten.
 */
export function followKeys(load: () => Ring, now: () => number): LiveKeys {
  const held = holdKeys(now)
  return { ...held, turn: () => ({ ...held.hold(load()), created: [] }) }
}

export function generator({
  kems,
  random,
  kept,
}: Pick<LiveKeysOptions, 'kems' | 'random'> & { readonly kept: boolean }): Generate {
  return () =>
    kems.map(({ id, privateKeyLength }) => (kept ? { kemId: id, privateKey: random(privateKeyLength) } : { kemId: id }))
}

type Held = Omit<LiveKeys, 'turn'> & {
  readonly ring: () => Ring
  /** Makes the keys of a ring ready; nothing is changed before the answer is called. */
  readonly ready: (ring: Ring) => () => KeyChange
  readonly hold: (ring: Ring) => KeyChange
}

function holdKeys(now: () => number): Held {
  let ring = emptyRing
  let keys: ReadonlyMap<number, GatewayKey> = new Map()
  let offered: { readonly generation: Generation; readonly list: Publication } | undefined

  const generationOf = (keyId: number): Generation | undefined =>
    ring.generations.find((generation) => generation.keys.some((key) => key.keyId === keyId))

  const ready = (next: Ring): (() => KeyChange) => {
    const made = readied(next, kept(ring, next, keys))
    return () => {
      const change = changeBetween(ring, next)
      const time = now()
      const dead = ring.generations
        .filter((one) => phaseOf(one, time) === 'destroyed')
        .flatMap((one) => one.keys.map(idOf))
      ring = next
      keys = made
      return { ...change, ended: change.destroyed.filter((id) => dead.includes(id)) }
    }
  }
  return {
    ring: () => ring,
    ready,
    hold: (next) => ready(next)(),
    find(keyId) {
      const generation = generationOf(keyId)
      return generation && phaseOf(generation, now()) !== 'destroyed' ? keys.get(keyId) : undefined
    },
    list() {
      const generation = currentOf(ring, now())
      if (generation === undefined) return undefined
      if (offered === undefined || !saysTheSame(offered.generation, generation)) {
        offered = { generation, list: listOf(generation, keys, now()) }
      }
      return offered.list
    },
    count: () => keys.size,
  }
}

/** An id says which key only within one life of a file: after that was deleted, ids begin anew with other keys. */
function kept(old: Ring, ring: Ring, keys: ReadonlyMap<number, GatewayKey>): ReadonlyMap<number, GatewayKey> {
  const secrets = new Map(old.generations.flatMap((one) => one.keys.map((key) => [key.keyId, key.privateKey])))
  const same = ring.generations
    .flatMap((one) => one.keys)
    .filter(({ keyId, privateKey }) => {
      const before = secrets.get(keyId)
      return before === privateKey || (before !== undefined && privateKey !== undefined && equal(before, privateKey))
    })
  const ids = new Set(same.map(idOf))
  return new Map([...keys].filter(([keyId]) => ids.has(keyId)))
}

/** Read again from a file it is another object, and still the same list, shown since the same moment. */
function saysTheSame(a: Generation, b: Generation): boolean {
  return a === b || (a.destroyAt === b.destroyAt && a.keys.map(idOf).join() === b.keys.map(idOf).join())
}

function idOf({ keyId }: { readonly keyId: number }): number {
  return keyId
}

/** The list that a key file offers now, for whoever publishes and opens nothing. */
export function readOffered(store: Pick<KeyStore, 'load'>, now: number): Publication | undefined {
  const ring = store.load() ?? emptyRing
  const generation = currentOf(ring, now)
  return generation && listOf(generation, readied(ring, new Map()), now)
}

function readied(ring: Ring, have: ReadonlyMap<number, GatewayKey>): Map<number, GatewayKey> {
  const all = ring.generations.flatMap(({ keys }) => keys)
  return new Map(
    all.map(({ keyId, kemId, privateKey }) => {
      const made = { keyId, kem: requireKem(kemId), suites, ...(privateKey === undefined ? {} : { privateKey }) }
      return [keyId, have.get(keyId) ?? createGatewayKey(made)]
    }),
  )
}

function listOf({ keys, destroyAt }: Generation, ready: ReadonlyMap<number, GatewayKey>, now: number): Publication {
  const configs = keys.flatMap(({ keyId }) => ready.get(keyId)?.config ?? [])
  const bytes: Bytes = serializeKeyConfigs(configs)
  return publication(mediaTypes.keys, bytes, now, destroyAt)
}

function checkRotation({ lead, life, overlap }: Rotation): void {
  if (lead + life + overlap > longestLife) throw new TypeError('a key lives for at most 24 hours')
}
