/**
 * Canaries in every input and on every way to fail of relay, gateway and CVM, and none of them in anything that the three
 * ever say: logs (stdout and stderr), metrics, flags, readiness, records, answers to those who failed. In every encoding
 * that test/leaktest/canary knows. privacy.md 4.7, conformance OPS-1.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { createObliviousFetch } from '../../shared/client/index.ts'
import { certificatePem, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import { loopbackAddress, mark, type Canary } from '../leaktest/canary/canaries.ts'
import { createScanner } from '../leaktest/canary/scan.ts'

const random = (length: number): Uint8Array => randomBytes(length)
const canaries: Canary[] = []
function plant(id: string, field: string, value: string, kind: Canary['kind'] = 'text'): string {
  canaries.push({ id, field, kind, value })
  return value
}
const marked = (id: string, field: string): string => plant(id, field, mark('obs', random))

const address = (id: string): string => plant(id, 'F01', loopbackAddress(random), 'ip4')
const fieldNames = [
  'user-agent',
  'accept-language',
  'cookie',
  'authorization',
  'x-forwarded-for',
  'forwarded',
  'via',
  'traceparent',
  'baggage',
  'x-request-id',
  'origin',
  'referer',
]
const fields = (who: string): string[] => [
  ...fieldNames.map((name) => `${name}: ${marked(`${who}.${name}`, 'F06')}`),
  `${marked(`${who}.name`, 'F06')}: x`,
]

/** One raw message to a door, and how its answer begins; `cut` where there is none. */
type Knock = { readonly what: string; readonly text: string; readonly said: string; readonly leave?: boolean }

const post = (type: string, body: string, ...more: string[]): string =>
  [
    'POST / HTTP/1.1',
    'host: 127.0.0.1',
    `content-type: ${type}`,
    `content-length: ${body.length}`,
    ...more,
    '',
    body,
  ].join('\r\n')
const sealed = 'message/ohttp-req'
const body = (id: string): string => marked(id, 'F11').repeat(4)

function knocks(who: string): Knock[] {
  const at = (what: string): string => `${who}.${what}`
  const path = (what: string): string => `/${marked(at(`${what}.path`), 'F05')}?q=${marked(at(`${what}.query`), 'F05')}`
  return [
    { what: 'path', text: `GET ${path('get')} HTTP/1.1\r\nhost: x\r\n\r\n`, said: '40' },
    { what: 'fields', text: post(sealed, 'x', ...fields(at('fields'))), said: '400' },
    { what: 'host', text: `GET / HTTP/1.1\r\nhost: ${marked(at('host'), 'F05')}.example\r\n\r\n`, said: '4' },
    { what: 'method', text: `${marked(at('method'), 'F05').toUpperCase()} / HTTP/1.1\r\nhost: x\r\n\r\n`, said: '400' },
    { what: 'no HTTP', text: `${marked(at('garbage'), 'F05')}\r\n\r\n`, said: '400' },
    { what: 'type', text: post(`text/${marked(at('type'), 'F06')}`, body(at('type.body'))), said: '415' },
    { what: 'content', text: post(sealed, body(at('body'))), said: '400' },
    { what: 'chunked content', text: post('message/ohttp-chunked-req', body(at('chunked'))), said: '400' },
    { what: 'a head too large', text: post(sealed, '', `x: ${marked(at('head'), 'F06').repeat(2000)}`), said: '431' },
    {
      what: 'a length too large',
      text: post(sealed, body(at('large'))).replace(/length: \d+/, 'length: 99999999999'),
      said: '413',
    },
    {
      what: 'a length that is none',
      text: post(sealed, '').replace(/length: \d+/, `length: ${marked(at('length'), 'F06')}`),
      said: '400',
    },
    { what: 'an upload that ends early', text: post(sealed, body(at('left'))).slice(0, -1), said: 'cut', leave: true },
  ]
}

/** What the built-in app answers with 200. */
const promptOf = (content: string): string =>
  JSON.stringify({
    model: 'asunder-summarise',
    messages: [{ role: 'user', content: `${content}. It rains. ${content}!` }],
  })

const beginning = (text: string): string => /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'cut'
const heard: string[] = []

function knock(
  port: number,
  text: string,
  { leave = false, from, tls }: { leave?: boolean; from?: string; tls?: ConnectionOptions },
): Promise<string> {
  return new Promise((resolve) => {
    const at = { host: '127.0.0.1', port, ...(from === undefined ? {} : { localAddress: from }) }
    const socket = tls === undefined ? connectTcp(at) : connectTls({ ...at, ...tls, rejectUnauthorized: false })
    let said = ''
    const end = (): void => {
      heard.push(said)
      socket.destroy()
      resolve(beginning(said))
    }
    socket.setTimeout(4_000, end).on('error', end).on('close', end)
    socket.on('data', (data) => {
      said += data.toString('latin1')
      if (said.includes('\r\n\r\n')) setTimeout(end, 50)
    })
    socket.write(text, () => leave && setTimeout(() => void socket.destroy(), 50))
  })
}

/** So that the minute in which counted lines are said ends soon after everything has happened. */
const soon = 25_000
const ahead = 60_000 - soon - (Date.now() % 60_000)
const clock = `data:text/javascript,const n=Date.now;Date.now=()=>n()+(${ahead})`

describe('what nobody says', () => {
  let pair: Pair
  const file = (...path: string[]): string => readFileSync(join(pair.folder, ...path), 'utf8')
  const portIn = (log: string, event: string): number =>
    Number(new RegExp(`"event":"${event}","port":(\\d+)`).exec(file(log))?.[1])
  const results: [string, string, string][] = []
  const inner: [string, number | string][] = []

  beforeAll(async () => {
    pair = await startPair({ nodeArgs: () => ['--import', clock] })
    await plantOutside()
    await plantInside()
    const minuteEnds = 60_000 - ((Date.now() + ahead) % 60_000)
    await sleep(minuteEnds + 1_500)
  }, 180_000)
  afterAll(() => pair.stop())

  /** On the relay's socket, on the gateway's (as a relay, and as somebody without a certificate), on the CVM's. */
  async function plantOutside(): Promise<void> {
    const cert = file('relay', 'client.pem')
    const asRelay = { cert, key: file('relay', 'client.key'), servername: `${marked('gateway.sni', 'F05')}.example` }
    const stranger = selfSigned({ commonName: marked('stranger.cn', 'F06'), use: 'client' })
    const asStranger = { cert: certificatePem(stranger), key: privateKeyPem(stranger) }
    const gateway = portIn('gateway.log', 'started')
    const cvm = portIn('cvm.log', 'listening')
    const relay = Number(pair.relay.port)
    const doors = [
      { who: 'relay', port: relay, tls: undefined },
      { who: 'gateway', port: gateway, tls: asRelay },
    ]
    for (const { who, port, tls } of doors) {
      for (const { what, text, said, leave = false } of knocks(who)) {
        const from = address(`${who}.${what.replaceAll(' ', '-')}.address`.toLowerCase())
        results.push([`${who}: ${what}`, said, await knock(port, text, { leave, from, ...(tls && { tls }) })])
      }
    }
    for (let at = 0; at < 12; at++) {
      const unknown = post('text/plain', marked(`relay.many.${at}`, 'F11'))
      results.push([
        `relay: wrong type ${at}`,
        '415',
        await knock(relay, unknown, { from: address(`relay.many.${at}.address`) }),
      ])
    }
    const garbage = (id: string): string => `POST /${marked(id, 'F05')} HTTP/1.1\r\nhost: x\r\n\r\n`
    for (const [who, port] of [
      ['gateway', gateway],
      ['cvm', cvm],
    ] as const) {
      const from = address(`${who}.stranger.address`)
      results.push([
        `${who}: a stranger`,
        'cut',
        await knock(port, garbage(`${who}.stranger`), { from, tls: asStranger }),
      ])
      results.push([`${who}: no TLS`, 'cut', await knock(port, garbage(`${who}.plain`), { from })])
    }
  }

  /** Inside the seal: what the gateway refuses, what it passes on, what the app fails at. */
  async function plantInside(): Promise<void> {
    const trust = file('client', 'root.note')
    const fetch = createObliviousFetch({ relay: pair.relay.href, plaintextLoopback: true, trust, placement: 'front' })
    const app = 'https://app.asunder.example'
    const path = (id: string): string => `/${marked(`${id}.path`, 'F16')}?q=${marked(`${id}.query`, 'F16')}`
    const given = (id: string): Record<string, string> => ({
      [marked(`${id}.name`, 'F17')]: marked(`${id}.value`, 'F17'),
    })
    const asks: readonly [string, string, RequestInit][] = [
      ['another authority', `https://${marked('authority', 'F16')}.example${path('authority')}`, {}],
      ['another method', app + path('method'), { method: 'TRACK' + mark('m', random).toUpperCase() }],
      ['no such path', app + path('nowhere'), { headers: given('nowhere') }],
      [
        'a broken prompt',
        `${app}/v1/chat/completions`,
        { method: 'POST', body: marked('broken', 'F18').repeat(9), headers: given('body') },
      ],
      [
        'a prompt',
        `${app}/v1/chat/completions`,
        { method: 'POST', headers: given('prompt'), body: promptOf(marked('prompt', 'F18')) },
      ],
    ]
    for (const [what, url, init] of asks) {
      const said = await fetch(url, init).then(
        async (response) => (await response.text(), response.status),
        (error: unknown) => (error instanceof Error ? error.name : 'failed'),
      )
      inner.push([what, said])
    }
    await fetch.close()
  }

  /** Whatever the three have said until now, and where. */
  async function everything(): Promise<[string, string][]> {
    const logs = ['relay.log', 'gateway.log', 'cvm.log'].map((name): [string, string] => [name, file(name)])
    const records = ['relay', 'gateway'].map((who): [string, string] => [
      `${who} audit.record`,
      file(who, 'audit.record'),
    ])
    const pages: [string, string][] = []
    for (const who of ['relay', 'gateway'] as const) {
      for (const page of ['/metrics', '/flags', '/readyz', '/healthz', '/none']) {
        pages.push([`${who}${page}`, await (await fetch(new URL(page, pair.admin[who]))).text()])
      }
    }
    return [...logs, ...records, ...pages, ['answers to those who failed', heard.join('\n')]]
  }

  test('everything that was tried went where it was meant to', () => {
    expect(results.map(([what, , came]) => [what, came])).toEqual(
      results.map(([what, said, came]) => [what, came.startsWith(said) ? came : said]),
    )
    expect(results).toHaveLength(40)
    expect(inner).toEqual([
      ['another authority', 403],
      ['another method', 400],
      ['no such path', 404],
      ['a broken prompt', 400],
      ['a prompt', 200],
    ])
  })

  test('the counts of it were said, and metrics show them', async () => {
    const said = new Map(await everything())
    expect(said.get('relay.log')).toContain('"event":"limited"')
    expect(said.get('cvm.log')).toContain('"event":"connection-refused"')
    expect(said.get('relay/metrics')).toMatch(/outcome="rejected"\} [1-9]/)
  })

  test('no canary is in anything that was said', async () => {
    const scanner = createScanner(canaries)
    expect(canaries.length).toBeGreaterThan(90)
    expect(scanner.patterns).toBeGreaterThan(canaries.length * 30)
    const hits = (await everything()).flatMap(([where, text]) =>
      scanner.scan(Buffer.from(text, 'latin1')).map(({ canary, encoding }) => `${where}: ${canary.id}, ${encoding}`),
    )
    expect(hits).toEqual([])
  })

  test('no key, and no more than one line, of any secret file is in anything that was said', async () => {
    const names = [
      ['relay', 'client.key'],
      ['gateway', 'server.key'],
      ['gateway', 'cvm-client.key'],
      ['gateway', 'bundle.skey'],
      ['cvm', 'platform.json'],
    ]
    const lines = names.flatMap((path) =>
      file(...path)
        .split('\n')
        .filter((line) => line.length > 30 && !line.startsWith('-----')),
    )
    expect(lines.length).toBeGreaterThan(names.length)
    const secrets = lines.map((value, at): Canary => ({
      id: `secret.${at}`,
      field: 'F29',
      kind: 'text',
      secret: true,
      value,
    }))
    const scanner = createScanner(secrets)
    const hits = (await everything()).flatMap(([where, text]) =>
      scanner.scan(Buffer.from(text)).map(({ canary }) => `${where}: ${canary.id}`),
    )
    expect(hits).toEqual([])
  })

  test('no word that could be an id is in what both operators say, but for what both publish', async () => {
    const said = await everything()
    const words = (who: string): Set<string> => {
      const own = said.filter(([where]) => where.startsWith(who)).map(([, text]) => text)
      // Two processes may start within one second, and certificates of a local pair end together; each says so for itself.
      const lines = own.join('\n').replace(/^(process_start_time|asunder_\w+_left)_seconds[ {].*$/gm, '')
      const found = lines.match(/(?=[\w+/=-]*\d)[\w+/=-]{9,}/g) ?? []
      return new Set(found.filter((word) => !/^\d{4}-\d\d-\d\dT\d\d$|^0+$|^nodejs_/.test(word)))
    }
    const both = [...words('relay').intersection(words('gateway'))]
    const published = /"bundle":"sha256:([0-9a-f]{64})"/g
    const known = [...file('gateway', 'audit.record').matchAll(published)].map(([, digest]) => digest)
    expect(known).toHaveLength(1)
    expect(both.filter((word) => !known.includes(word))).toEqual([])
  })

  test('the search would have found each of them', () => {
    const scanner = createScanner(canaries)
    for (const canary of canaries) {
      const forms = [
        canary.value,
        Buffer.from(canary.value).toString('hex').toUpperCase(),
        Buffer.from(`xy${canary.value}z`).toString('base64url'),
        encodeURIComponent(canary.value),
      ]
      for (const form of forms) {
        const found = scanner.scan(Buffer.from(`{"time":"x","why":"${form}"}`)).map((hit) => hit.canary.id)
        expect([canary.id, form, found.includes(canary.id)]).toEqual([canary.id, form, true])
      }
    }
  })
})
