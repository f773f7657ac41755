/** `npm run upheaval`: 10,000 requests across a rotation, a restart, a rolling upgrade, a killed replica and a CVM that flaps. */
import { parseArgs } from 'node:util'
import { upheaval } from './upheaval.ts'
import { hasBefore, unpackBefore } from './version-before.ts'

const { values } = parseArgs({
  options: { requests: { type: 'string' }, clients: { type: 'string' }, calm: { type: 'boolean' } },
})
const requests = Number(values.requests ?? 10_000)
const clients = Number(values.clients ?? 16)
const tell = (text: string): void => console.error(text)
const { calm = false } = values
const before = hasBefore() ? unpackBefore() : undefined
if (before === undefined) tell('no history here: the upgrade is from this version to itself')
const plan = { requests, clients, kill: !calm, flap: calm ? 0 : 3_000, before, tell }
const { served, lost, atKill, lists } = await upheaval(plan).finally(() => before?.remove())
console.log(`${served} of ${requests} served, ${lists} key lists in use; ${atKill} lost with the killed replica`)
for (const [why, count] of Object.entries(lost)) console.log(`  ${count} lost: ${why}`)
process.exitCode = Object.keys(lost).length === 0 || !calm ? 0 : 1
