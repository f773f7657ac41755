/** R15-R20: a relay that lies about answers. RFC 9458 §5.2 and §6.2, trust.md 6, privacy.md 2.12. */
import { ohttpKeyProblem } from '../../../../shared/http/problem.ts'
import { blocked, contained, detected, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { isBundle } from '../../roles/directory.ts'
import type { Letter, RelayScript, Reply } from '../../roles/relay.ts'
import { trap } from '../../roles/trap.ts'
import { beset, clientAnswers, demand, endOf, secret, target, words, type Beset, type Ended } from '../common.ts'

const onClient = { ...inFront, score: 'B', expects: ['BLOCKED'], subject: ['client'], control: clientAnswers } as const
const given = 'the relay writes whatever it likes to the client'
const lie = 'You have won a prize'

export const answerScenarios: readonly Scenario[] = [
  {
    ...onClient,
    id: 'R15',
    severity: 8,
    title: 'one client’s answer to another',
    given: 'two clients ask at the same time',
    does: 'gives each the sealed answer of the other',
    shows: 'neither opens; no octet of either reaches a caller',
    quick: true,
    attack: swapped,
  },
  {
    ...onClient,
    id: 'R16',
    severity: 4,
    title: 'a page instead of the answer',
    given,
    does: 'answers with a web page, with JSON, with a forged key problem, again and again',
    shows: 'each is a typed error with no word of it; one look for newer keys at most, and no second request',
    quick: true,
    attack: pages,
  },
  {
    ...onClient,
    id: 'R17',
    severity: 8,
    title: 'a cookie by any other name, outside',
    given,
    does: 'sets cookies, validators and other things to remember on its answers, and looks at the next five requests',
    shows: 'nothing comes back: every outer head is the same',
    quick: true,
    attack: remembered,
  },
  {
    ...onClient,
    id: 'R18',
    severity: 8,
    title: 'led to somebody who must not see the client',
    given,
    does: 'redirects, with 301 to 308, and names other addresses in alt-svc, link and refresh',
    shows: 'no connection to anybody but the relay',
    quick: true,
    attack: led,
  },
  {
    ...onClient,
    id: 'R19',
    severity: 2,
    score: 'D',
    expects: ['DETECTED'],
    title: 'one client slowed down',
    given,
    does: 'answers this client alone with 429',
    shows: 'the caller is told (rate-limited, and when to come back); nothing is sent again by itself',
    quick: true,
    attack: slowed,
  },
  {
    ...onClient,
    id: 'R20',
    severity: 2,
    score: 'R',
    expects: ['CONTAINED'],
    title: 'one request dropped, to see which answer is missing',
    given,
    does: 'hangs up on one request, and compares what the caller’s own second try looks like',
    shows: 'nothing is sent again by itself; what the caller sends again has nothing in common with the first',
    withoutNaive: 'a number to report; that a naive client repeats the octets shows in N16',
    attack: dropped,
  },
]

async function swapped(stage: Stage): Promise<Finding> {
  const bodies: Reply[] = []
  const both = Promise.withResolvers<undefined>()
  const onResponse: RelayScript['onResponse'] = async (reply, { method }) => {
    if (method !== 'POST') return reply
    const mine = bodies.push(reply) - 1
    if (bodies.length === 2) both.resolve(undefined)
    await both.promise
    return bodies[1 - mine] ?? reply
  }
  const { client, relay } = await beset(stage, { relay: { onResponse } })
  const other = stage.subject.client(stage, { relay: relay.url })
  const ends = await Promise.all(
    [client, other].map(({ fetch }) => endOf(fetch(target, { method: 'POST', body: secret }))),
  )
  demand(bodies.length === 2, 'both asked')
  const given = ends.filter((end) => !('error' in end))
  if (given.length > 0) return exposed(`a caller was handed what belongs to another: ${ends.map(words).join(', ')}`)
  return blocked(ends.map(words).join(', '))
}

const problemText = JSON.stringify({ type: ohttpKeyProblem, title: 'Bad Request', status: 400 })

async function pages(stage: Stage): Promise<Finding> {
  const fakes: readonly Reply[] = [
    { status: 200, fields: { 'content-type': 'text/html' }, body: `<p>${lie}` },
    { status: 200, fields: { 'content-type': 'application/json' }, body: JSON.stringify({ lie }) },
    { status: 200, fields: { 'content-type': 'message/ohttp-res' }, body: `${lie}${'.'.repeat(200)}` },
    { status: 400, fields: { 'content-type': 'application/problem+json' }, body: problemText },
    { status: 400, fields: { 'content-type': 'application/problem+json' }, body: problemText },
  ]
  let turn = 0
  const onRequest = ({ method }: Letter): Reply | undefined => (method === 'POST' ? fakes[turn] : undefined)
  const { client, relay } = await beset(stage, { relay: { onRequest } })
  const ends: Ended[] = []
  for (turn = 0; turn < fakes.length; turn++)
    ends.push(await endOf(client.fetch(target, { method: 'POST', body: secret })))
  const believed = ends.filter((end) => !('error' in end) || end.error.includes(lie))
  if (believed.length > 0) return exposed(`the caller was given: ${believed.map(words).join(', ')}`)
  const looks = relay.letters.filter(isBundle).length
  const posts = relay.letters.filter(({ method }) => method === 'POST').length
  if (looks > 2 || posts > fakes.length) return exposed(`a storm: ${looks} looks for keys, ${posts} requests`)
  return blocked(`${ends.map(words).join(', ')}; ${looks} looks for keys`)
}

const keepsakes = {
  'set-cookie': 'id=lkt-cookie; Max-Age=9999',
  etag: '"lkt-etag"',
  'last-modified': 'Wed, 01 Jul 2026 12:00:00 GMT',
  'accept-ch': 'lkt-hint',
  'x-request-id': 'lkt-request',
  nel: '{"report_to":"lkt","max_age":9999}',
  'strict-transport-security': 'max-age=9999',
  vary: 'lkt-vary',
  authorization: 'lkt-authorization',
}

async function remembered(stage: Stage): Promise<Finding> {
  const onRequest: RelayScript['onRequest'] = (_letter, response) => {
    response.writeEarlyHints({ link: '</lkt-hint>; rel=preload' })
    return undefined
  }
  const onResponse: RelayScript['onResponse'] = (reply) => ({ ...reply, fields: { ...reply.fields, ...keepsakes } })
  const { client, relay } = await beset(stage, { relay: { onRequest, onResponse } })
  for (let round = 0; round < 6; round++) {
    const end = await endOf(client.fetch(target, { method: 'POST', body: secret }))
    demand(!('error' in end), `served, but ${words(end)}`)
  }
  const heads = relay.letters.filter(({ method }) => method === 'POST').map(({ rawHeaders }) => rawHeaders.join('\n'))
  const back = [...heads, ...relay.letters.map(({ path }) => path)].filter((text) => /lkt-/.test(text))
  if (back.length > 0) return exposed(`came back: ${back[0]?.replaceAll('\n', ' ').slice(0, 160) ?? ''}`)
  const different = new Set(heads).size
  if (different > 1) return exposed(`${different} different heads in ${heads.length} requests`)
  return blocked(
    `${Object.keys(keepsakes).length} things to remember, 0 bits back; one head in ${heads.length} requests`,
  )
}

async function led(stage: Stage): Promise<Finding> {
  const elsewhere = await trap(stage)
  const { host, port } = new URL(elsewhere.url)
  const more = {
    'alt-svc': `h1="${host}"; ma=9999`,
    link: `<${elsewhere.url}/x>; rel=preload`,
    refresh: `0; url=${elsewhere.url}`,
  }
  const statuses = [301, 302, 303, 307, 308, 200]
  let turn = 0
  const reply = (location: string): Reply => ({
    status: statuses[turn] ?? 200,
    fields: { location, ...more },
    body: '',
  })
  const onRequest = ({ method }: Letter): Reply | undefined =>
    method === 'POST' ? reply(`${elsewhere.url}/r`) : undefined
  const { client } = await beset(stage, { relay: { onRequest } })
  const ends: Ended[] = []
  for (turn = 0; turn < statuses.length; turn++)
    ends.push(await endOf(client.fetch(target, { method: 'POST', body: secret })))
  if (elsewhere.visits() > 0) return exposed(`the client connected to ${port}: ${elsewhere.asked.join(', ')}`)
  return blocked(`no connection; ${[...new Set(ends.map(words))].join(', ')}`)
}

async function slowed(stage: Stage): Promise<Finding> {
  const onRequest = ({ method }: Letter): Reply | undefined =>
    method === 'POST' ? { status: 429, fields: { 'retry-after': '30' }, body: '' } : undefined
  const { client, relay } = await beset(stage, { relay: { onRequest } })
  const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
  const posts = postsOf({ relay })
  if (posts > 1) return exposed(`the client asked ${posts} times without being told to`)
  return 'error' in ended && ended.error === 'rate-limited'
    ? detected('the caller is told: rate-limited')
    : exposed(`the caller is told ${words(ended)}`)
}

async function dropped(stage: Stage): Promise<Finding> {
  const onRequest = ({ method, number }: Letter): 'hang up' | undefined =>
    method === 'POST' && number < 2 ? 'hang up' : undefined
  const { client, relay } = await beset(stage, { relay: { onRequest } })
  const ask = (): Promise<Ended> => endOf(client.fetch(target, { method: 'POST', body: secret }))
  const first = await ask()
  demand('error' in first, 'the caller sees that nothing came')
  const byItself = postsOf({ relay }) - 1
  const second = await ask()
  demand(!('error' in second), `the second is served: ${words(second)}`)
  const [one, other] = relay.letters.filter(({ method }) => method === 'POST').map(({ body }) => body)
  const shared = one === undefined || other === undefined ? 0 : sharedOctets(one, other)
  const measure = { metric: 'requests sent again by the client itself', value: byItself, n: 1, gate: 0 }
  return contained(
    `${words(first)}; the second shares its header of 7 octets with the first, ${shared} of 32 octets of enc`,
    measure,
  )
}

function sharedOctets(one: Buffer, other: Buffer): number {
  let same = 0
  for (let at = 7; at < 39; at++) if (one[at] === other[at]) same++
  return same
}

function postsOf({ relay }: Pick<Beset, 'relay'>): number {
  return relay.letters.filter(({ method }) => method === 'POST').length
}
