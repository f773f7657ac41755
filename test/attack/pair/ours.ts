/** Our own pair as the subject: each part from the settings that an operator would write, on real sockets on loopback. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { gatewaySettings } from '../../../gateway/config.ts'
import { createAgent } from '../../../gateway/cvm/agent.ts'
import { readPins } from '../../../gateway/cvm/config.ts'
import { simulatedEvidence } from '../../../gateway/cvm/simulated.ts'
import { openGateway } from '../../../gateway/service.ts'
import { relaySettings } from '../../../relay/config.ts'
import { openRelay } from '../../../relay/service.ts'
import { judge } from '../../../shared/attestation/judge.ts'
import { main } from '../../../shared/client/commands/main.ts'
import { createObliviousFetch } from '../../../shared/client/index.ts'
import { createWallet, type Wallet } from '../../../shared/client/wallet.ts'
import type { Report } from '../../../shared/client/monitor/monitor.ts'
import { createLog, type Log, type Vocabulary } from '../../../shared/observability/log.ts'
import { newTerminal } from '../../shared/client/terminal.ts'
import type { Stage } from '../frame/stage.ts'
import { until } from '../frame/until.ts'
import { appOrigin } from './app.ts'
import type {
  ClientOptions,
  CvmOptions,
  Gateway,
  GatewayOptions,
  RelayOptions,
  Served,
  Subject,
  WalletOptions,
} from './subject.ts'

export const ours: Subject = {
  name: 'ours',
  has: ['client', 'relay', 'gateway', 'cvm'],
  relay,
  gateway,
  cvm,
  client,
  wallet,
  judge: (question) => judge(question).then(() => undefined),
  monitor,
}

const listener = { host: '127.0.0.1', port: 0, plaintextLoopback: true }

async function relay(stage: Stage, options: RelayOptions): Promise<Served> {
  const { log, lines } = kept('relay')
  const settings = relaySettings(JSON.stringify(relayPage(stage, options)), 'relay')
  const { people, clocks, defer } = stage
  const path = (name: string): string => resolve(people.folders.relay, name)
  const file = (name: string): Buffer => readFileSync(path(name))
  const service = await openRelay(settings, { now: clocks.relay, salt: () => randomBytes(32), path, file, log })
  defer(() => service.force())
  return served(service, lines, () => service.force())
}

function relayPage({ profile }: Stage, { gateway: origin, route, settings }: RelayOptions): object {
  const secure = origin.startsWith('https:')
  const certificate = { key: 'client.key', cert: 'client.pem' }
  const way = secure ? { ca: 'authority.pem', clientCertificate: certificate } : { plaintextLoopback: true }
  const gateway = new URL('/.well-known/ohttp-gateway', origin).href
  return { listen: listener, routes: [{ gateway, ...way, ...route }], drain: '1s', profile, ...settings }
}

async function gateway(stage: Stage, options: GatewayOptions): Promise<Gateway> {
  const { log, lines } = kept('gateway')
  const settings = gatewaySettings(JSON.stringify(gatewayPage(stage, options)), 'gateway')
  const { people, clocks, defer } = stage
  const path = (name: string): string => resolve(people.folders.gateway, name)
  const world = {
    now: clocks.gateway,
    random: randomBytes,
    path,
    file: (name: string) => readFileSync(path(name)),
    log,
  }
  const service = await openGateway(settings, world)
  let open = true
  const close = async (): Promise<void> => {
    if (open) await service.force()
    open = false
  }
  defer(close)
  const self = served(service, lines, close, options.tls === true ? 'https' : 'http')
  const ready = (): Promise<void> => until(async () => (await admin(service.adminPort, 'readyz')).status === 200)
  return { ...self, ready }
}

function gatewayPage({ people, folder, profile }: Stage, options: GatewayOptions): object {
  const { cvmPort, settings, cvm: more, tls = false, rest } = options
  const { role, allowSimulated } = people
  const certificate = { key: 'server.key', cert: 'server.pem', clientCa: 'authority.pem' }
  const identity = { key: 'cvm-client.key', cert: 'cvm-client.pem' }
  const resting =
    rest === undefined
      ? {}
      : { keys: { file: join(rest, 'keys.json') }, store: { kind: 'sqlite', file: join(rest, 'claims.sqlite') } }
  return {
    placement: 'front',
    listen: tls ? { host: '127.0.0.1', port: 0, tls: certificate } : listener,
    trust: 'root.note',
    cvm: { host: '127.0.0.1', port: cvmPort, role, allowSimulated, connections: 4, identity, ...more },
    targets: [appOrigin],
    bundle: { file: join(folder(), 'bundle.note'), signer: 'bundle.skey' },
    drain: '1s',
    profile,
    ...resting,
    ...settings,
  }
}

async function cvm({ people, clocks, defer }: Stage, { app }: CvmOptions): Promise<Served> {
  const { log, lines } = kept('cvm')
  const platform = people.file('cvm', 'platform.json')
  const agent = createAgent({
    provider: simulatedEvidence({ platform, life: 20 * 3_600_000, now: clocks.cvm }),
    role: people.role,
    app: app.socket,
    gatewayPins: readPins(readFileSync(people.file('cvm', 'gateway-pins.txt'), 'utf8')),
    log,
  })
  const port = await agent.listen({ host: '127.0.0.1', port: 0 })
  const close = (): Promise<void> => agent.close(0)
  defer(close)
  return { port, url: `https://127.0.0.1:${port}`, log: lines, metrics: () => Promise.resolve(''), close }
}

function client(stage: Stage, { relay, trust, tokens = {}, ...options }: ClientOptions) {
  const { people, clocks, dice, defer } = stage
  const waits: number[] = []
  const wallets = Object.entries(tokens).map(([side, issuer]) => [side, wallet(stage, { issuer, batch: 4 })] as const)
  const fetch = createObliviousFetch({
    relay,
    trust: trust ?? people.root,
    placement: 'front',
    plaintextLoopback: true,
    now: clocks.client,
    random: dice.fork('client').uniform,
    wait: (milliseconds) => (waits.push(milliseconds), Promise.resolve()),
    tokens: Object.fromEntries(wallets),
    ...options,
  })
  const close = (): Promise<void> => fetch.close()
  defer(close)
  return { fetch, waits, close }
}

function wallet({ clocks, dice }: Stage, options: WalletOptions): Wallet {
  const { uniform: random } = dice.fork(`wallet ${dice.below(2 ** 30)}`)
  return createWallet({
    now: clocks.client,
    wait: () => Promise.resolve(),
    random,
    plaintextLoopback: true,
    ...options,
  })
}

/** One round of `asunder monitor`. */
async function monitor({ people }: Stage, relays: readonly string[]): Promise<readonly string[]> {
  const terminal = newTerminal({ readFile: () => readFile(people.trust) })
  const common = ['--trust', 'root.note', '--placement', 'front', '--state', 'none', '--plaintext-loopback', '--once']
  await main(['monitor', ...common, '--json', '--relay', relays.join(',')], terminal)
  if (terminal.shown.out === '') throw new Error(terminal.shown.err)
  return (JSON.parse(terminal.shown.out) as Report).alarms.map(({ code }) => code)
}

function kept<Events extends Vocabulary>(service: string): { log: Log<Events>; lines: () => string } {
  const lines: string[] = []
  return { log: createLog<Events>({ service, write: (line) => void lines.push(line) }), lines: () => lines.join('') }
}

type Service = { readonly port: number; readonly adminPort: number }

function served({ port, adminPort }: Service, log: () => string, close: () => Promise<void>, scheme = 'http'): Served {
  const metrics = async (): Promise<string> => (await admin(adminPort, 'metrics')).text()
  return { port, url: `${scheme}://127.0.0.1:${port}`, log, metrics, close }
}

function admin(port: number, resource: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/${resource}`)
}
