/** Which policy CVMs are judged by: the newest that holds, and none in place of one that ended. */
import { beforeAll, describe, expect, test } from 'vitest'
import { PolicyInForce } from '../../gateway/policy-in-force.ts'
import { fleet, keyBytes, role, type Fleet } from '../shared/attestation/fleet.ts'
import { start } from './town.ts'

const hour = 3_600_000
let ships: Fleet
beforeAll(async () => {
  ships = await fleet({ at: start })
})

function place() {
  const clock = { now: start }
  const lines: unknown[] = []
  const log = (_level: string, event: string, fields?: object) => void lines.push({ event, ...fields })
  const inForce = new PolicyInForce({ root: ships.root, now: () => clock.now, log })
  return { inForce, clock, lines }
}
const noteOf = async (serial: number, more: object = {}) => (await ships.notes({ serial, more })).policy
const refused = (code: string) => expect.objectContaining({ code }) as Error

describe('from a note', () => {
  test('is what evidence is held against until it ends', async () => {
    const { inForce, clock } = place()
    expect(await inForce.fromNote(await noteOf(42, { snp: { minCvms: 1 } }))).toBe(true)
    expect(inForce.wanted(role).policy).toMatchObject({ role, snp: { vmpl: [0] } })
    expect(inForce.wanted(role).notAfter).toBe(start + 5 * 24 * hour)
    expect(() => inForce.wanted('other')).toThrow(refused('role-refused'))
    clock.now = start + 5 * 24 * hour
    expect(() => inForce.wanted(role)).toThrow(refused('policy-expired'))
  })

  test('the same again is no news; a newer one is; an older one or a damaged one changes nothing', async () => {
    const { inForce, lines } = place()
    const note = await noteOf(42)
    const told = [note, note, await noteOf(43), await noteOf(41), 'hello', 'hello']
    const news: boolean[] = []
    for (const text of told) news.push(await inForce.fromNote(text))
    expect(news).toEqual([true, false, true, false, false, false])
    const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string
    expect(lines).toEqual([
      { event: 'policy-in-force', serial: 42, policy: digest },
      { event: 'policy-in-force', serial: 43, policy: digest },
      { event: 'policy-refused', why: 'rolled-back' },
      { event: 'policy-refused', why: 'malformed-note' },
    ])
  })
})

test('one whose time has not come is told once, and taken when it comes', async () => {
  const { inForce, clock, lines } = place()
  const early = await noteOf(42)
  clock.now = start - 2 * 24 * hour
  const news: boolean[] = [await inForce.fromNote(early), await inForce.fromNote(early)]
  clock.now = start
  news.push(await inForce.fromNote(early))
  expect(news).toEqual([false, false, true])
  expect(lines).toMatchObject([{ event: 'policy-refused', why: 'policy-expired' }, { event: 'policy-in-force' }])
})

test('without one there is the role alone, and so nothing that hardware could pass by', () => {
  expect(place().inForce.wanted(role)).toEqual({ policy: { role }, notAfter: Infinity })
})

describe('from a bundle', () => {
  const bundleWith = async (changes: Parameters<Fleet['notes']>[0]) =>
    ships.signed(await ships.bundle([await ships.entry(keyBytes('one'))], await ships.notes(changes)))

  test('it must be the current one, logged and stated', async () => {
    const { inForce, lines } = place()
    expect(await inForce.fromBundle(await bundleWith({ serial: 42 }))).toBe(true)
    expect(await inForce.fromBundle(await bundleWith({ serial: 41, stated: 42 }))).toBe(false)
    expect(await inForce.fromBundle(await bundleWith({ serial: 41 }))).toBe(false)
    expect(await inForce.fromBundle(await bundleWith({ serial: 43, time: start - 25 * hour }))).toBe(false)
    expect(await inForce.fromBundle(await bundleWith({ serial: 43 }))).toBe(true)
    expect(lines.slice(1, 4)).toEqual([
      { event: 'policy-refused', why: 'rolled-back' },
      { event: 'policy-refused', why: 'rolled-back' },
      { event: 'policy-refused', why: 'statement-too-old' },
    ])
  })
})
