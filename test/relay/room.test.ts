/** Room for answers that clients have not taken: shares that nobody can take, and a common half. wire.md "Limits". */
import { describe, expect, test } from 'vitest'
import { roomFor, share, type Place } from '../../relay/room.ts'

const MiB = 1 << 20

function room(memory: number, each = memory) {
  const lost: string[] = []
  const made = roomFor({ memory, each, lost: (why) => lost.push(why) })
  const gone: string[] = []
  const come = (name: string): Place => {
    const place = made.enter(() => gone.push(name))
    if (place === undefined) throw new Error('no place')
    return place
  }
  return { another: () => made.enter(() => undefined), come, gone, lost }
}

describe('shares', () => {
  test('there are as many places as a half of the memory has shares, and one that is left is there again', () => {
    const { another, come } = room(4 * share)
    const first = come('a')
    come('b')
    expect(another()).toBeUndefined()
    first.leave()
    first.leave()
    expect(another()).toBeDefined()
    expect(another()).toBeUndefined()
  })

  test('whoever stays within his share loses nothing, however much others keep', () => {
    const { come, gone } = room(8 * share)
    const modest = come('modest')
    modest.keep(share)
    const greedy = [come('greedy'), come('greedier'), come('greediest')]
    greedy.forEach((place, at) => place.keep((at + 2) * 2 * share))
    expect(gone).not.toContain('modest')
    expect(gone.length).toBeGreaterThan(0)
  })
})

describe('what goes beyond shares', () => {
  test('is common, and when it is full whoever keeps most loses his answer, not whoever comes last', () => {
    const { come, gone, lost } = room(4 * MiB)
    const [large, small] = [come('large'), come('small')]
    large.keep(1.5 * MiB)
    small.keep(MiB)
    expect(gone).toEqual([])
    small.keep(0.4 * MiB)
    expect(gone).toEqual(['large'])
    expect(lost).toEqual(['memory'])
    small.keep(0.8 * MiB)
    expect(gone).toEqual(['large'])
  })

  test('is there again when it is freed, or when its keeper leaves', () => {
    const { come, gone } = room(4 * MiB)
    const [first, second] = [come('first'), come('second')]
    for (let round = 0; round < 10; round++) {
      first.keep(2 * MiB)
      first.free(2 * MiB)
    }
    first.keep(2 * MiB)
    first.leave()
    second.keep(2 * MiB)
    expect(gone).toEqual([])
  })

  test('is taken from one exchange that keeps more than one may, at any load', () => {
    const { come, gone, lost } = room(64 * MiB, MiB)
    const slow = come('slow')
    slow.keep(MiB)
    expect(gone).toEqual([])
    slow.keep(1)
    expect(gone).toEqual(['slow'])
    expect(lost).toEqual(['backlog'])
    slow.keep(1)
    expect(gone).toEqual(['slow'])
  })
})
