/** A simulated machine in a temporary folder: root, platform file, app on a Unix socket, agent; and who may ask it. */
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { Bytes } from '../../../shared/bytes.ts'
import { hex } from '../../../shared/bytes.ts'
import type { Evidence } from '../../../shared/attestation/evidence.ts'
import type { AllowSimulated } from '../../../shared/attestation/policy.ts'
import type { Binding } from '../../../shared/attestation/report-data.ts'
import { judge, type Verdict } from '../../../shared/attestation/judge.ts'
import { createSimulatedRoot } from '../../../shared/attestation/simulated.ts'
import {
  certificatePem,
  type Identity,
  pinOf,
  privateKeyPem,
  selfSigned,
} from '../../../shared/upstream/certificate.ts'
import { type Agent, type AgentOptions, createAgent, type Own } from '../../../gateway/cvm/agent.ts'
import { simulatedEvidence, writePlatform } from '../../../gateway/cvm/simulated.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

export type LogLine = { event: string; fields: Record<string, unknown> }

export type Machine = {
  readonly folder: string
  readonly role: string
  readonly measurement: string
  readonly allowSimulated: AllowSimulated
  readonly platformFile: string
  readonly identity: Identity
  readonly gateway: Identity
  readonly agent: Agent
  readonly port: number
  readonly origin: { host: string; port: number }
  readonly clientTls: { key: string; cert: string }
  /** Requests that reached the app, as `METHOD path`. */
  readonly reached: string[]
  readonly lines: LogLine[]
  readonly app: Server
  readonly judge: (evidence: Evidence, reportData: Bytes) => Promise<Verdict>
  withdraw(): void
  /** What each report waits for before it is made. */
  slow(wait: (binding: Binding) => Promise<void> | undefined): void
  restore(): void
  stopApp(): Promise<void>
  stop(): Promise<void>
}

export type MachineOptions = {
  readonly handler?: Handler
  /** milliseconds that reports are good for */
  readonly life?: number
  readonly role?: string
  readonly agent?: Partial<AgentOptions>
  /** Keys of its own, for a placement that opens requests in here; `app` is the path of the app's socket. */
  readonly own?: (app: string) => Own
  readonly pins?: readonly string[]
  readonly now?: () => number
  readonly port?: number
  /** the vendor that endorses it, where several machines have one */
  readonly vendor?: Vendor
}

export type Vendor = { readonly seed: Uint8Array; readonly measurement: Uint8Array }

export function newVendor(): Vendor {
  return { seed: Uint8Array.from(randomBytes(32)), measurement: Uint8Array.from(randomBytes(48)) }
}

export const echo: Handler = (request, response) => {
  response.writeHead(200, { 'content-type': 'application/octet-stream' })
  request.pipe(response)
}

const role = 'app'

export async function startMachine(options: MachineOptions = {}): Promise<Machine> {
  const { handler = echo, life = 60_000, now = Date.now } = options
  const folder = mkdtempSync(join(tmpdir(), 'asunder-cvm-'))
  const platformFile = join(folder, 'platform.json')
  const { seed, measurement } = options.vendor ?? newVendor()
  const rootSha256 = await writePlatformFile(platformFile, seed, measurement, options.role ?? role)
  const reached: string[] = []
  const socketPath = join(folder, 'app.sock')
  const app = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    reached.push(`${request.method ?? ''} ${request.url ?? ''}`)
    handler(request, response)
  })
  await once(app.listen(socketPath), 'listening')
  const identity = selfSigned({ commonName: 'cvm', use: 'server' })
  const gateway = selfSigned({ commonName: 'gateway', use: 'client' })
  const lines: LogLine[] = []
  const platform = simulatedEvidence({ platform: platformFile, life, now })
  let wait: Parameters<Machine['slow']>[0] = () => undefined
  const agent = createAgent({
    provider: { ...platform, evidence: async (binding) => (await wait(binding), platform.evidence(binding)) },
    role,
    app: socketPath,
    gatewayPins: [pinOf(gateway.privateKey), ...(options.pins ?? [])],
    identity,
    countsEvery: 20,
    own: options.own?.(socketPath),
    log: (_level, event, ...[fields]) => void lines.push({ event, fields: { ...fields } }),
    ...options.agent,
  })
  const port = await agent.listen({ host: '127.0.0.1', port: options.port ?? 0 })
  const stopApp = async (): Promise<void> => {
    if (!app.listening) return
    app.closeAllConnections()
    await new Promise((resolve) => app.close(resolve))
  }
  return {
    folder,
    role,
    measurement: hex(measurement),
    allowSimulated: { rootSha256, measurement: hex(measurement) },
    platformFile,
    identity,
    gateway,
    agent,
    port,
    origin: { host: '127.0.0.1', port },
    clientTls: pem(gateway),
    reached,
    lines,
    app,
    judge: (evidence, reportData) =>
      judge({
        evidence,
        expected: { reportData },
        policy: { role, allowSimulated: { rootSha256, measurement: hex(measurement) } },
        trust: { use: 'development' },
        now: now(),
      }),
    slow: (next) => void (wait = next),
    withdraw: () => renameSync(platformFile, `${platformFile}.gone`),
    restore: () => renameSync(`${platformFile}.gone`, platformFile),
    stopApp,
    async stop() {
      await agent.close(0)
      await stopApp()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export function pem(identity: Identity): { key: string; cert: string } {
  return { key: privateKeyPem(identity), cert: certificatePem(identity) }
}

async function writePlatformFile(
  path: string,
  vendor: Uint8Array,
  measurement: Uint8Array,
  role: string,
): Promise<string> {
  const root = await createSimulatedRoot(vendor)
  const platformSeed = randomBytes(32)
  const endorsement = await root.endorse({ platformSeed, notAfter: Date.now() + 3_600_000 })
  writeFileSync(path, writePlatform({ platformSeed, endorsement, measurement, role }))
  return root.rootSha256
}

/** Waits until `holds`, or fails the test. */
export async function until(holds: () => boolean, what: string, within = 5000): Promise<void> {
  const end = Date.now() + within
  while (!holds()) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
