/** The sealed exchange has no naive pair to fall, so its scenarios are shown a CVM that lacks what they look for. trust.md 5. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { OwnKeys } from '../../gateway/cvm/own-keys.ts'
import { play } from './frame/play.ts'
import { ours } from './pair/ours.ts'
import { gather, type People } from './pair/people.ts'
import { sealedScenarios } from './scenarios/sealed/exchange.ts'

let people: People
beforeAll(async () => (people = await gather()))
afterAll(() => people.remove())
afterEach(() => vi.restoreAllMocks())

const outcomeOf = async (id: string): Promise<string> => {
  const scenario = sealedScenarios.find((one) => one.id === id)
  if (scenario === undefined) throw new TypeError(id)
  const cast = { people, subject: ours, placement: 'sealed', profile: 'direct' } as const
  return (await play(scenario, { cast, seed: 1, proof: false })).finding.outcome
}

test.each(['X01', 'X02'])('%s exposes a CVM that forgets what it has opened', async (id) => {
  vi.spyOn(OwnKeys.prototype, 'claim').mockImplementation(() => undefined)
  expect(await outcomeOf(id)).toBe('EXPOSED')
})

test('and with its memory the same is blocked', async () => {
  expect(await outcomeOf('X01')).toBe('BLOCKED')
})
