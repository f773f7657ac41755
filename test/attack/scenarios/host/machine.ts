/** H10, H12-H16: the host under the CVM. trust.md 4 and 8, attestation.md a.7 (TOB-WAPI-13). */
import { spawn } from 'node:child_process'
import dns from 'node:dns'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { cvmSettings } from '../../../../deploy/local/pair/settings.ts'
import { encodeBundle, readableBundle } from '../sealed/bundles.ts'
import { blocked, detected, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { openApp } from '../../pair/app.ts'
import { pair } from '../../pair/pair.ts'
import { intruder } from '../../roles/client.ts'
import { tap } from '../../roles/tap.ts'
import { clientIsServed, demand, isServed, notYet, pairAnswers, secret } from '../common.ts'

const onCvm = {
  ...inFront,
  severity: 8,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['cvm'],
  control: pairAnswers,
  quick: true,
} as const
const given = 'root on the machine under the CVM'

export const machineScenarios: readonly Scenario[] = [
  {
    ...onCvm,
    id: 'H10',
    quick: false,
    title: 'an environment that reaches into the process',
    given: 'whoever starts the agent',
    does: 'sets LD_PRELOAD, NODE_OPTIONS, SSLKEYLOGFILE and NODE_DEBUG for it',
    shows: 'it does not start, and names the variable',
    withoutNaive: 'the naive pair has no process of its own to start',
    attack: environment,
  },
  {
    ...onCvm,
    ...notYet('a snapshot of a confidential VM takes its hardware; that DEBUG and migration are refused is H08'),
    id: 'H12',
    title: 'a snapshot of the running CVM, brought back',
    given,
    does: 'saves the memory of the CVM and restores it, keys and old replay memory together',
    shows: 'the hardware refuses: no migration agent, and memory that only this chip reads',
  },
  {
    ...onCvm,
    id: 'H13',
    title: 'reading the link to the CVM',
    given,
    does: 'records every octet between gateway and CVM',
    shows: 'TLS 1.3 records and nothing else: no word of request or answer',
    withoutNaive: 'the naive pair speaks TLS on that link too; what it does not check is in H01 to H06',
    attack: wiretap,
  },
  {
    ...onCvm,
    id: 'H14',
    title: 'what the agent writes down',
    given,
    does: 'reads the agent’s log while the app answers, hangs up and sends nonsense',
    shows: 'events with closed words; no word of any request',
    attack: logged,
  },
  {
    ...onCvm,
    id: 'H15',
    severity: 4,
    title: 'look-ups that tell who verifies what',
    given: 'somebody at the resolver, and at the vendor’s service for certificates',
    does: 'watches for names and for connections beyond this machine while a whole exchange goes on',
    shows: 'none: what is verified is stapled',
    subject: ['client', 'relay', 'gateway'],
    withoutNaive: 'the naive pair verifies nothing, and so looks nothing up',
    attack: lookups,
  },
  {
    ...onCvm,
    ...{ placements: ['sealed'], id: 'H16', severity: 4, score: 'D', expects: ['DETECTED'], subject: ['client'] },
    title: 'one key in two CVMs',
    given: 'a publisher and a host that cloned a CVM’s key',
    does: 'publishes the same key under two entries',
    shows: 'the bundle is refused as soon as anybody reads it',
    withoutNaive: 'the naive client reads nothing of a bundle but its key list',
    control: () => readableBundle(1),
    attack: twice,
  },
]

const variables = {
  NODE_OPTIONS: '--title=x',
  SSLKEYLOGFILE: '/tmp/keys',
  NODE_DEBUG: 'tls',
  LD_PRELOAD: '/nowhere.so',
}

async function environment({ people, folder }: Stage): Promise<Finding> {
  const main = join(import.meta.dirname, '../../../../gateway/cvm/main.ts')
  const settings = cvmSettings(people, join(folder(), 'app.sock'))
  const told: string[] = []
  for (const [name, value] of Object.entries(variables)) {
    const { code, text } = await started([main, '--config', settings], {
      PATH: process.env['PATH'] ?? '',
      [name]: value,
    })
    if (code === 0) return exposed(`started with ${name}`)
    if (!text.includes(name)) return exposed(`with ${name} it ended without naming it: ${text.slice(0, 120)}`)
    told.push(name)
  }
  return blocked(`does not start with ${told.join(', ')}`)
}

function started(args: readonly string[], env: Record<string, string>): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      env,
      timeout: 5_000,
    })
    let text = ''
    child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()))
    child.stderr.on('data', (bytes: Buffer) => (text += bytes.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, text }))
  })
}

async function wiretap(stage: Stage): Promise<Finding> {
  const app = await openApp(stage)
  const cvm = await stage.subject.cvm(stage, { app })
  const linkD = await tap(stage, cvm.port)
  const gateway = await stage.subject.gateway(stage, { cvmPort: linkD.port })
  await gateway.ready()
  const told = await (await intruder(gateway.url)).ask({ method: 'POST', content: secret, path: '/lkt-path' })
  demand(isServed(told), 'served through the tap')
  const all = linkD.heard('client') + linkD.heard('server')
  const seen = [secret, 'lkt-path', 'hello', 'app.asunder'].filter((word) => all.includes(word))
  if (seen.length > 0) return exposed(`in the clear: ${seen.join(', ')}`)
  const handshakes = linkD.pieces.filter(({ from, bytes }) => from === 'client' && bytes[0] === 0x16).length
  demand(handshakes > 0, 'what passed was TLS')
  return blocked(`${all.length} octets on ${linkD.connections()} connections, no word of the exchange`)
}

async function logged(stage: Stage): Promise<Finding> {
  const town = await pair(stage)
  const cli = await intruder(town.relay.url)
  const ask = () =>
    cli
      .ask({ method: 'POST', content: secret, path: '/lkt-path', headers: [['x-lkt', 'lkt-field']] })
      .catch(() => undefined)
  const told = await ask()
  demand(told !== undefined && isServed(told), 'served')
  town.app.answer = (request) => request.socket.destroy()
  await ask()
  town.app.answer = (request) => void request.socket.end('lkt-nonsense\r\n\r\n')
  await ask()
  await sleep(50)
  const log = town.cvm.log()
  const found = [secret, 'lkt-path', 'lkt-field', 'lkt-nonsense'].filter((word) => log.includes(word))
  return found.length > 0
    ? exposed(`in the log: ${found.join(', ')}`)
    : blocked(`${log.split('\n').length} lines, no word of three requests`)
}

async function lookups(stage: Stage): Promise<Finding> {
  const asked: string[] = []
  const { lookup } = dns
  const watching = (name: string, ...rest: unknown[]): unknown => {
    if (name !== '127.0.0.1' && name !== 'localhost') asked.push(name)
    return Reflect.apply(lookup, dns, [name, ...rest])
  }
  dns.lookup = Object.assign(watching, lookup)
  try {
    const { client } = await pair(stage)
    for (let round = 0; round < 3; round++) await clientIsServed(client())
  } finally {
    dns.lookup = lookup
  }
  const names = [...new Set(asked)]
  return names.length > 0
    ? exposed(`looked up: ${names.join(', ')}`)
    : blocked('three exchanges of three clients, no name looked up')
}

async function twice(): Promise<Finding> {
  return encodeBundle(2, true).then(
    () => exposed('a bundle with one key in two entries was read'),
    (cause: unknown) =>
      detected(
        `the bundle is refused: ${cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)}`,
      ),
  )
}
