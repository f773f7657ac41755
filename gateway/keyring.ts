/**
 * The life of OHTTP keys, as a pure state machine over (ring, now): next -> current -> retiring -> destroyed.
 * RFC 9458 §6.4 and §6.6 (replacement), K-11 (ids), CONS-5 (accept before offering, go on accepting after), trust.md 1.
 * Randomness, the clock and the disk belong to whoever turns the ring.
 */

/**
 * `next`: accepted but not offered yet, so that no replica meets a key it does not hold.
 * `current`: offered and accepted. `retiring`: accepted only, for clients that still hold the last list.
 */
export type Phase = 'next' | 'current' | 'retiring' | 'destroyed'

/** `privateKey` only where keys are meant to survive this process; otherwise nobody ever has its bytes. */
export type RingKey = { readonly keyId: number; readonly kemId: number; readonly privateKey?: Uint8Array }

/** Keys that live and die together: one for each KEM on offer. Times in milliseconds since 1970. */
export type Generation = {
  readonly keys: readonly RingKey[]
  readonly currentAt: number
  readonly retireAt: number
  readonly destroyAt: number
}

/** `recentIds`: the last ids given, oldest first, so that a stale configuration never names a newer key. */
export type Ring = { readonly generations: readonly Generation[]; readonly recentIds: readonly number[] }

/** All in milliseconds. `lead`: made before its turn. `life`: offered. `overlap`: accepted after that. */
export type Rotation = { readonly lead: number; readonly life: number; readonly overlap: number }

/** What a generation is made of: one key for each KEM on offer, in the order of the list. */
export type Generate = () => readonly Omit<RingKey, 'keyId'>[]

export type Turned = { readonly ring: Ring; readonly created: readonly number[]; readonly destroyed: readonly number[] }

export const emptyRing: Ring = { generations: [], recentIds: [] }

/** trust.md 1: from its making to its end, an OHTTP key of the gateway lives at most this long. */
export const longestLife = 24 * 3_600_000

/** Half of the 256 ids rest. */
const resting = 128

export function phaseOf({ currentAt, retireAt, destroyAt }: Generation, now: number): Phase {
  if (now >= destroyAt) return 'destroyed'
  if (now >= retireAt) return 'retiring'
  return now >= currentAt ? 'current' : 'next'
}

/** The one generation on offer; if a clock that was set back left two, the younger. */
export function currentOf(ring: Ring, now: number): Generation | undefined {
  return ring.generations.findLast((generation) => phaseOf(generation, now) === 'current')
}

/** When a new generation takes its turn, if it must be made now: at the end of the current one, or at once if there is none. */
export function dueAt(ring: Ring, now: number, { lead }: Rotation): number | undefined {
  const current = currentOf(ring, now)
  if (current === undefined) return now
  const heir = ring.generations.some(
    ({ currentAt, retireAt }) => currentAt <= current.retireAt && retireAt > current.retireAt,
  )
  return heir || now < current.retireAt - lead ? undefined : current.retireAt
}

/** Forgets what is destroyed and, if it is time, adds one generation. */
export function turn(ring: Ring, now: number, rotation: Rotation, generate: Generate): Turned {
  const dead = ring.generations.filter((generation) => phaseOf(generation, now) === 'destroyed')
  const kept: Ring = { ...ring, generations: ring.generations.filter((generation) => !dead.includes(generation)) }
  const destroyed = dead.flatMap(idsOf)
  const currentAt = dueAt(kept, now, rotation)
  if (currentAt === undefined) return { ring: kept, created: [], destroyed }
  const turned = begin(kept, currentAt, rotation, generate)
  return { ...turned, destroyed }
}

/**
 * Brings the next turn forward to `lead` from now, for a suspicion that is no proof: nobody loses a request. Undefined while
 * keys before the current ones still open: a third list in people's hands would make each crowd smaller.
 */
export function rotateNow(ring: Ring, now: number, rotation: Rotation, generate: Generate): Turned | undefined {
  const { ring: kept, created, destroyed } = turn(ring, now, rotation, generate)
  const current = currentOf(kept, now)
  if (current === undefined || kept.generations.some((one) => phaseOf(one, now) === 'retiring')) return undefined
  const currentAt = Math.min(now + rotation.lead, current.retireAt)
  const ended = kept.generations.map((one) => (one === current ? endedAt(one, currentAt, rotation) : one))
  const heir = ended.find((one) => phaseOf(one, now) === 'next')
  if (heir === undefined) {
    const begun = begin({ ...kept, generations: ended }, currentAt, rotation, generate)
    return { ring: begun.ring, created: [...created, ...begun.created], destroyed }
  }
  const early = endedAt({ ...heir, currentAt }, currentAt + rotation.life, rotation)
  return { ring: { ...kept, generations: ended.map((one) => (one === heir ? early : one)) }, created, destroyed }
}

/** For keys that somebody else has: all end at once, and what was sealed to them is lost. New ones take their turn now. */
export function revokeNow(ring: Ring, now: number, rotation: Rotation, generate: Generate): Turned {
  const destroyed = ring.generations.flatMap(idsOf)
  return { ...begin({ ...ring, generations: [] }, now, rotation, generate), destroyed }
}

function endedAt(generation: Generation, retireAt: number, { overlap }: Rotation): Generation {
  return { ...generation, retireAt, destroyAt: Math.min(generation.destroyAt, retireAt + overlap) }
}

function begin(ring: Ring, currentAt: number, { life, overlap }: Rotation, generate: Generate) {
  const keys = generate()
  const created = freeIds(ring, keys.length)
  const retireAt = currentAt + life
  const generation: Generation = {
    keys: keys.map((key, i) => ({ keyId: created[i] ?? 0, ...key })),
    currentAt,
    retireAt,
    destroyAt: retireAt + overlap,
  }
  const recentIds = [...ring.recentIds, ...created].slice(-resting)
  return { ring: { generations: [...ring.generations, generation], recentIds }, created }
}

function idsOf({ keys }: Generation): number[] {
  return keys.map(({ keyId }) => keyId)
}

/** Ids that one ring has and the other has not. */
export function changeBetween(old: Ring, ring: Ring): { readonly created: number[]; readonly destroyed: number[] } {
  const [before, after] = [old, ring].map(({ generations }) => generations.flatMap(idsOf))
  return {
    created: (after ?? []).filter((id) => before?.includes(id) !== true),
    destroyed: (before ?? []).filter((id) => after?.includes(id) !== true),
  }
}

/** Onward around the circle of one byte, over every id that lives or rests (K-11). */
function freeIds(ring: Ring, count: number): number[] {
  const taken = new Set([...ring.recentIds, ...ring.generations.flatMap(idsOf)])
  const after = ring.recentIds.at(-1) ?? 0
  const free = Array.from({ length: 256 }, (_, step) => (after + 1 + step) & 0xff).filter((id) => !taken.has(id))
  if (free.length < count) throw new TypeError('every key id is taken')
  return free.slice(0, count)
}
