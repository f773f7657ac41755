/** G03-G07, G11: a gateway that speaks to the client inside the seal. privacy.md 2.12, trust.md 6, draft -08 §7. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { dateProblem } from '../../../../shared/http/problem.ts'
import type { Field } from '../../../../shared/bhttp/message.ts'
import { utf8 } from '../../../../shared/bytes.ts'
import { blocked, contained, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { happens } from '../../frame/until.ts'
import { bundleOver, newKey, shown } from '../../roles/directory.ts'
import type { GatewayScript, Said } from '../../roles/gateway.ts'
import { trap } from '../../roles/trap.ts'
import { beset, clientAnswers, demand, endOf, secret, target, words, type Ended } from '../common.ts'

const onClient = { ...inFront, score: 'B', expects: ['BLOCKED'], subject: ['client'], control: clientAnswers } as const
const given = 'the gateway, or the app behind it, writes what it likes inside the seal'

export const insideScenarios: readonly Scenario[] = [
  {
    ...onClient,
    id: 'G03',
    severity: 8,
    title: 'a cookie by any other name, inside',
    given,
    does: 'sets cookies, validators, hints and redirects to addresses of this client’s own; looks at five more requests',
    shows: 'nothing comes back: 0 bits',
    quick: true,
    attack: remembered,
  },
  {
    ...onClient,
    id: 'G04',
    severity: 2,
    score: 'R',
    expects: ['CONTAINED'],
    title: 'a phrase that the next prompt quotes',
    given,
    does: 'puts a rare phrase into an answer and waits for a prompt that quotes it',
    shows: 'what a person quotes comes back, and nothing else: applications are told not to send whole histories',
    withoutNaive: 'a number to report: no client can know which words a person quotes',
    attack: quoted,
  },
  {
    ...onClient,
    id: 'G05',
    severity: 8,
    title: 'a picture in the answer that only this client is shown',
    given,
    does: 'answers with Markdown and HTML that load from an address of the attacker’s',
    shows: 'the client loads nothing; what it hands on is text',
    quick: true,
    attack: pictured,
  },
  {
    ...onClient,
    id: 'G06',
    severity: 4,
    title: 'refused dates as a probe of the way to the client',
    given,
    does: 'refuses every Date and times what comes again',
    shows: 'one retry after a random 1 to 5 s, none within the next hour, and never with a clock of its own',
    quick: true,
    attack: dates,
  },
  {
    ...onClient,
    id: 'G07',
    severity: 4,
    title: 'asking for the request piece by piece',
    given: 'the gateway reads a chunked request and may hold back everything it says',
    does: 'says nothing for a while and looks whether the rest of the request waits for it',
    shows: 'the request comes whole, whatever is said or not said meanwhile',
    quick: true,
    attack: interactive,
  },
  {
    ...onClient,
    id: 'G11',
    severity: 4,
    title: 'a mark in how a streamed answer is cut',
    given,
    does: 'leaves out the final chunk, adds empty ones, adds one after the end, lies about a length',
    shows: 'each is an error of the answer; none passes for a whole one',
    quick: true,
    attack: malformed,
  },
]

const keepsakes: readonly Field[] = [
  ['set-cookie', 'id=lkt-cookie; Max-Age=9999'],
  ['etag', '"lkt-etag"'],
  ['last-modified', 'Wed, 01 Jul 2026 12:00:00 GMT'],
  ['alt-svc', 'h1="lkt.example:1"; ma=9999'],
  ['accept-ch', 'lkt-hint'],
  ['x-request-id', 'lkt-request'],
  ['strict-transport-security', 'max-age=9999'],
  ['no-vary-search', 'params=("lkt")'],
]

async function remembered(stage: Stage): Promise<Finding> {
  const onForward = (_request: unknown, count: number): Said =>
    count === 1
      ? { headers: keepsakes }
      : count === 2
        ? { status: 308, headers: [['location', 'https://app.asunder.example/lkt-own-path']] }
        : {}
  const { client, gateway } = await beset(stage, { gateway: { onForward } })
  for (let round = 0; round < 7; round++) await endOf(client.fetch(target, { method: 'POST', body: secret }))
  const back = gateway.opened.slice(1).filter(({ path, headers }) => /lkt/.test(JSON.stringify([path, headers])))
  if (back.length > 0)
    return exposed(`${back.length} later requests bring it back: ${JSON.stringify(back[0]?.headers).slice(0, 120)}`)
  demand(gateway.opened.length >= 7, 'seven requests came')
  return blocked(`${keepsakes.length + 1} things to remember, 0 bits in ${gateway.opened.length - 1} later requests`)
}

async function quoted(stage: Stage): Promise<Finding> {
  const phrase = `velvet-${stage.dice.uint32().toString(36)}`
  const { client, gateway } = await beset(stage, { gateway: { onForward: () => ({ content: `as in ${phrase}` }) } })
  const first = await (await client.fetch(target, { method: 'POST', body: secret })).text()
  await client.fetch(target, { method: 'POST', body: secret })
  await client.fetch(target, { method: 'POST', body: `you wrote: ${first}` })
  const has = gateway.opened.map(({ content }) => new TextDecoder().decode(content).includes(phrase))
  demand(has[1] === false, 'the client quotes nothing by itself')
  const measure = {
    metric: 'prompts that bring the phrase back, of those in which a person quotes it',
    value: has[2] === true ? 1 : 0,
    n: 1,
  }
  return contained('only what the person quotes comes back', measure)
}

async function pictured(stage: Stage): Promise<Finding> {
  const elsewhere = await trap(stage)
  const texts = [
    `Look: ![](${elsewhere.url}/victim.png) and [![x](${elsewhere.url}/y.png)](${elsewhere.url}/z)`,
    `<img src="${elsewhere.url}/victim.png"><link rel="preload" href="${elsewhere.url}/p">`,
  ]
  const headers: Said['headers'] = [
    ['content-type', 'text/html'],
    ['link', `<${elsewhere.url}/l>; rel=preload`],
  ]
  const onForward = (_request: unknown, count: number): Said => ({
    headers,
    content: texts[(count - 1) % 2] ?? '',
  })
  const { client } = await beset(stage, { gateway: { onForward } })
  const ends: Ended[] = []
  for (const { length } of texts)
    if (length > 0) ends.push(await endOf(client.fetch(target, { method: 'POST', body: secret })))
  demand(
    ends.every((end) => !('error' in end)),
    `the answers arrive: ${ends.map(words).join(', ')}`,
  )
  if (elsewhere.visits() > 0) return exposed(`the client fetched ${elsewhere.asked.join(', ')}`)
  return blocked('five addresses in two answers, no connection to any')
}

async function dates(stage: Stage): Promise<Finding> {
  const date = new Date(Date.now() - 7 * 60_000).toUTCString()
  const refusal: Said = {
    status: 400,
    headers: [
      ['content-type', 'application/problem+json'],
      ['date', date],
    ],
    content: JSON.stringify({ type: dateProblem, title: 'Date', status: 400 }),
  }
  const { client, gateway } = await beset(stage, { gateway: { onForward: () => refusal } })
  const ends = [await endOf(client.fetch(target)), await endOf(client.fetch(target)), await endOf(client.fetch(target))]
  const extra = gateway.opened.length - ends.length
  if (extra > 1) return exposed(`${extra} requests came again within the hour`)
  const hasty = client.waits.filter((wait) => wait < 1000 || wait > 5000)
  if (extra !== client.waits.length || hasty.length > 0)
    return exposed(`came again after ${client.waits.join(', ')} ms`)
  const own = gateway.opened.flatMap(({ headers }) =>
    headers.filter(([name]) => name === 'date').map(([, value]) => value),
  )
  const exact = own.filter((value) => value !== date && new Date(value).getUTCSeconds() !== 0)
  if (exact.length > 0) return exposed(`the client’s clock shows: ${exact.join(', ')}`)
  return blocked(
    `${extra} retry, after ${Math.round(client.waits[0] ?? 0)} ms of its own choice; then ${words(ends[2] ?? { error: '' })}`,
  )
}

/** Reads by hand: an `expect`, or octets that come only after something was said, are the probe. */
async function interactive(stage: Stage): Promise<Finding> {
  const key = newKey()
  const bundle = await bundleOver([key], stage.people)
  const upload = { whole: false, waited: false }
  const server = createServer((request, response) => {
    if (request.method === 'GET')
      return void response.writeHead(200, shown('').fields as Record<string, string>).end(bundle)
    request.resume().on('end', () => (upload.whole = true))
  })
  server.on('checkContinue', (request) => {
    upload.waited = true
    request.resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stage.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const relay = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const client = stage.subject.client(stage, { relay, family: 'chunked' })
  const asking = endOf(client.fetch(target, { method: 'POST', body: utf8('x'.repeat(100_000)) }))
  const came = await happens(() => upload.whole || upload.waited, 3_000)
  await sleep(20)
  const { whole, waited } = upload
  server.close()
  server.closeAllConnections()
  await asking
  if (!came || waited || !whole) return exposed('the rest of the request waits until the gateway speaks')
  return blocked('100 kB arrived whole though nothing was ever said')
}

async function malformed(stage: Stage): Promise<Finding> {
  const cuts: readonly (readonly [name: string, cut: NonNullable<GatewayScript['onChunk']>])[] = [
    ['no final chunk', (pieces) => pieces.slice(0, -1)],
    ['nothing but the nonce', (pieces) => pieces.slice(0, 1)],
    [
      'an empty chunk in the middle',
      (pieces) => [...pieces.slice(0, 2), Uint8Array.of(16, ...new Uint8Array(16)), ...pieces.slice(2)],
    ],
    ['more after the end', (pieces) => [...pieces, ...pieces.slice(1, 2)]],
    [
      'a length that lies',
      (pieces) => pieces.map((piece, at) => (at === 2 ? piece.with(0, (piece[0] ?? 0) + 1) : piece)),
    ],
    ['a chunk left out', (pieces) => pieces.filter((_, at) => at !== 2)],
  ]
  const passed: string[] = []
  for (const [name, cut] of cuts) {
    const { client } = await beset(stage, {
      gateway: { onChunk: cut, onForward: () => ({ pieces: ['one ', 'two ', 'three'] }) },
      client: { family: 'chunked' },
    })
    const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
    if (!('error' in ended)) passed.push(`${name}: ${words(ended)}`)
  }
  return passed.length > 0
    ? exposed(`passed for whole: ${passed.join('; ')}`)
    : blocked(`${cuts.length} ways to cut it, an error each`)
}
