/**
 * The soak: `npm run soak -- --minutes 30 --clients 32`. Round after round of requests on one fleet while keys turn, by hand and
 * every quarter of an hour, replicas of the gateway are restarted, replaced and killed, and the CVM flaps; and a round of 2,000
 * requests of which a tenth are abandoned. One relay and one CVM live through all of it: what their restart costs is for
 * `npm run upheaval` and replicas.test.ts. Prints what was lost and what each process holds; ends with 1 at the first loss that
 * no killed process explains, and at growth.
 */
import { parseArgs } from 'node:util'
import { startFleet } from './fleet.ts'
import { holdings, soak, type Holding } from './soak.ts'
import { round } from './upheaval.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, clients: { type: 'string' }, requests: { type: 'string' } },
})
const end = Date.now() + Number(values.minutes ?? 30) * 60_000
const clients = Number(values.clients ?? 32)
const requests = Number(values.requests ?? 2_000)
const growth = { sockets: 16, mebibytes: 96 }
const warmed = 2

// By hand in the first round, and by the clock as often as the settings let them.
const keys = { life: '15min', overlap: '15min' }
const fleet = await startFleet({ pace: 1, links: clients + 32, keys })
let first: readonly Holding[] | undefined
try {
  for (let n = 1; Date.now() < end && process.exitCode === undefined; n++) {
    const { served, lost, atKill } = await round(fleet, { requests, clients, kill: true, flap: 2_000, rotate: n === 1 })
    const { left, wrong } = await soak(fleet.pair, { clients, requests: 2_000, leaving: 200 })
    const unexplained = Object.values(lost).reduce((sum, count) => sum + count, 0) - atKill
    const held = holdings(fleet.pair)
    console.log(
      `round ${n}: ${served} served, ${atKill} lost with a killed replica, ${unexplained} otherwise; ` +
        `${left} abandoned, ${wrong.length} wrong; ${held.map(told).join(', ')}`,
    )
    if (n === warmed) first = held
    const grown = held.filter((one, at) => first !== undefined && grew(first[at], one)).map(({ name }) => name)
    for (const problem of [...Object.keys(lost), ...wrong].slice(0, unexplained > 0 ? 3 : 0)) console.error(problem)
    if (grown.length > 0) console.error(`grown since round ${warmed}: ${grown.join(', ')}`)
    if (unexplained > 0 || wrong.length > 0 || grown.length > 0) process.exitCode = 1
  }
} finally {
  await fleet.stop()
}

function told({ name, sockets, mebibytes }: Holding): string {
  return `${name} ${sockets} sockets ${mebibytes.toFixed(0)} MiB`
}

function grew(from: Holding | undefined, to: Holding): boolean {
  if (from === undefined) return false
  return to.sockets > from.sockets + growth.sockets || to.mebibytes > from.mebibytes + growth.mebibytes
}
