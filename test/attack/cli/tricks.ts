/** What a hostile role can be told to do, one trick at a time; `honest` does nothing. */
import { dateProblem, ohttpKeyProblem } from '../../../shared/http/problem.ts'
import type { GatewayScript } from '../roles/gateway.ts'
import type { RelayScript, Reply } from '../roles/relay.ts'
import type { TapScript } from '../roles/tap.ts'

type Trick<Script> = { readonly says: string; readonly script: Script }
type Tricks<Script> = Readonly<Record<string, Trick<Script>>>

const problem = (type: string): Reply => ({
  status: 400,
  fields: { 'content-type': 'application/problem+json' },
  body: JSON.stringify({ type, title: 'Bad Request', status: 400 }),
})

/** Instead of forwarding a sealed request. */
const answers = (reply: Reply): RelayScript => ({ onRequest: ({ method }) => (method === 'POST' ? reply : undefined) })

const state = {
  'set-cookie': 'id=1; Max-Age=9999',
  etag: '"1"',
  'alt-svc': 'h3=":443"; ma=9999',
  nel: '{"max_age":9999}',
}

export const relayTricks: Tricks<RelayScript> = {
  honest: { says: 'forwards and answers as a relay should', script: {} },
  page: {
    says: 'answers requests with a web page',
    script: answers({ status: 200, fields: { 'content-type': 'text/html' }, body: '<p>hello' }),
  },
  problem: { says: 'says that the key is unknown', script: answers(problem(ohttpKeyProblem)) },
  redirect: {
    says: 'sends clients elsewhere with 307',
    script: answers({ status: 307, fields: { location: 'http://127.0.0.1:9/' }, body: '' }),
  },
  throttle: { says: 'answers 429', script: answers({ status: 429, fields: { 'retry-after': '30' }, body: '' }) },
  drop: {
    says: 'hangs up on requests',
    script: { onRequest: ({ method }) => (method === 'POST' ? 'hang up' : undefined) },
  },
  cookies: {
    says: 'adds cookies, validators and alt-svc to every answer',
    script: { onResponse: (reply) => ({ ...reply, fields: { ...reply.fields, ...state } }) },
  },
  flip: {
    says: 'flips one bit in the middle of every sealed answer',
    script: { onResponse: (reply, { method }) => (method === 'POST' ? flipped(reply) : reply) },
  },
}

function flipped(reply: Reply): Reply {
  const body = Buffer.from(reply.body)
  const at = body.length >> 1
  return { ...reply, body: body.fill((body[at] ?? 0) ^ 1, at, at + 1) }
}

export const gatewayTricks: Tricks<GatewayScript> = {
  honest: { says: 'opens requests and says hello', script: {} },
  cookies: {
    says: 'sets cookies, validators and a redirect inside the seal',
    script: {
      onForward: () => ({
        status: 308,
        headers: [
          ['set-cookie', 'id=1'],
          ['etag', '"1"'],
          ['location', 'https://elsewhere.example/'],
        ],
      }),
    },
  },
  picture: {
    says: 'answers with Markdown and HTML that load from elsewhere',
    script: {
      onForward: () => ({
        headers: [['content-type', 'text/html']],
        content: '![](http://127.0.0.1:9/you.png)<img src="http://127.0.0.1:9/you.png">',
      }),
    },
  },
  date: {
    says: 'refuses every Date',
    script: {
      onForward: () => ({
        status: 400,
        headers: [
          ['content-type', 'application/problem+json'],
          ['date', new Date().toUTCString()],
        ],
        content: JSON.stringify({ type: dateProblem, status: 400 }),
      }),
    },
  },
  status: {
    says: 'answers with a status and a reason of its own',
    script: { onRequest: () => ({ status: 299, fields: { 'x-mark': '1' }, body: 'mark' }) },
  },
  length: { says: 'pads answers to a length between two buckets', script: { onForward: () => ({ padding: 777 }) } },
  cut: {
    says: 'leaves the final chunk of streamed answers out',
    script: { onChunk: (pieces) => pieces.slice(0, -1), onForward: () => ({ pieces: ['one ', 'two'] }) },
  },
  swap: {
    says: 'changes the places of two chunks',
    script: {
      onChunk: ([head, one, two, ...rest]) => [head, two, one, ...rest].filter((piece) => piece !== undefined),
      onForward: () => ({ pieces: ['one ', 'two '] }),
    },
  },
}

export const networkTricks: Tricks<TapScript> = {
  honest: { says: 'passes everything on, and shows lengths and times', script: {} },
  reset: {
    says: 'resets a connection when the answer begins',
    script: { onPiece: ({ from, bytes }) => (from === 'server' ? 'cut' : bytes) },
  },
  hole: {
    says: 'swallows every answer',
    script: { onPiece: ({ from, bytes }) => (from === 'server' ? 'hold' : bytes) },
  },
  flip: {
    says: 'flips the last bit of every piece of an answer',
    script: { onPiece: ({ from, bytes }) => (from === 'server' ? bitFlipped(bytes) : bytes) },
  },
}

function bitFlipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const last = copy.length - 1
  copy[last] = (copy[last] ?? 0) ^ 1
  return copy
}

export const tricks = { relay: relayTricks, gateway: gatewayTricks, network: networkTricks } as const
export type ServedRole = keyof typeof tricks
