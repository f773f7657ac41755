/**
 * The keys of this moment: the ring turned by a clock, each key ready to open, and the list that is offered.
 * RFC 9458 §3 and §6.4; K-8, K-11, K-12, K-13. Which phase a key is in is asked at each use: a late timer opens nothing.
 */
import type { Bytes } from '../shared/bytes.ts'
import { aeads, hkdfSha256, requireKem, type Kem } from '../shared/hpke/suites.ts'
import { mediaTypes } from '../shared/http/media-types.ts'
import { createGatewayKey, type GatewayKey, type KeyFinder } from '../shared/ohttp/gateway-key.ts'
import { serializeKeyConfigs } from '../shared/ohttp/key-config.ts'
import type { KeyStore } from './key-store.ts'
import {
  currentOf,
  emptyRing,
  longestLife,
  phaseOf,
  turn,
  type Generation,
  type Ring,
  type Rotation,
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

/** Ids of keys that began or ended to live. */
export type KeyChange = { readonly created: readonly number[]; readonly destroyed: readonly number[] }

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
  let ring: Ring = store?.load() ?? emptyRing
  let keys = readied(ring, new Map())
  let offered: { readonly generation: Generation; readonly list: Publication } | undefined

  const generate = () =>
    kems.map(({ id, privateKeyLength }) => {
      return store === undefined ? { kemId: id } : { kemId: id, privateKey: random(privateKeyLength) }
    })

  const generationOf = (keyId: number): Generation | undefined =>
    ring.generations.find((generation) => generation.keys.some((key) => key.keyId === keyId))

  return {
    find(keyId) {
      const generation = generationOf(keyId)
      return generation && phaseOf(generation, now()) !== 'destroyed' ? keys.get(keyId) : undefined
    },
    turn() {
      const turned = turn(ring, now(), rotation, generate)
      if (turned.created.length + turned.destroyed.length === 0) return turned
      // Ready before it is kept, kept before it is used: what fails half-way changes nothing.
      const ready = readied(turned.ring, keys)
      store?.save(turned.ring)
      ring = turned.ring
      keys = ready
      return turned
    },
    list() {
      const generation = currentOf(ring, now())
      if (generation === undefined) return undefined
      if (offered?.generation !== generation) offered = { generation, list: listOf(generation, keys, now()) }
      return offered.list
    },
    count: () => keys.size,
  }
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
