/**
 * The soak for as long as one likes: `npm run soak -- --minutes 60 --clients 64`. Prints what each process holds after
 * every round of 2,000 requests, a tenth of them abandoned; ends with 1 at the first wrong answer or dead process.
 */
import { parseArgs } from 'node:util'
import { startPair } from '../../deploy/local/pair/pair.ts'
import { holdings, soak } from './soak.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string' }, clients: { type: 'string' } } })
const end = Date.now() + Number(values.minutes ?? 10) * 60_000
const clients = Number(values.clients ?? 64)
const pair = await startPair({ pace: 1, links: clients + 32 })
try {
  for (let round = 1; Date.now() < end && process.exitCode === undefined; round++) {
    const { served, left, wrong } = await soak(pair, { clients, requests: 2_000, leaving: 200 })
    const held = holdings(pair).map(
      ({ name, sockets, mebibytes }) => `${name} ${sockets} sockets ${mebibytes.toFixed(0)} MiB`,
    )
    console.log(`round ${round}: ${served} served, ${left} abandoned, ${wrong.length} wrong; ${held.join(', ')}`)
    if (wrong.length > 0 || pair.services.some((service) => !service.alive())) {
      console.error(wrong[0] ?? 'a process ended')
      process.exitCode = 1
    }
  }
} finally {
  await pair.stop()
}
