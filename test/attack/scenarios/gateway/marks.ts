/** G08-G10, G12, G14, G15: a gateway that marks its answers, steers, or leaves prompts lying about. privacy.md 4.2 and 4.6. */
import { setTimeout as sleep } from 'node:timers/promises'
import { families, mediaTypes } from '../../../../shared/http/media-types.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { until } from '../../frame/until.ts'
import { pair } from '../../pair/pair.ts'
import { sealedPlace } from '../../pair/sealed.ts'
import { intruder } from '../../roles/client.ts'
import { gatewayX, type GatewayScript } from '../../roles/gateway.ts'
import type { Reply } from '../../roles/relay.ts'
import { asked, type Answered } from '../../roles/wire.ts'
import { demand, endOf, isServed, notYet, pairAnswers, secret, target } from '../common.ts'

const onRelay = {
  ...inFront,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['relay'],
  control: pairAnswers,
  quick: true,
} as const
const given = 'the gateway knows which answer is the victim’s, and an ally watches the client’s link'

export const markScenarios: readonly Scenario[] = [
  {
    ...onRelay,
    id: 'G10',
    severity: 8,
    title: 'a status, a reason or a field that only one answer has',
    given,
    does: 'answers with unusual statuses, reasons, fields, trailers and early hints',
    shows: 'a closed set of statuses, one head for each, nothing of the gateway’s own',
    attack: statuses,
  },
  {
    ...onRelay,
    ...{ placements: ['sealed'], id: 'G12', severity: 4, score: 'T', subject: ['client'] },
    quick: false,
    title: 'one CVM for one kind of prompt',
    given: 'the gateway’s operator wishes that certain prompts go to one CVM',
    does: 'compares which CVM two kinds of prompts went to',
    shows: 'the client chose before anybody could know: the kinds do not differ',
    withoutNaive: 'the naive pair has one CVM',
    control: () => Promise.resolve(),
    attack: kinds,
  },
  {
    ...onRelay,
    id: 'G14',
    severity: 8,
    title: 'prompts in what is left after failures',
    given: 'whoever reads logs, metrics and errors of the gateway',
    does: 'makes the app hang up and the CVM vanish with prompts in flight',
    shows: 'no word of a prompt in anything that was written or answered',
    subject: ['gateway'],
    attack: leftovers,
  },
  {
    ...onRelay,
    ...notYet(
      'it takes network namespaces: `npm run leaktest -- --level 2` plays it, with a gateway that tells others as its control',
    ),
    id: 'G15',
    severity: 8,
    score: 'D',
    title: 'a copy for somebody else',
    given: 'a gateway or CVM that was tampered with',
    does: 'sends everything to a second host too',
    shows: 'egress is denied, and the attempt is seen',
  },
]

const allowed = [200, 400, 404, 405, 413, 415, 421, 429, 502, 503, 504]

async function statuses(stage: Stage): Promise<Finding> {
  const odd = [201, 206, 226, 299, 302, 401, 403, 407, 418, 422, 451, 500, 511, 599]
  let turn = 0
  const onRequest: GatewayScript['onRequest'] = (_letter, response) => {
    if (turn < odd.length) {
      response.writeHead(odd[turn] ?? 500, `lkt reason ${turn}`, {
        'x-lkt': `lkt-${turn}`,
        'set-cookie': 'lkt=1',
        trailer: 'x-lkt-end',
      })
      response.addTrailers({ 'x-lkt-end': 'lkt' })
      response.end(`lkt body ${turn}`)
      return 'answered'
    }
    response.writeEarlyHints({ link: '</lkt>; rel=preload' })
    const fields: Reply['fields'] = {
      'content-type': families.standard.response,
      etag: '"lkt"',
      server: 'lkt',
      date: 'lkt',
      nel: '{"lkt":1}',
    }
    return { status: 200, fields, body: 'x'.repeat(64) }
  }
  const gateway = await gatewayX(stage, { onRequest })
  const relay = await stage.subject.relay(stage, { gateway: gateway.url })
  const { message } = await (await intruder(gateway.url)).seal({})
  const answers: Answered[] = []
  for (; turn <= odd.length; turn++) {
    answers.push(
      await asked(relay.url, { method: 'POST', body: message, fields: { 'content-type': mediaTypes.request } }),
    )
  }
  const outside = answers.filter(({ status }) => !allowed.includes(status)).map(({ status }) => status)
  if (outside.length > 0) return exposed(`statuses of the gateway’s choice: ${outside.join(', ')}`)
  const marked = answers.filter(({ reason, rawHeaders, body, status }) =>
    /lkt/.test(`${reason} ${rawHeaders.join()} ${status === 200 ? '' : body.toString('latin1')}`),
  )
  if (marked.length > 0) return exposed(`marks came through: ${marked[0]?.rawHeaders.join(' ').slice(0, 160) ?? ''}`)
  const refused = new Set(
    answers.filter(({ status }) => status !== 200).map(({ status, body }) => `${status} ${body.length}`),
  )
  demand(answers.at(-1)?.status === 200, 'the usual answer comes through')
  return refused.size > 1
    ? exposed(`${refused.size} kinds of refusals`)
    : blocked(`${odd.length} statuses, all ${[...refused][0] ?? ''}`)
}

async function kinds(stage: Stage): Promise<Finding> {
  const place = await sealedPlace(stage)
  const client = place.client(await place.relay())
  const [first] = place.cvms
  const shares: number[] = []
  const rounds = 60
  for (const prompt of ['about my illness', 'about the weather']) {
    const before = first?.machine.reached.length ?? 0
    for (let round = 0; round < rounds; round++) await endOf(client(target, { method: 'POST', body: prompt }))
    shares.push((first?.machine.reached.length ?? 0) - before)
  }
  const [one = 0, other = 0] = shares
  const mean = (one + other) / 2
  // Two by two, one degree of freedom.
  const chi =
    mean === 0 || mean === rounds
      ? Infinity
      : ((one - mean) ** 2 * 2) / mean + ((one - mean) ** 2 * 2) / (rounds - mean)
  const measure = {
    metric: 'chi-square of CVM by kind of prompt (1 degree of freedom)',
    value: Number(chi.toFixed(2)),
    n: 2 * rounds,
    gate: 15.1,
  }
  return blocked(`${one} and ${other} of ${rounds} went to the first of two CVMs`, measure)
}

async function leftovers(stage: Stage): Promise<Finding> {
  const town = await pair(stage)
  const cli = await intruder(town.gateway.url)
  const answers: string[] = []
  const ask = async (): Promise<void> => {
    const told = await cli.ask({ method: 'POST', path: '/lkt-path', content: secret }).catch(() => undefined)
    answers.push(told === undefined ? '' : told.outer.body.toString('latin1') + told.text)
  }
  demand(isServed(await cli.ask({ method: 'POST', content: secret })), 'served before')
  town.app.answer = (request) => request.socket.destroy()
  await ask()
  town.app.answer = (request, response) => {
    response.writeHead(200, { 'content-length': 99 }).write(secret)
    setTimeout(() => request.socket.destroy(), 20)
  }
  await ask()
  town.app.answer = () => undefined
  const hanging = ask()
  await until(() => town.app.raw().split('POST /lkt-path').length > 3, 3_000)
  await town.cvm.close()
  await Promise.race([hanging, sleep(2_000)])
  const places = {
    log: town.gateway.log(),
    metrics: await town.gateway.metrics(),
    answers: answers.join(''),
    relay: town.relay.log(),
  }
  const found = Object.entries(places).filter(([, text]) => text.includes(secret) || text.includes('lkt-path'))
  return found.length > 0
    ? exposed(`in ${found.map(([name]) => name).join(', ')}`)
    : blocked(`nothing in ${Object.keys(places).join(', ')}`)
}
