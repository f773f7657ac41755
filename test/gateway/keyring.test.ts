import { describe, expect, test } from 'vitest'
import { currentOf, dueAt, emptyRing, phaseOf, revokeNow, rotateNow, turn, type Ring } from '../../gateway/keyring.ts'

const rotation = { lead: 10, life: 100, overlap: 50 }
let made = 0
const generate = () => [0x0020, 0x647a].map((kemId) => ({ kemId, privateKey: Uint8Array.of(++made) }))
const begin = (now = 1_000) => turn(emptyRing, now, rotation, generate)
const ids = (ring: Ring) => ring.generations.flatMap(({ keys }) => keys.map(({ keyId }) => keyId))

describe('keyring', () => {
  test('an empty ring gets keys at once, one for each KEM', () => {
    const { ring, created, destroyed } = begin()
    expect(ring.generations).toHaveLength(1)
    expect(ring.generations[0]).toMatchObject({ currentAt: 1_000, retireAt: 1_100, destroyAt: 1_150 })
    expect(ring.generations[0]?.keys.map(({ kemId }) => kemId)).toEqual([0x0020, 0x647a])
    expect([created, destroyed]).toEqual([[1, 2], []])
  })

  test.each([
    [999, 'next'],
    [1_000, 'current'],
    [1_099, 'current'],
    [1_100, 'retiring'],
    [1_149, 'retiring'],
    [1_150, 'destroyed'],
  ] as const)('K-12: at %i the key is %s', (now, phase) => {
    const generation = begin().ring.generations[0]
    expect(generation && phaseOf(generation, now)).toBe(phase)
  })

  test('its heir is made one lead ahead, once, and takes over without a gap', () => {
    const { ring } = begin()
    expect(dueAt(ring, 1_089, rotation)).toBeUndefined()
    expect(dueAt(ring, 1_090, rotation)).toBe(1_100)
    const turned = turn(ring, 1_090, rotation, generate)
    expect(turned.ring.generations[1]).toMatchObject({ currentAt: 1_100, retireAt: 1_200, destroyAt: 1_250 })
    expect(turn(turned.ring, 1_095, rotation, generate).created).toEqual([])
    expect(currentOf(turned.ring, 1_099)).toBe(turned.ring.generations[0])
    expect(currentOf(turned.ring, 1_100)).toBe(turned.ring.generations[1])
  })

  test('K-12: what is destroyed leaves the ring and is named', () => {
    const heir = turn(begin().ring, 1_090, rotation, generate).ring
    const turned = turn(heir, 1_150, rotation, generate)
    expect(turned.destroyed).toEqual([1, 2])
    expect(turned.ring.generations).toEqual([heir.generations[1]])
  })

  test('a gateway that slept through everything starts again at once', () => {
    const turned = turn(begin().ring, 9_000, rotation, generate)
    expect(turned.destroyed).toEqual([1, 2])
    expect(currentOf(turned.ring, 9_000)?.keys.map(({ keyId }) => keyId)).toEqual([3, 4])
  })

  test('a clock set back leaves something on offer, and later exactly one generation', () => {
    const turned = turn(begin().ring, 500, rotation, generate)
    expect(currentOf(turned.ring, 500)?.currentAt).toBe(500)
    expect(turn(turned.ring, 501, rotation, generate).created).toEqual([])
  })

  test('K-11: ids are unique among the living and rest long after their key; 0 is legal', () => {
    let ring = emptyRing
    const given: number[] = []
    for (let now = 1_000; now < 40_000; now += 45) {
      const turned = turn(ring, now, rotation, generate)
      ring = turned.ring
      given.push(...turned.created)
      expect(new Set(ids(ring)).size).toBe(ids(ring).length)
    }
    expect(given.length).toBeGreaterThan(600)
    expect(given).toContain(0)
    for (const [i, id] of given.entries()) expect(given.slice(i + 1, i + 129)).not.toContain(id)
  })

  test('K-11: a ring with every id in use says so instead of reusing one', () => {
    const full = { generations: [], recentIds: Array.from({ length: 255 }, (_, id) => id) }
    expect(() => turn(full, 1, rotation, generate)).toThrow(TypeError)
  })
})

describe('rotated by hand', () => {
  test('the next turn comes one lead from now, and nobody is cut off', () => {
    const turned = rotateNow(begin().ring, 1_020, rotation, generate)
    expect(turned?.created).toEqual([3, 4])
    expect(turned?.destroyed).toEqual([])
    expect(turned?.ring.generations).toMatchObject([
      { currentAt: 1_000, retireAt: 1_030, destroyAt: 1_080 },
      { currentAt: 1_030, retireAt: 1_130, destroyAt: 1_180 },
    ])
  })

  test('an heir that is there already is brought forward, and no third is made', () => {
    const { ring } = turn(begin().ring, 1_090, rotation, generate)
    const turned = rotateNow(ring, 1_095, rotation, generate)
    expect([turned?.created, turned?.ring.generations.length]).toEqual([[], 2])
    expect(turned?.ring.generations[1]).toMatchObject({ currentAt: 1_100, retireAt: 1_200 })
  })

  test('not while keys from before the current ones still open', () => {
    const { ring } = turn(begin().ring, 1_090, rotation, generate)
    expect(rotateNow(ring, 1_120, rotation, generate)).toBeUndefined()
    expect(rotateNow(ring, 1_150, rotation, generate)?.created).toEqual([5, 6])
  })

  test('no key lives longer for it', () => {
    const before = begin().ring
    for (let now = 1_000; now < 1_100; now += 7) {
      const [old] = rotateNow(before, now, rotation, generate)?.ring.generations ?? []
      expect(old?.destroyAt).toBeLessThanOrEqual(before.generations[0]?.destroyAt ?? 0)
    }
  })
})

describe('revoked', () => {
  test('every key ends at once, new ones are current at once, and no id comes back', () => {
    const { ring } = turn(begin().ring, 1_090, rotation, generate)
    const turned = revokeNow(ring, 1_095, rotation, generate)
    expect(turned.destroyed).toEqual([1, 2, 3, 4])
    expect(turned.created).toEqual([5, 6])
    expect(turned.ring.generations).toMatchObject([{ currentAt: 1_095, retireAt: 1_195, destroyAt: 1_245 }])
    expect(turned.ring.recentIds).toEqual([1, 2, 3, 4, 5, 6])
  })
})
