/** N12-N15, N18: the handshake, and the clock. house.md 5, RFC 8446 §8, trust.md 6. */
import { execFile } from 'node:child_process'
import { createServer } from 'node:https'
import { createServer as createPlainServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect, type ConnectionOptions } from 'node:tls'
import { readFileSync, writeFileSync } from 'node:fs'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import { certificatePem, privateKeyPem, selfSigned } from '../../../../shared/upstream/certificate.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { happens } from '../../frame/until.ts'
import { openApp } from '../../pair/app.ts'
import { NotThere, type Served } from '../../pair/subject.ts'
import { asked } from '../../roles/wire.ts'
import { beset, clientAnswers, demand, endOf, pairAnswers, secret, target } from '../common.ts'

const onLinks = { ...inFront, score: 'B', expects: ['BLOCKED'], control: pairAnswers, quick: true } as const
const given = 'somebody who holds a link and terminates what comes'

export const tlsScenarios: readonly Scenario[] = [
  {
    ...onLinks,
    id: 'N12',
    severity: 4,
    title: 'an older protocol',
    given,
    does: 'offers TLS 1.2 and less, and suites without forward secrecy, to the CVM and to the gateway',
    shows: 'the CVM speaks TLS 1.3 alone; the gateway nothing below 1.2 and nothing without forward secrecy',
    subject: ['gateway', 'cvm'],
    attack: downgraded,
  },
  {
    ...onLinks,
    id: 'N13',
    severity: 4,
    title: 'early data, which can be replayed',
    given,
    does: 'resumes a session with the gateway and sends a request as early data',
    shows: 'no early data is taken',
    subject: ['gateway'],
    withoutNaive: 'no server that Node makes takes early data; this watches that it stays so',
    attack: earlyData,
  },
  {
    ...onLinks,
    id: 'N14',
    severity: 8,
    title: 'another gateway in the gateway’s place',
    given,
    does: 'answers the relay with a certificate of its own for the same name',
    shows: 'the relay ends the handshake; no octet of a request is sent',
    subject: ['relay'],
    attack: impostor,
  },
  {
    ...onLinks,
    id: 'N15',
    severity: 8,
    title: 'no TLS to be had',
    given,
    does: 'answers the relay’s handshake in plain HTTP',
    shows: 'the relay never says anything in the clear',
    subject: ['relay'],
    attack: stripped,
  },
  {
    ...onLinks,
    id: 'N18',
    severity: 4,
    title: 'a clock ten minutes off, and a half',
    given: 'somebody who can shift the time of the client by the network',
    does: 'shifts it by odd amounts and reads the Dates inside the seal, as the gateway does',
    shows: 'whole minutes only: no Date gives the client’s clock away',
    subject: ['client'],
    control: clientAnswers,
    attack: clocks,
  },
]

/** The protocol that a handshake ends with, or why it does not. */
function shaken(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
    const done = (word: string): void => {
      socket.destroy()
      resolve(word)
    }
    socket.on('error', (error: NodeJS.ErrnoException) => done(`refused: ${error.code ?? error.message}`))
    socket.on('secureConnect', () => done(socket.getProtocol() ?? 'unknown'))
  })
}

async function downgraded(stage: Stage): Promise<Finding> {
  const app = await openApp(stage)
  const cvm = await stage.subject.cvm(stage, { app })
  const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, tls: true })
  await gateway.ready()
  const file = (name: string): Buffer => readFileSync(stage.people.file('relay', name))
  const mutual = { key: file('client.key'), cert: file('client.pem') }
  const offers: readonly (readonly [string, Served, ConnectionOptions])[] = [
    ['TLS 1.2 to the CVM', cvm, { maxVersion: 'TLSv1.2' }],
    [
      'TLS 1.1 to the gateway',
      gateway,
      { ...mutual, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
    ],
    [
      'no forward secrecy to the gateway',
      gateway,
      { ...mutual, maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES256-SHA' },
    ],
    ['NULL and export suites', gateway, { ...mutual, maxVersion: 'TLSv1.2', ciphers: 'eNULL:aNULL:@SECLEVEL=0' }],
  ]
  const taken: string[] = []
  for (const [name, { port }, options] of offers) {
    const word = await shaken(port, options)
    if (!word.startsWith('refused')) taken.push(`${name}: ${word}`)
  }
  demand((await shaken(gateway.port, mutual)).startsWith('TLSv1.3'), 'an honest handshake succeeds')
  return taken.length > 0 ? exposed(taken.join(', ')) : blocked(`${offers.length} offers refused`)
}

async function earlyData(stage: Stage): Promise<Finding> {
  const app = await openApp(stage)
  const cvm = await stage.subject.cvm(stage, { app })
  const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, tls: true })
  const folder = stage.folder()
  const [session, early] = [join(folder, 'session'), join(folder, 'early')]
  writeFileSync(early, 'GET /.well-known/asunder-bundle HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n')
  const { people } = stage
  const own = ['-key', people.file('relay', 'client.key'), '-cert', people.file('relay', 'client.pem')]
  const common = ['s_client', '-connect', `127.0.0.1:${gateway.port}`, '-tls1_3', ...own]
  const first = await openssl(
    [...common, '-sess_out', session],
    'GET / HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n',
  )
  const second = await openssl([...common, '-sess_in', session, '-early_data', early], '')
  demand(/TLSv1\.3/.test(first), 'a handshake succeeds')
  if (/Early data was accepted/.test(second)) return exposed('early data was accepted')
  const told =
    /Early data was (?:rejected|not sent)/.exec(`${first} ${second}`)?.[0] ?? /Max Early Data: 0/.exec(first)?.[0]
  return blocked(told ?? 'no ticket to send early data with')
}

function openssl(args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('openssl', args, { timeout: 5_000 }, (error, stdout, stderr) => {
      if (error !== null && 'code' in error && error.code === 'ENOENT') reject(new NotThere('openssl is not installed'))
      else resolve(stdout + stderr)
    })
    child.stdin?.end(input)
  })
}

async function impostor(stage: Stage): Promise<Finding> {
  const own = selfSigned({ commonName: 'asunder local gateway', use: 'server' })
  const heard: string[] = []
  const server = createServer({ key: privateKeyPem(own), cert: certificatePem(own) }, (request, response) => {
    heard.push(`${request.method ?? ''} ${request.url ?? ''}`)
    response.end()
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stage.defer(() => (server.closeAllConnections(), server.close()))
  const { port } = server.address() as AddressInfo
  const relay = await stage.subject.relay(stage, { gateway: `https://127.0.0.1:${port}` })
  const fields = { 'content-type': mediaTypes.request }
  const answer = await asked(relay.url, { method: 'POST', body: 'x'.repeat(200), fields }).catch(() => undefined)
  await happens(() => heard.length > 0, 100)
  if (heard.length > 0) return exposed(`the relay asked it: ${heard.join(', ')}`)
  return blocked(`no request; the client is told ${answer?.status ?? 'nothing'}`)
}

async function stripped(stage: Stage): Promise<Finding> {
  const heard: Buffer[] = []
  const server = createPlainServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      heard.push(bytes)
      if (bytes[0] === 0x16) socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stage.defer(() => server.close())
  const { port } = server.address() as AddressInfo
  const relay = await stage.subject.relay(stage, { gateway: `https://127.0.0.1:${port}` })
  const ask = asked(`${relay.url}/.well-known/ohttp-gateway`).catch(() => undefined)
  const post = asked(relay.url, { method: 'POST', body: secret, fields: { 'content-type': mediaTypes.request } }).catch(
    () => undefined,
  )
  await Promise.race([Promise.all([ask, post]), happens(() => heard.some(isPlain), 1_500)])
  const clear = heard.filter(isPlain)
  demand(heard.length > 0, 'the relay came')
  if (clear.length > 0) return exposed(`said in the clear: ${clear[0]?.toString('latin1').slice(0, 40) ?? ''}`)
  return blocked(`${heard.length} handshakes begun, nothing in the clear`)
}

const isPlain = (bytes: Buffer): boolean => /^(?:GET|POST) /.test(bytes.toString('latin1'))

async function clocks(stage: Stage): Promise<Finding> {
  const { client, gateway } = await beset(stage)
  const seconds = new Date().getSeconds()
  for (const minutes of [0, 10, -10]) {
    stage.clocks.shift('client', minutes * 60_000 + (37 - seconds) * 1_000)
    await endOf(client.fetch(target, { method: 'POST', body: secret }))
  }
  const dates = gateway.opened.flatMap(({ headers }) =>
    headers.filter(([name]) => name === 'date').map(([, value]) => value),
  )
  const exact = dates.filter((date) => new Date(date).getUTCSeconds() !== 0)
  if (exact.length > 0) return exposed(`the seconds of the client’s clock: ${exact[0] ?? ''}`)
  return blocked(`${dates.length} Dates, none with seconds`)
}
