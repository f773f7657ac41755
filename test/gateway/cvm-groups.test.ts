/** A gateway with CVMs in placement sealed asks each which keys it has; one that says nothing holds nobody up. */
import { expect, test } from 'vitest'
import { CvmGroups } from '../../gateway/cvm-groups.ts'
import { until } from './cvm/machine.ts'
import { attestations, machineWith, poolOf, scripted } from './cvm/pools.ts'

test('a CVM that is silent is given up long before it would be too slow for a request', async () => {
  const machine = await machineWith()
  const peer = await scripted(machine, () => undefined)
  const origin = { host: '127.0.0.1', port: peer.port }
  const limits = { firstByte: 600_000, stall: 600_000 }
  const pooled = poolOf(machine, { origin, connections: 2, limits })
  await until(() => attestations(pooled) >= 2, 'two connections')
  const groups = new CvmGroups([pooled.pool], 'with-first', 100)
  await groups.refresh()
  expect(groups.ready).toBe(false)
  // What was asked and not answered is not lent again.
  await until(() => attestations(pooled) >= 3, 'another connection in its place')
})
