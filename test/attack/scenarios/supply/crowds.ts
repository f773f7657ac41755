/** S04, S06-S15: crowds, tokens, floods, and operators who talk to each other. privacy.md 3.7 and 4.9. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openRequest } from '../../../../shared/ohttp/request.ts'
import { blocked, contained, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { happens, until } from '../../frame/until.ts'
import { pair } from '../../pair/pair.ts'
import { intruder } from '../../roles/client.ts'
import { isBundle, newKey } from '../../roles/directory.ts'
import { gatewayX } from '../../roles/gateway.ts'
import { relayX } from '../../roles/relay.ts'
import { asked, line } from '../../roles/wire.ts'
import { clientIsServed, demand, notYet, pairAnswers, secret, settled } from '../common.ts'

const onPair = {
  ...inFront,
  severity: 4,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['relay'],
  control: pairAnswers,
  quick: true,
} as const

export const crowdScenarios: readonly Scenario[] = [
  {
    ...onPair,
    ...notYet(
      'it takes network namespaces: `npm run leaktest -- --level 2` plays it, with a process that calls home as its control',
    ),
    id: 'S04',
    severity: 8,
    score: 'D',
    title: 'a dependency that calls home',
    given: 'one package of relay or gateway',
    does: 'opens a connection to somebody else',
    shows: 'there is no way there, and the attempt is seen',
  },
  {
    ...onPair,
    id: 'S10',
    score: 'T',
    expects: ['CONTAINED'],
    title: 'a flood of connections',
    given: 'one machine with many sockets',
    does: 'opens four hundred connections to the relay and says nothing',
    shows: 'the relay holds as many as its setting says; when they are gone it serves as before, and has noted nobody',
    attack: flood,
  },
  {
    ...onPair,
    id: 'S12',
    score: 'T',
    quick: false,
    title: 'everybody asks for the new keys at once',
    given: 'two hundred clients whose keys just ended',
    does: 'fetch bundle and keys in the same moment',
    shows: 'the gateway is asked as often as by one: the relay shows its copy',
    attack: stampede,
  },
  {
    ...onPair,
    id: 'S13',
    severity: 8,
    score: 'R',
    expects: ['CONTAINED'],
    title: 'relay and gateway put their heads together',
    given: 'both operators, with everything that they saw',
    does: 'joins who sent which octets with what these octets say',
    shows: 'stated, not prevented (tier T4): in front they name the client of each prompt',
    withoutNaive: 'a number to report: nothing that either does alone prevents it',
    attack: collusion,
  },
  {
    ...onPair,
    id: 'S14',
    score: 'B',
    title: 'the dashboards of both operators side by side',
    given: 'whoever reads both sets of metrics',
    does: 'reads the counters before and after one request, at once and in the next minute',
    shows: 'nothing: they are of whole minutes and move by tens',
    subject: ['relay', 'gateway'],
    quick: false,
    attack: dashboards,
  },
  {
    ...onPair,
    id: 'S15',
    severity: 8,
    title: 'everything that the relay has, handed over',
    given: 'a court order for the relay: its disk, its logs, its metrics',
    does: 'searches them for addresses and habits of twelve clients',
    shows: 'nothing of any client',
    attack: subpoena,
  },
]

async function flood(stage: Stage): Promise<Finding> {
  const gateway = await gatewayX(stage)
  const most = 100
  const relay = await stage.subject.relay(stage, { gateway: gateway.url, settings: { connections: most } })
  await until(async () => (await asked(`${relay.url}/.well-known/asunder-bundle`)).status === 200)
  const lines = Array.from({ length: 400 }, () => line(stage, relay.port))
  await settled(() => lines.filter(({ ended }) => ended()).length)
  const held = lines.filter(({ ended }) => !ended()).length
  for (const { socket } of lines) socket.destroy()
  const back = await happens(
    async () => (await asked(`${relay.url}/.well-known/asunder-bundle`).catch(() => undefined))?.status === 200,
    3_000,
  )
  demand(back, 'the relay serves again')
  if (/127\.0\.0\.1/.test(relay.log())) return exposed('an address stands in the log')
  const measure = { metric: 'connections held of 400', value: held, n: 400, gate: most }
  return contained('served again as soon as they were gone; no address noted', measure)
}

async function stampede(stage: Stage): Promise<Finding> {
  const gateway = await gatewayX(stage)
  const relay = await stage.subject.relay(stage, { gateway: gateway.url })
  await until(async () => (await asked(`${relay.url}/.well-known/asunder-bundle`)).status === 200)
  const before = gateway.letters.filter(isBundle).length
  const answers = await Promise.all(Array.from({ length: 200 }, () => asked(`${relay.url}/.well-known/asunder-bundle`)))
  demand(
    answers.every(({ status }) => status === 200),
    'everybody is answered',
  )
  const value = gateway.letters.filter(isBundle).length - before
  return blocked(`${answers.length} clients answered`, {
    metric: 'questions to the gateway for 200 of clients',
    value,
    n: 200,
    gate: 2,
  })
}

async function collusion(stage: Stage): Promise<Finding> {
  const key = newKey()
  const gateway = await gatewayX(stage, { keys: [key] })
  const relay = await relayX(stage, gateway.url)
  for (let at = 0; at < 8; at++)
    await clientIsServed(stage.subject.client(stage, { relay: relay.url }), { method: 'POST', body: `${secret} ${at}` })
  const named = relay.letters
    .filter(({ method }) => method === 'POST')
    .filter(({ body }) => new TextDecoder().decode(openRequest(() => key, body).content).includes(secret))
  const measure = { metric: 'prompts whose client both together can name', value: named.length / 8, n: 8 }
  return contained(
    'as stated: no placement hides who asked from the two together; inside and sealed still hide what (X06)',
    measure,
  )
}

const minute = 60_000

async function dashboards(stage: Stage): Promise<Finding> {
  const town = await pair(stage)
  const cli = await intruder(town.relay.url)
  const pages = (): Promise<readonly string[]> => Promise.all([town.relay.metrics(), town.gateway.metrics()])
  let minutes = 0
  /** What both pages count of requests, once the clocks say that another minute is over. */
  const nextMinute = async (): Promise<readonly string[]> => {
    const before = await pages()
    minutes++
    for (const owner of ['relay', 'gateway'] as const) stage.clocks.shift(owner, minutes * minute)
    await until(async () => (await pages()).every((page, at) => page !== before[at]))
    return (await pages()).map((page) => page.match(/^asunder_\w+_requests_total.*$/gm)?.join('\n') ?? '')
  }
  for (let at = 0; at < 3; at++) await cli.ask({})
  const before = await pages()
  await cli.ask({})
  if ((await pages()).join() !== before.join()) return exposed('the pages changed with one request')
  const one = await nextMinute()
  await cli.ask({})
  const next = await nextMinute()
  if (one.join() !== next.join()) return exposed('one request shows in the minute in which it came')
  for (let more = 0; more < 12; more++) await cli.ask({})
  const later = await nextMinute()
  demand(
    later.every((text, at) => text !== next[at]),
    'the pages count: twelve requests show in both',
  )
  return blocked('one request shows in neither page, in no minute; twelve show in both')
}

async function subpoena(stage: Stage): Promise<Finding> {
  const gateway = await gatewayX(stage)
  const relay = await stage.subject.relay(stage, { gateway: gateway.url })
  const cli = await intruder(gateway.url)
  const disk = (): string => {
    const folder = stage.people.folders.relay
    return readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'latin1'))
      .join('')
  }
  for (let at = 1; at <= 12; at++) {
    const fields = { 'content-type': 'message/ohttp-req', 'user-agent': `lkt-agent-${at}`, cookie: `lkt=${at}` }
    const common = { fields, from: `127.77.3.${at}`, method: 'POST' }
    await asked(`${relay.url}/?lkt=${at}`, { ...common, body: 'lkt' })
    await asked(relay.url, { ...common, body: (await cli.seal({})).message })
    await asked(relay.url, { ...common, body: 'x', fields: { ...fields, 'content-type': 'lkt/lkt' } })
  }
  const places = { disk: disk(), log: relay.log(), metrics: await relay.metrics() }
  const found = Object.entries(places).filter(([, text]) => /127\.77\.3\.|lkt/.test(text))
  return found.length > 0
    ? exposed(`of clients, in ${found.map(([name]) => name).join(', ')}`)
    : blocked(`nothing in ${Object.keys(places).join(', ')}`)
}
