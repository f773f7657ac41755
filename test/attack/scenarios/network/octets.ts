/** N07-N11, N16, N17: octets lost, doubled, moved and changed between any two. RFC 9458 §6.5.1, draft -08 §7. */
import { families, mediaTypes } from '../../../../shared/http/media-types.ts'
import { blocked, contained, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { until } from '../../frame/until.ts'
import { intruder } from '../../roles/client.ts'
import { gatewayX, type GatewayScript } from '../../roles/gateway.ts'
import type { Letter, RelayScript } from '../../roles/relay.ts'
import { tap } from '../../roles/tap.ts'
import { asked } from '../../roles/wire.ts'
import {
  beset,
  besieged,
  clientAnswers,
  demand,
  endOf,
  gatewayAnswers,
  pairAnswers,
  secret,
  target,
  words,
} from '../common.ts'

const onClient = {
  ...inFront,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['client'],
  control: clientAnswers,
  quick: true,
} as const
const given = 'somebody on a link who holds no key'
const pieces = ['one ', 'two ', 'three ', 'four']

export const octetScenarios: readonly Scenario[] = [
  {
    ...onClient,
    id: 'N07',
    severity: 4,
    title: 'a streamed answer that ends early',
    given,
    does: 'lets the first chunks through and then ends the answer as if that were all',
    shows: 'the caller is told that it was cut; what came is never taken for the whole',
    attack: endedEarly,
  },
  {
    ...onClient,
    id: 'N08',
    severity: 4,
    title: 'two chunks changed places',
    given,
    does: 'swaps two chunks of a streamed answer',
    shows: 'the counter in the seal does not fit: an error',
    attack: (stage) => cut(stage, (chunks) => swapped(chunks, 2, 3)),
  },
  {
    ...onClient,
    id: 'N09',
    severity: 4,
    title: 'one chunk twice',
    given,
    does: 'repeats a chunk of a streamed answer',
    shows: 'the counter in the seal does not fit: an error',
    attack: (stage) => cut(stage, (chunks) => [...chunks.slice(0, 3), ...chunks.slice(2)]),
  },
  {
    ...onClient,
    id: 'N10',
    severity: 4,
    title: 'one bit of a request',
    given,
    does: 'flips one bit in each of sixty places of a sealed request, one request each',
    shows: 'one plain answer for all places but the key id; nothing is executed',
    withoutNaive: 'what a flip breaks is the seal itself, which the naive pair takes from the same library',
    subject: ['gateway'],
    control: gatewayAnswers,
    attack: flippedRequest,
  },
  {
    ...onClient,
    id: 'N11',
    severity: 4,
    title: 'one bit of an answer',
    given,
    does: 'flips one bit in the sealed answer, in eight places',
    shows: 'an error each time; nothing is asked again by itself',
    attack: flippedAnswer,
  },
  {
    ...onClient,
    id: 'N16',
    severity: 8,
    title: 'sent again after nobody knows what',
    given,
    does: 'cuts the connection after the request went through, so that the answer is lost',
    shows: 'neither relay nor client sends it again; the same octets never pass twice',
    subject: ['client', 'relay'],
    control: pairAnswers,
    attack: lostAnswer,
  },
  {
    ...onClient,
    id: 'N17',
    severity: 4,
    score: 'B',
    expects: ['CONTAINED'],
    quick: false,
    title: 'the gateway’s link swallows everything for a while',
    given,
    does: 'swallows all octets between relay and gateway while twelve requests come, and lets go later',
    shows: 'all twelve are told in time, with answers that are alike; afterwards requests are served again',
    subject: ['relay'],
    control: pairAnswers,
    attack: blackhole,
  },
]

async function cut(stage: Stage, onChunk: NonNullable<GatewayScript['onChunk']>): Promise<Finding> {
  const { client, gateway } = await beset(stage, {
    gateway: { onChunk, onForward: () => ({ pieces }) },
    client: { family: 'chunked' },
  })
  const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
  demand(gateway.opened.length > 0, 'the request came')
  return 'error' in ended ? blocked(words(ended)) : exposed(`taken for whole: ${words(ended)}`)
}

function swapped<T>(all: readonly T[], one: number, other: number): readonly T[] {
  const [first, second] = [all[one], all[other]]
  if (first === undefined || second === undefined) throw new TypeError('too few to swap')
  return all.with(one, second).with(other, first)
}

async function endedEarly(stage: Stage): Promise<Finding> {
  const onRequest: RelayScript['onRequest'] = async (letter, response) => {
    if (letter.method !== 'POST') return undefined
    const whole = await asked(`${gateway.url}${letter.path}`, {
      method: 'POST',
      body: letter.body,
      fields: { 'content-type': mediaTypes.chunkedRequest },
    })
    // Ended by the end of the connection, as HTTP/1.1 allows: nothing below the seal knows how long it should be.
    response.socket?.write(`HTTP/1.1 200 OK\r\ncontent-type: ${families.chunked.response}\r\nconnection: close\r\n\r\n`)
    response.socket?.end(whole.body.subarray(0, whole.body.length - 40))
    return 'answered'
  }
  const { client, gateway } = await beset(stage, {
    relay: { onRequest },
    gateway: { onForward: () => ({ pieces }) },
    client: { family: 'chunked' },
  })
  const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
  demand(gateway.opened.length > 0, 'the request came')
  return 'error' in ended ? blocked(words(ended)) : exposed(`taken for whole: ${words(ended)}`)
}

async function flippedRequest(stage: Stage): Promise<Finding> {
  const { cli, app } = await besieged(stage)
  const answers = new Set<string>()
  for (let round = 0; round < 60; round++) {
    const { message } = await cli.seal({ method: 'POST', content: secret })
    const at = 1 + stage.dice.below(message.length - 1)
    const { status, body } = await cli.post(message.with(at, (message[at] ?? 0) ^ (1 << stage.dice.below(8))))
    answers.add(`${status} ${body.toString('latin1')}`)
  }
  if (app.asked.length > 0) return exposed(`${app.asked.length} changed requests were executed`)
  if (answers.size > 1) return exposed(`${answers.size} different answers: ${[...answers].join(' | ').slice(0, 200)}`)
  return blocked(`60 flips, one answer: ${[...answers][0]?.slice(0, 3) ?? ''}`)
}

async function flippedAnswer(stage: Stage): Promise<Finding> {
  const places = 8
  const onResponse: RelayScript['onResponse'] = (reply, { method }) => {
    if (method !== 'POST' || !(reply.body instanceof Uint8Array)) return reply
    const at = stage.dice.below(reply.body.length)
    return { ...reply, body: Uint8Array.from(reply.body).with(at, (reply.body[at] ?? 0) ^ 1) }
  }
  const { client, relay } = await beset(stage, { relay: { onResponse } })
  const ends = []
  for (let round = 0; round < places; round++)
    ends.push(await endOf(client.fetch(target, { method: 'POST', body: secret })))
  const posts = relay.letters.filter(({ method }) => method === 'POST').length
  const handed = ends.filter((end) => !('error' in end))
  if (handed.length > 0) return exposed(`handed to the caller: ${handed.map(words)[0] ?? ''}`)
  return posts > places
    ? exposed(`${posts} requests for ${places}`)
    : blocked(`${places} flips, ${[...new Set(ends.map(words))].join(', ')}`)
}

async function lostAnswer(stage: Stage): Promise<Finding> {
  const letters: Letter[] = []
  const onRequest: GatewayScript['onRequest'] = (letter, response) => {
    letters.push(letter)
    response.destroy()
    return 'answered'
  }
  const gateway = await gatewayX(stage, { onRequest })
  const relay = await stage.subject.relay(stage, { gateway: gateway.url })
  await until(async () => (await asked(`${relay.url}/.well-known/asunder-bundle`)).status === 200)
  const client = stage.subject.client(stage, { relay: `${relay.url}/` })
  const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
  demand('error' in ended || ended.status >= 500, `the caller is told: ${words(ended)}`)
  if (letters.length > 1) return exposed(`the request was sent ${letters.length} times`)
  demand(letters.length === 1, 'it came once')
  return blocked(`once; the caller is told ${words(ended)}`)
}

async function blackhole(stage: Stage): Promise<Finding> {
  const gateway = await gatewayX(stage)
  const linkB = await tap(stage, gateway.port)
  const settings = {
    upstream: { connections: 2, queue: 4, wait: '300ms', firstByte: '500ms', stall: '500ms' },
    limits: { incremental: 1 },
  }
  const relay = await stage.subject.relay(stage, { gateway: linkB.url, settings })
  const { message } = await (await intruder(gateway.url)).seal({})
  const ask = () => asked(relay.url, { method: 'POST', body: message, fields: { 'content-type': mediaTypes.request } })
  demand((await ask()).status === 200, 'served before')
  linkB.script = { onPiece: () => 'hold' }
  const fuse = AbortSignal.timeout(3_000)
  const late = new Promise<'late'>((resolve) => fuse.addEventListener('abort', () => resolve('late')))
  const told = await Promise.all(
    Array.from({ length: 12 }, () => Promise.race([ask().catch(() => 'cut' as const), late])),
  )
  const hanging = told.filter((one) => one === 'late').length
  if (hanging > 0) return exposed(`${hanging} of 12 still wait after 3 s, for a gateway that says nothing`)
  const statuses = [...new Set(told.map((one) => (typeof one === 'string' ? one : one.status)))]
  linkB.script = {}
  const after = await ask()
  demand(after.status === 200, `served afterwards, but ${after.status}`)
  return contained(`told ${statuses.join(', ')} in time; served again afterwards`)
}
