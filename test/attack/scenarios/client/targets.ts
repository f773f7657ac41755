/** C01-C06: a client that asks for what is not there to be asked for. RFC 9458 §6.5, RFC 9292 §3, RFC 9110 §7.6.1. */
import type { Field } from '../../../../shared/bhttp/message.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { quiet } from '../../frame/until.ts'
import { handwritten, type Inside, type Told } from '../../roles/client.ts'
import { trap } from '../../roles/trap.ts'
import { besieged, demand, gatewayAnswers, isServed, secret } from '../common.ts'

const onGateway = {
  ...inFront,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['gateway'],
  control: gatewayAnswers,
} as const
const given = 'a client with the gateway’s key, and no rule beyond it'

export const targetScenarios: readonly Scenario[] = [
  {
    ...onGateway,
    id: 'C01',
    severity: 8,
    title: 'the gateway as a way into its own network',
    given,
    does: 'asks for loopback, metadata addresses, mapped and decimal spellings, other ports, names that rebind',
    shows: 'an exact list of origins before any look-up: a sealed 403, and nobody is connected to',
    quick: true,
    attack: inward,
  },
  {
    ...onGateway,
    id: 'C02',
    severity: 4,
    title: 'a target that two readers read differently',
    given,
    does: 'writes absolute and authority forms, user information, backslashes, CONNECT and TRACE',
    shows: 'refused, or passed on to the app octet for octet: never to another host, never as another method',
    quick: true,
    attack: confused,
  },
  {
    ...onGateway,
    id: 'C03',
    severity: 8,
    title: 'a second request hidden in the first',
    given,
    does: 'says transfer-encoding, two lengths, or a length shorter than the content, which holds a request of its own',
    shows: 'the app sees one request at most for each, and never the hidden one',
    quick: true,
    attack: smuggled,
  },
  {
    ...onGateway,
    id: 'C04',
    severity: 8,
    title: 'line ends in fields, paths and methods',
    given,
    does: 'puts CR, LF, NUL and folds into every part of the head',
    shows: 'refused inside the seal; the octets that reach the app hold no line of the attacker’s',
    quick: true,
    attack: injected,
  },
  {
    ...onGateway,
    id: 'C05',
    severity: 4,
    title: 'fields about the connection',
    given,
    does: 'sends connection and what it names, te, upgrade, keep-alive, proxy fields, expect',
    shows: 'none of them reaches the app; expect is refused',
    quick: true,
    attack: hops,
  },
  {
    ...onGateway,
    id: 'C06',
    severity: 4,
    title: 'fields by which a proxy vouches for somebody',
    given,
    does: 'writes x-forwarded-for, forwarded, x-real-ip, via and others inside the seal',
    shows: 'none of them reaches the app',
    quick: true,
    attack: vouched,
  },
]

async function inward(stage: Stage): Promise<Finding> {
  const { cli, app } = await besieged(stage)
  const host = await trap(stage)
  const { port } = host
  const names = ['127.0.0.1', 'localhost', '[::1]', '[::ffff:7f00:1]', '2130706433', '0x7f.1', '127.1', '0.0.0.0']
  const authorities = [...names.map((name) => `${name}:${port}`), '169.254.169.254', `app.asunder.example:${port}`]
  const wishes: Inside[] = authorities.flatMap((authority) => [
    { authority, scheme: 'http', path: '/latest/meta-data' },
    { authority, scheme: 'https', path: '/' },
  ])
  const served: string[] = []
  for (const wish of wishes.slice(0, 19)) if (isOk(await cli.ask(wish))) served.push(wish.authority ?? '')
  if (host.visits() > 0) return exposed(`the gateway went to ${host.asked.join(', ') || 'a host of its own network'}`)
  if (served.length > 0 || app.asked.length > 0) return exposed(`answered for ${served.join(', ')}`)
  return blocked(`${wishes.length} ways to name another host, nobody connected to`)
}

const isOk = ({ inner }: Told): boolean => inner !== undefined && inner.status < 400

async function confused(stage: Stage): Promise<Finding> {
  const { cli, app } = await besieged(stage)
  const elsewhere = await trap(stage)
  const wishes: readonly Inside[] = [
    { method: 'CONNECT', path: 'app.asunder.example:443' },
    { method: 'TRACE', path: '/' },
    { path: `${elsewhere.url}/x` },
    { path: '' },
    { path: '*', method: 'OPTIONS' },
    { path: 'no-slash' },
    { scheme: 'http' },
    { scheme: 'ftp' },
    { authority: `user:pw@app.asunder.example` },
    { authority: `app.asunder.example@127.0.0.1:${elsewhere.port}`, scheme: 'http' },
    { authority: 'app.asunder.example\\@evil.example' },
    { authority: 'app.asunder.example.', scheme: 'https' },
  ]
  const served: string[] = []
  for (const wish of wishes) {
    const told = await cli.ask(handwritten(wish))
    if (isOk(told)) served.push(JSON.stringify(wish))
  }
  if (elsewhere.visits() > 0) return exposed('another host was connected to')
  if (served.length > 0 || app.asked.length > 0) return exposed(`served: ${served.join(' ').slice(0, 200)}`)
  return blocked(`${wishes.length} spellings refused`)
}

const hidden = 'GET /smuggled HTTP/1.1\r\nhost: app.asunder.example\r\n\r\n'

async function smuggled(stage: Stage): Promise<Finding> {
  const { cli, app } = await besieged(stage)
  const framings: readonly (readonly [headers: readonly Field[], content: string])[] = [
    [[['transfer-encoding', 'chunked']], `0\r\n\r\n${hidden}`],
    [
      [
        ['transfer-encoding', 'chunked'],
        ['content-length', '5'],
      ],
      `0\r\n\r\n${hidden}`,
    ],
    [[['content-length', '0']], hidden],
    [
      [
        ['content-length', '0'],
        ['content-length', String(hidden.length)],
      ],
      hidden,
    ],
    [[['content-length', '0, 0']], hidden],
    [[['content-length', '+0']], hidden],
  ]
  for (const [headers, content] of framings) {
    await cli.ask({ method: 'POST', path: '/first', headers, content }).catch(() => undefined)
  }
  await quiet(30)
  const paths = app.asked.map(({ url }) => url)
  if (paths.includes('/smuggled')) return exposed(`the app was asked ${paths.join(', ')}`)
  if (paths.length > framings.length) return exposed('more requests came out than went in')
  return blocked(`${framings.length} framings, ${paths.length} requests reached the app, none of them hidden`)
}

const line = 'x-injected: yes'

async function injected(stage: Stage): Promise<Finding> {
  const { cli, app } = await besieged(stage)
  const wishes: readonly Inside[] = [
    { headers: [['x-a', `b\r\n${line}`]] },
    { headers: [['x-a', `b\n${line}`]] },
    { headers: [['x-a', `b\r ${line}`]] },
    { headers: [[`x-a: b\r\n${line}\r\nx-c`, 'd']] },
    { headers: [[`x-a\0`, 'd']] },
    { headers: [['x-a', 'b\0c']] },
    { headers: [[':path', '/x']] },
    { headers: [['x a', 'b']] },
    { headers: [['', 'b']] },
    { path: `/ HTTP/1.1\r\n${line}\r\n\r\n` },
    { path: '/a b' },
    { method: `GET / HTTP/1.1\r\n${line}\r\n\r\nGET` },
    { authority: `app.asunder.example\r\n${line}` },
  ]
  for (const wish of wishes) await cli.ask(handwritten(wish)).catch(() => undefined)
  await quiet(30)
  const lines = app.asked.flatMap(({ headers }) => headers.map(([name]) => name))
  if (lines.includes('x-injected')) return exposed('a line of the attacker’s stands in the request to the app')
  if (app.asked.length > 0) return exposed(`${app.asked.length} malformed heads were passed on`)
  return blocked(`${wishes.length} heads refused`)
}

const connectionFields: readonly Field[] = [
  ['connection', 'x-private, keep-alive'],
  ['x-private', 'lkt-hop'],
  ['keep-alive', 'lkt-hop'],
  ['te', 'lkt-hop, trailers'],
  ['upgrade', 'lkt-hop'],
  ['proxy-connection', 'lkt-hop'],
  ['proxy-authorization', 'lkt-hop'],
  ['http2-settings', 'lkt-hop'],
]

async function hops(stage: Stage): Promise<Finding> {
  const { cli, app } = await besieged(stage)
  for (const [name, value] of connectionFields.slice(1)) {
    await cli.ask({ headers: [...connectionFields.slice(0, 1), [name, value]] }).catch(() => undefined)
  }
  const expecting = await cli
    .ask({ method: 'POST', headers: [['expect', '100-continue']], content: secret })
    .catch(() => undefined)
  const through = app.asked.flatMap(({ headers }) => headers.filter(([, value]) => value.includes('lkt-hop')))
  if (through.length > 0) return exposed(`reached the app: ${through.map(([name]) => name).join(', ')}`)
  if (expecting !== undefined && isServed(expecting)) return exposed('an expectation was served')
  demand(app.asked.length > 0, 'the rest of such requests is served')
  return blocked(`${connectionFields.length} fields removed, expect refused with ${expecting?.inner?.status ?? 0}`)
}

const vouching = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-real-ip',
  'forwarded',
  'via',
  'true-client-ip',
  'cf-connecting-ip',
]

async function vouched(stage: Stage): Promise<Finding> {
  const { cli, app } = await besieged(stage)
  const told = await cli.ask({
    method: 'POST',
    headers: vouching.map((name): Field => [name, 'lkt-voucher']),
    content: secret,
  })
  demand(isServed(told), 'the request is served')
  const through = app.asked.flatMap(({ headers }) => headers.filter(([, value]) => value.includes('lkt-voucher')))
  if (through.length > 0) return exposed(`reached the app: ${through.map(([name]) => name).join(', ')}`)
  return blocked(`${vouching.length} fields, none of them passed on`)
}
