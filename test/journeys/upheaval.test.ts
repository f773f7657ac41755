/** Issue of every operator: may I rotate, restart and upgrade while people ask? Real processes; the long form is `npm run upheaval`. */
import { afterAll, expect, test } from 'vitest'
import { upheaval } from './upheaval.ts'
import { hasBefore, unpackBefore } from './version-before.ts'

const clients = 8

// Without a history the upgrade is from this version to itself.
const before = hasBefore() ? unpackBefore() : undefined
if (before === undefined) process.stderr.write('skipped: the version before in an upheaval (no history here)\n')
afterAll(() => before?.remove())

test('through a rotation, a restart, a rolling upgrade and a CVM that flaps, only a killed process loses what was in flight on it', async () => {
  const { served, lost, atKill, lists } = await upheaval({ requests: 640, clients, kill: true, flap: 500, before })
  const counted = Object.values(lost).reduce((sum, count) => sum + count, 0)
  expect(served + counted).toBe(640)
  expect(counted).toBe(atKill)
  expect(atKill).toBeLessThanOrEqual(clients)
  // The list of before and the one after: at no time three.
  expect(lists).toBe(2)
}, 180_000)
