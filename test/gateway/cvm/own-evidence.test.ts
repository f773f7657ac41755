/** The lease of a process on its own keys: it holds as long as the key that opened, and no longer. trust.md 3. */
import { expect, test } from 'vitest'
import { ownEvidence, type OpeningKeys } from '../../../gateway/cvm/own-evidence.ts'
import { newKey } from '../town.ts'

function place(atOnce = 2) {
  const living = new Map([1, 2].map((keyId) => [keyId, newKey(keyId)]))
  const keys: OpeningKeys = {
    find: (keyId) => living.get(keyId),
    claim: () => undefined,
    get attested() {
      return living.size > 0
    },
  }
  return { living, keys, leases: ownEvidence(keys, () => Promise.reject(new Error('nobody is asked')), atOnce) }
}

test('before an opening it holds while any key lives, and from then on while that one does', () => {
  const { living, keys, leases } = place()
  const [one, other] = [leases.lease(), leases.lease()]
  const find = one?.finder(keys.find)
  expect(find?.(1)).toBe(living.get(1))
  living.delete(1)
  expect([one?.alive, other?.alive]).toEqual([false, true])
  living.delete(2)
  expect(other?.alive).toBe(false)
})

test('as many as the app is given at a time, each given back once', () => {
  const { leases } = place(1)
  const lease = leases.lease()
  expect(leases.lease()).toBeUndefined()
  lease?.release()
  lease?.release()
  expect(lease?.alive).toBe(false)
  expect(leases.lease()).toBeDefined()
  expect(leases.lease()).toBeUndefined()
})
