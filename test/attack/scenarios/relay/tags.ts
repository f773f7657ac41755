/** R08-R11, R22: a relay that marks what it forwards, and one that is asked to forward elsewhere. wire.md "Resources". */
import { setTimeout as sleep } from 'node:timers/promises'
import { blocked, contained, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { gatewayX } from '../../roles/gateway.ts'
import { trap } from '../../roles/trap.ts'
import { asked, said } from '../../roles/wire.ts'
import { besieged, demand, gatewayAnswers, isServed, pairAnswers, secret } from '../common.ts'

const tag = 'client-0042'

/** Fields that relays, proxies and tracers are known to add. */
const marks: Readonly<Record<string, string>> = {
  'x-forwarded-for': `203.0.113.7, ${tag}`,
  'x-real-ip': tag,
  forwarded: `for=${tag}`,
  via: `1.1 ${tag}`,
  cookie: `client=${tag}`,
  traceparent: `00-${tag}-01`,
  baggage: `client=${tag}`,
  'x-request-id': tag,
  'cf-connecting-ip': tag,
  'user-agent': tag,
}

const onGateway = { ...inFront, score: 'B', expects: ['BLOCKED'], subject: ['gateway'] } as const

export const tagScenarios: readonly Scenario[] = [
  {
    ...onGateway,
    id: 'R08',
    severity: 8,
    title: 'fields added on the way',
    given: 'the relay knows who asked',
    does: 'writes it into ten fields of the outer request',
    shows: 'the gateway serves the request, passes none of it on, and logs and counts none of it',
    quick: true,
    control: gatewayAnswers,
    async attack(stage) {
      const { cli, app, gateway } = await besieged(stage)
      demand(
        isServed(await cli.ask({ method: 'POST', content: secret }, { fields: marks })),
        'the marked request is served',
      )
      const left = { app: app.raw(), log: gateway.log(), metrics: await gateway.metrics() }
      return traces(left)
    },
  },
  {
    ...onGateway,
    id: 'R09',
    severity: 4,
    title: 'a path of its own for each client',
    given: 'the relay knows who asked',
    does: 'posts to paths and queries that name the client',
    shows: 'one exact path is answered; everything else is the same 404',
    quick: true,
    control: gatewayAnswers,
    attack: ownPaths,
  },
  {
    ...onGateway,
    id: 'R10',
    severity: 4,
    title: 'a mark in the framing',
    given: 'the relay knows who asked',
    does: 'writes it into chunk extensions, chunk sizes and trailers of the outer message',
    shows: 'the gateway reads the message and nothing of its framing; the app sees the same whatever it was',
    quick: true,
    control: gatewayAnswers,
    attack: framed,
  },
  {
    ...onGateway,
    id: 'R11',
    severity: 2,
    title: 'a mark in the time of arrival',
    given: 'the relay knows who asked, and an ally sees when requests reach the app',
    does: 'holds requests back for a time that says who asked',
    shows:
      'profile direct: the time goes through, and is of use only to an ally behind the gateway (tier T4, not claimed)',
    score: 'R',
    expects: ['CONTAINED'],
    profiles: ['direct'],
    withoutNaive: 'a number to report; no gate to fail',
    control: gatewayAnswers,
    attack: timed,
  },
  {
    ...{ id: 'R22', severity: 4, score: 'B', expects: ['BLOCKED'], subject: ['relay'], ...inFront },
    title: 'the relay as an open proxy',
    given: 'a client that can write its requests by hand',
    does: 'asks the relay for another host: absolute target, Host, path, query, CONNECT',
    shows: 'a route leads to one gateway; nobody else is ever connected to',
    quick: true,
    control: pairAnswers,
    attack: elsewhere,
  },
]

function traces(places: Readonly<Record<string, string>>): Finding {
  const found = Object.entries(places).filter(([, text]) => text.includes(tag))
  if (found.length === 0) return blocked(`no trace in ${Object.keys(places).join(', ')}`)
  return exposed(`the mark is in: ${found.map(([name]) => name).join(', ')}`)
}

async function ownPaths(stage: Stage): Promise<Finding> {
  const { cli, app } = await besieged(stage)
  const paths = [
    `/${tag}`,
    `/.well-known/ohttp-gateway/${tag}`,
    `/.well-known/ohttp-gateway?c=${tag}`,
    `/?c=${tag}`,
    `//${tag}`,
  ]
  const answers: string[] = []
  for (const path of paths) {
    const { outer } = await cli.ask({}, { path })
    answers.push(`${outer.status} ${outer.body.toString('latin1')}`)
  }
  if (app.asked.length > 0) return exposed(`${app.asked.length} of ${paths.length} paths of a client's own were served`)
  if (new Set(answers).size > 1)
    return exposed(`the answers differ: ${[...new Set(answers)].join(' | ').slice(0, 200)}`)
  return blocked(`${paths.length} paths, one answer: ${answers[0]?.slice(0, 3) ?? ''}`)
}

/** HTTP/1.1 chunks of the given sizes in turn, each with the mark as its extension, and the mark in a trailer. */
function chunkedPost(message: Uint8Array, sizes: readonly number[], mark: string): Buffer {
  const head =
    'POST / HTTP/1.1\r\nhost: gateway\r\ncontent-type: message/ohttp-req\r\ntransfer-encoding: chunked\r\ntrailer: x-client\r\n\r\n'
  const parts = [Buffer.from(head)]
  for (let at = 0, turn = 0; at < message.length; turn++) {
    const piece = message.subarray(at, at + (sizes[turn % sizes.length] ?? 1))
    parts.push(Buffer.from(`${piece.length.toString(16)};${mark}\r\n`), Buffer.from(piece), Buffer.from('\r\n'))
    at += piece.length
  }
  return Buffer.concat([...parts, Buffer.from(`0;${mark}\r\nx-client: ${mark}\r\n\r\n`)])
}

async function framed(stage: Stage): Promise<Finding> {
  const { cli, app, gateway } = await besieged(stage)
  const content = 'x'.repeat(3000)
  for (const sizes of [[100_000], [1, 7, 42]]) {
    const { message } = await cli.seal({ method: 'POST', content })
    await said(stage, gateway.port, chunkedPost(message, sizes, tag))
  }
  demand(app.asked.length === 2, 'both framings are served')
  const [whole, cut] = app.asked.map(({ pieces, headers }) =>
    JSON.stringify([pieces.length, headers.map(([name]) => name)]),
  )
  if (whole !== cut) return exposed(`the app can tell one framing from the other: ${whole ?? ''} ${cut ?? ''}`)
  return traces({ app: app.raw(), log: gateway.log() })
}

async function timed(stage: Stage): Promise<Finding> {
  const arrivals: number[] = []
  const { cli } = await besieged(stage, {
    answer: (_request, response) => {
      arrivals.push(performance.now())
      response.writeHead(200, { 'content-length': 5 }).end('hello')
    },
  })
  const errors: number[] = []
  for (let round = 0; round < 12; round++) {
    await sleep(stage.dice.below(20))
    const sent = performance.now()
    await cli.ask()
    errors.push((arrivals.at(-1) ?? sent) - sent)
  }
  const spread = Math.max(...errors.slice(2)) - Math.min(...errors.slice(2))
  const measure = { metric: 'spread of the way from relay to app, ms', value: Number(spread.toFixed(1)), n: 10 }
  return contained('the time of arrival goes through; it takes an ally behind the gateway to read it', measure)
}

async function elsewhere(stage: Stage): Promise<Finding> {
  const gateway = await gatewayX(stage)
  const relay = await stage.subject.relay(stage, { gateway: gateway.url })
  const victim = await trap(stage)
  const { host } = new URL(victim.url)
  const post = (line: string, to: string): string =>
    `POST ${line} HTTP/1.1\r\nhost: ${to}\r\ncontent-type: message/ohttp-req\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi`
  const attempts = [
    post(`${victim.url}/`, host),
    post(`${victim.url}/.well-known/ohttp-gateway`, 'relay'),
    post('/', host),
    post(`/?gateway=${victim.url}`, 'relay'),
    post(`/${victim.url}/`, 'relay'),
    post(`//${host}/`, 'relay'),
    `CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\n\r\n`,
    `GET ${victim.url}/.well-known/ohttp-gateway HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
  ]
  for (const attempt of attempts) await said(stage, relay.port, attempt).catch(() => '')
  const alive = await asked(`${relay.url}/nothing`)
  demand(alive.status > 0, 'the relay still answers')
  if (victim.visits() > 0) return exposed(`the relay connected to another host: ${victim.asked.join(', ')}`)
  return blocked(`${attempts.length} ways to name another host, no connection to it`)
}
