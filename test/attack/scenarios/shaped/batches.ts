/** N04, S06, G08: a batch with nobody else in it, one that is full, and an answer off the grid. privacy.md 3.2, 3.7, 4.1 and 4.3. */
import { setTimeout as sleep } from 'node:timers/promises'
import { families } from '../../../../shared/http/media-types.ts'
import { blocked, detected, exposed, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { happens } from '../../frame/until.ts'
import { intruder } from '../../roles/client.ts'
import { gatewayX } from '../../roles/gateway.ts'
import { asked } from '../../roles/wire.ts'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import { demand } from '../common.ts'
import { size, watched } from './watched.ts'

const mixed = {
  ...{ placements: ['front'], profiles: ['mixed'], severity: 4, subject: ['relay'] },
} as const satisfies Partial<Scenario>

export const batchScenarios: readonly Scenario[] = [
  {
    ...mixed,
    id: 'N04',
    score: 'D',
    expects: ['DETECTED'],
    title: 'everybody else held back (n-1)',
    given: 'somebody holds the links of all clients',
    does: 'lets the victim’s requests through one by one, and holds all others',
    shows: 'they leave alone, which no tick can help; the operator sees it in asunder_relay_tick_departures',
    control: inCompany,
    attack: alone,
  },
  {
    ...mixed,
    id: 'S06',
    score: 'B',
    expects: ['BLOCKED'],
    title: 'a batch full of the attacker’s own',
    given: 'fifteen of sixteen clients',
    does: 'fills the batch around the victim, so that it must make room',
    shows:
      'nobody leaves before the tick: the attacker is refused; that the victim hides among strangers only is stated',
    control: inCompany,
    attack: filled,
  },
  {
    ...mixed,
    id: 'G08',
    score: 'B',
    expects: ['BLOCKED'],
    title: 'a length that only one answer has',
    given: 'the gateway knows which answer is the victim’s, and an ally watches the client’s link',
    does: 'answers with lengths between two buckets',
    shows: 'the answer is refused: lengths on the client’s link are of the grid',
    control: onGridIsServed,
    attack: offGrid,
  },
]

/** Octets of `asunder_relay_tick_departures` up to some edge, by the relay's own page. */
function leftTogether(page: string, edge: string): number {
  const line = new RegExp(
    `^asunder_relay_tick_departures_bucket\\{[^}]*le="${edge.replace('+', '\\+')}"[^}]*\\} (\\d+)`,
    'gm',
  )
  return [...page.matchAll(line)]
    .filter(([text]) => text.includes('direction="requests"'))
    .reduce((sum, [, count]) => sum + Number(count), 0)
}

async function inCompany(stage: Stage): Promise<void> {
  const { exchange, arrived } = await watched(stage)
  await Promise.all(Array.from({ length: 16 }, exchange))
  demand(arrived.length === 16, 'sixteen requests come through')
}

async function alone(stage: Stage): Promise<Finding> {
  const { exchange, relay } = await watched(stage)
  const count = 12
  for (let at = 0; at < count; at++) await exchange()
  stage.clocks.shift('relay', 60_000)
  const shown = await happens(async () => leftTogether(await relay.metrics(), '1') >= 10, 3_000)
  if (!shown) return exposed(`${count} requests left alone, and nobody is told`)
  return detected(`${count} requests left alone; the page says so of ${leftTogether(await relay.metrics(), '1')}`)
}

const room = 16

async function filled(stage: Stage): Promise<Finding> {
  const long = 400
  const settings = { mixing: { tick: `${long}ms`, requests: room } }
  const { exchange, arrived } = await watched(stage, { settings })
  // Early in a tick, so that there is time to fill it.
  await sleep(long - (Date.now() % long) + 20)
  const due = (Math.floor(Date.now() / long) + 1) * long
  const victim = exchange()
  const crowd = Array.from({ length: 4 * room }, () =>
    exchange().then(
      () => 'in',
      () => 'refused',
    ),
  )
  await victim
  const told = await Promise.all(crowd)
  const early = arrived.filter((at) => at < due).length
  const refused = told.filter((word) => word === 'refused').length
  if (early > 0) return exposed(`${early} of ${arrived.length} left before their tick`)
  demand(refused > 0, 'the batch was full')
  return blocked(`none left before its tick; ${refused} of the attacker’s ${told.length} were refused`)
}

async function answering(stage: Stage, octets: number): Promise<{ readonly status: number; readonly octets: number }> {
  const body = Buffer.alloc(octets)
  const fields = { 'content-type': families.standard.response }
  const gateway = await gatewayX(stage, { onRequest: () => ({ status: 200, fields, body }) })
  const relay = await stage.subject.relay(stage, { gateway: gateway.url })
  const cli = await intruder(gateway.url)
  const bare = await cli.seal({})
  const { message } = await cli.seal({ padding: size - bare.message.length })
  const told = await asked(relay.url, { method: 'POST', body: message, fields: { 'content-type': mediaTypes.request } })
  return { status: told.status, octets: told.body.length }
}

async function onGridIsServed(stage: Stage): Promise<void> {
  const told = await answering(stage, 4096)
  demand(told.status === 200 && told.octets === 4096, `an answer of the grid is served, but ${told.status}`)
}

async function offGrid(stage: Stage): Promise<Finding> {
  const lengths = [1023, 1025, 2000, 5000, 66_000, 300_001]
  for (const length of lengths) {
    const { status, octets } = await answering(stage, length)
    if (status === 200 && octets === length) return exposed(`an answer of ${length} octets reached the client’s link`)
  }
  return blocked(`${lengths.length} lengths between buckets, all refused`)
}
