/**
 * From the platform to a request served: chip, kernel, configfs-tsm, reporter, agent, TLS, and a gateway that judges
 * what arrives with the strict policy of the forged chip. Once within this process, and once as the processes of a CVM.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Verdict } from '../../../../shared/attestation/judge.ts'
import { pinOf, selfSigned } from '../../../../shared/upstream/certificate.ts'
import { bind } from '../../../../gateway/binding.ts'
import { endorsed } from '../../../../gateway/cvm/endorsements/stock.ts'
import { reporterEvidence } from '../../../../gateway/cvm/reporter/client.ts'
import { createReporter } from '../../../../gateway/cvm/reporter/server.ts'
import { tsmEvidence } from '../../../../gateway/cvm/tsm.ts'
import { createCvmPool } from '../../../../gateway/target.ts'
import { now } from '../../../shared/attestation/makers.ts'
import { codeOf } from '../../../shared/tlog/code-of.ts'
import { pem, startMachine, until } from '../machine.ts'
import { exchange, get } from '../pools.ts'
import { binding, forged, type Forged, forgedTd, role } from './forged.ts'
import { type DoorOptions, startDoor, startsDoors } from './processes.ts'
import { canMount, mounted, type Tree, ways } from './trees.ts'

const isRoot = process.getuid?.() === 0
const nobody = 65_534

function room(): string {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-journey-'))
  chmodSync(folder, 0o755)
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

function endorsementsIn(folder: string, { endorsements, collateral }: Forged): string {
  const place = join(folder, 'endorsements')
  mkdirSync(place)
  for (const [index, der] of endorsements.entries()) writeFileSync(join(place, `${String(index)}.der`), der)
  if (collateral !== undefined) writeFileSync(join(place, 'collateral.json'), collateral)
  return place
}

const snp = { kind: 'sev-snp', provider: 'sev_guest', make: (data?: Uint8Array) => forged({}, data) } as const
const td = { kind: 'tdx', provider: 'tdx_guest', make: forgedTd } as const

const gateway = selfSigned({ commonName: 'gateway', use: 'client' })

/** A gateway whose pool believes what `judge` accepts, and one exchange through it. */
async function served(port: number, judge: Forged['judge']): Promise<{ verdict: Verdict | undefined; text: string }> {
  let verdict: Verdict | undefined
  const pool = createCvmPool({
    origin: { host: '127.0.0.1', port },
    judge: async (evidence, reportData) => (verdict = await judge(evidence, reportData)),
    role,
    clientTls: pem(gateway),
    connections: 2,
    report: () => undefined,
    // The forged chip lives at the time of its makers.
    now: () => now,
  })
  onTestFinished(() => pool.close())
  await until(() => pool.ready, 'attested', 15_000)
  return { verdict, text: (await exchange(pool, get('/'))).text }
}

describe.each(ways)('%s', (_way, start) => {
  test.each([snp, td])(
    '$kind: a gateway on loopback judges evidence that came through reporter, agent and TLS',
    async (one) => {
      const { kind } = one
      const machine = one.make()
      const tree = await start(machine.chip)
      onTestFinished(() => tree.stop())
      await tree.behave({ provider: one.provider })
      const folder = room()
      const socket = join(folder, 'own', 'reporter.sock')
      mkdirSync(join(folder, 'own'), { mode: 0o700 })
      const platform = tsmEvidence({ kind, root: tree.root, files: tree.files })
      const reporter = createReporter({ provider: platform, role, log: () => undefined })
      await reporter.listen(socket)
      onTestFinished(() => reporter.close())
      const asker = reporterEvidence({ kind, socket })
      const from = endorsementsIn(folder, machine)
      const provider = await endorsed(asker, await asker.evidence(binding), { from, refresh: 60_000 })
      const own = await startMachine({
        handler: (_request, response) => void response.end('hello'),
        agent: { provider, role },
        pins: [pinOf(gateway.privateKey)],
      })
      onTestFinished(() => own.stop())
      const { verdict, text } = await served(own.port, machine.judge)
      expect(text).toBe('hello')
      expect(verdict).toMatchObject({ kind, simulated: false, role })
      // The pool's other connection may be in the middle of its own question.
      await vi.waitFor(async () => expect((await tree.seen()).entries).toEqual([]), 5_000)
    },
  )

  test('a chip under another root is not believed, and nothing is served', async () => {
    const machine = forged({ trust: { vendorRoots: ['00'.repeat(32)] } })
    const tree = await start(machine.chip)
    onTestFinished(() => tree.stop())
    const provider = tsmEvidence({ kind: 'sev-snp', root: tree.root, files: tree.files })
    const from = endorsementsIn(room(), machine)
    const completed = await endorsed(provider, await provider.evidence(binding), { from, refresh: 60_000 })
    const own = await startMachine({ agent: { provider: completed, role }, pins: [pinOf(gateway.privateKey)] })
    onTestFinished(() => own.stop())
    const origin = { host: '127.0.0.1', port: own.port }
    const dialled = bind({ origin, judge: machine.judge, role, clientTls: pem(gateway), limit: 5_000 })
    expect(await codeOf(() => dialled)).toBe('vendor-root-unknown')
    expect(own.reached).toEqual([])
  })
})

type Cvm = { folder: string; settings: Record<string, unknown>; config: string; digest: Buffer; socketFolder: string }

/** Everything of an image but the machine: settings, pins, endorsements, an app, and a folder for the socket. */
async function image(
  machine: Forged,
  root: string,
  changes: Record<string, unknown> = {},
  platform: object = { kind: 'sev-snp', privlevel: 0 },
): Promise<Cvm> {
  const folder = room()
  const app = createServer((_request, response) => void response.end('hello from the CVM'))
  await once(app.listen(join(folder, 'app.sock')), 'listening')
  onTestFinished(() => void app.close())
  chmodSync(join(folder, 'app.sock'), 0o666)
  writeFileSync(join(folder, 'pins'), `${pinOf(gateway.privateKey)}\n`)
  const socketFolder = join(folder, 'agent')
  mkdirSync(socketFolder, { mode: 0o700 })
  if (isRoot) chownSync(socketFolder, nobody, nobody)
  const settings = {
    placement: 'front',
    listen: { host: '127.0.0.1', port: 0 },
    role,
    app: join(folder, 'app.sock'),
    gatewayPins: join(folder, 'pins'),
    evidence: {
      ...platform,
      reporter: join(socketFolder, 'reporter.sock'),
      tsm: root,
      reports: { links: 600, keys: 30 },
      endorsements: { from: endorsementsIn(folder, machine), ca: null, refresh: 60_000 },
    },
    limits: { connections: 16, reportsAtOnce: 4, attestWithin: 10_000 },
    drain: 1_000,
    ...changes,
  }
  const text = JSON.stringify(settings)
  const config = join(folder, 'settings.json')
  writeFileSync(config, text)
  return { folder, settings, config, digest: createHash('sha256').update(text).digest(), socketFolder }
}

function door(options: DoorOptions) {
  const started = startDoor(options)
  onTestFinished(() => void started.child.kill('SIGKILL'))
  return started
}

const startReporter = ({ config, socketFolder }: Cvm, tree: Tree, more: Partial<DoorOptions> = {}) =>
  door({ door: 'reporter', config, writes: [tree.root, socketFolder], ...more })
const startAgent = ({ config, folder }: Cvm, more: Partial<DoorOptions> = {}) =>
  door({ door: 'agent', config, reads: [folder], user: isRoot ? nobody : undefined, ...more })

describe.skipIf(!canMount || !startsDoors || !isRoot)('as the processes of a CVM', () => {
  /** The machine comes first, since settings name its folder; what it was started with is told to it afterwards. */
  async function started({ kind, provider, make }: typeof snp | typeof td = snp) {
    const tree = await mounted(make().chip)
    onTestFinished(() => tree.stop())
    const cvm = await image(make(), tree.root, {}, { kind, privlevel: kind === 'tdx' ? null : 0 })
    const configuration = kind === 'tdx' ? Buffer.concat([cvm.digest, Buffer.alloc(16)]) : cvm.digest
    await tree.behave({ provider, configuration: configuration.toString('base64') })
    return { tree, cvm, configuration: configuration.toString('hex'), machine: make(configuration) }
  }

  test.each([snp, td])(
    '$kind: reporter as root, agent as nobody, as the README says: a gateway is served',
    async (one) => {
      const { tree, cvm, machine, configuration } = await started(one)
      const reporter = startReporter(cvm, tree)
      expect(await reporter.event('listening')).toMatchObject({ service: 'reporter', kind: one.kind })
      const agent = startAgent(cvm)
      const { port } = await agent.event('listening')
      const { verdict, text } = await served(Number(port), machine.judge)
      expect(text).toBe('hello from the CVM')
      expect(verdict).toMatchObject({ kind: one.kind, simulated: false })
      expect(JSON.stringify(verdict?.identity)).toContain(configuration)
      reporter.child.kill('SIGTERM')
      expect(await reporter.ended()).toBe(0)
      expect(reporter.lines.map(({ event }) => event)).toEqual(['listening', 'stopped'])
    },
  )

  test('settings that the machine was not started with: neither starts, exit code 2', async () => {
    const { tree, cvm } = await started()
    const reporter = startReporter(cvm, tree)
    await reporter.event('listening')
    const other = join(cvm.folder, 'other.json')
    writeFileSync(other, `${JSON.stringify(cvm.settings)}\n`)
    const agent = startAgent(cvm, { config: other })
    expect(await agent.ended()).toBe(2)
    expect(agent.said()).toContain(`unmeasured configuration: the settings file has the SHA-256`)
    expect(agent.said()).toContain(`HOST_DATA of this machine is ${cvm.digest.toString('hex')}`)
    expect(agent.lines.at(-1)).toMatchObject({ event: 'failed', why: 'unmeasured-configuration' })
    const second = startReporter(cvm, tree, { config: other })
    expect(await second.ended()).toBe(2)
    expect(second.said()).toContain('unmeasured configuration')
  })

  test('an agent that runs as root is refused, exit code 2', async () => {
    const { tree, cvm } = await started()
    await startReporter(cvm, tree).event('listening')
    const agent = startAgent(cvm, { user: undefined })
    expect(await agent.ended()).toBe(2)
    expect(agent.said()).toContain('the agent runs as root')
  })

  test('without its reporter an agent gives up, exit code 1: the next start may find it', async () => {
    const { cvm } = await started()
    const agent = startAgent(cvm)
    expect(await agent.ended()).toBe(1)
    expect(agent.said()).toContain('start the reporter first')
  })

  test('without a revocation list an agent does not start, exit code 2', async () => {
    const { tree, cvm } = await started()
    rmSync(join(cvm.folder, 'endorsements', '3.der'))
    await startReporter(cvm, tree).event('listening')
    const agent = startAgent(cvm)
    expect(await agent.ended()).toBe(2)
    expect(agent.said()).toContain('no revocation list of ARK-Genoa')
  })

  test('a platform of another kind than the settings say: no reporter, exit code 2', async () => {
    const { tree, cvm } = await started()
    await tree.behave({ provider: 'tdx_guest' })
    const reporter = startReporter(cvm, tree)
    expect(await reporter.ended()).toBe(2)
    expect(reporter.lines).toMatchObject([{ event: 'failed', why: 'platform-unsupported' }])
  })
})

describe.skipIf(!startsDoors)('the doors refuse to start', () => {
  const nowhere = '/nonexistent/tsm/report'
  const variables = [
    'NODE_OPTIONS',
    'NODE_EXTRA_CA_CERTS',
    'SSL_CERT_FILE',
    'HTTPS_PROXY',
    'GLIBC_TUNABLES',
    'ANYTHING',
  ]
  test.each((['agent', 'reporter'] as const).flatMap((name) => variables.map((variable) => [name, variable] as const)))(
    '%s with %s, exit code 2',
    async (name, variable) => {
      const cvm = await image(forged(), nowhere)
      const refused = door({ door: name, config: cvm.config, reads: [cvm.folder], env: { [variable]: '' } })
      expect(await refused.ended()).toBe(2)
      expect(refused.said()).toMatch(new RegExp(`^  ${variable} .*: unset it, or start with env -u ${variable}$`, 'm'))
      expect(refused.lines).toMatchObject([{ event: 'failed', why: 'unsafe-environment' }])
    },
  )

  test.each(['agent', 'reporter'] as const)('%s under a debugger or with logged secrets, exit code 2', async (name) => {
    const cvm = await image(forged(), nowhere)
    for (const flag of ['--tls-keylog=/dev/null', '--heapsnapshot-signal=SIGUSR2', '--allow-child-process']) {
      const refused = door({ door: name, config: cvm.config, reads: [cvm.folder], flags: [flag] })
      expect(await refused.ended()).toBe(2)
      expect(refused.said()).toContain(`  ${flag.split('=')[0] ?? ''} `)
    }
  })

  test('a reporter where there is no configfs-tsm says what to do, exit code 2', async () => {
    const cvm = await image(forged(), nowhere)
    const reporter = door({ door: 'reporter', config: cvm.config, reads: ['/nonexistent/*', '/dev', '/sys'] })
    expect(await reporter.ended()).toBe(2)
    expect(reporter.said()).toContain('Is this a sev-snp CVM? Then load its driver: modprobe sev-guest')
    expect(reporter.lines).toMatchObject([{ event: 'failed', why: 'platform-unsupported' }])
  })

  test('a door that may not read what its settings name says which option is missing, exit code 2', async () => {
    const cvm = await image(forged(), nowhere)
    const reporter = door({ door: 'reporter', config: cvm.config })
    expect(await reporter.ended()).toBe(2)
    expect(reporter.said()).toContain(`${nowhere}: start node with --allow-fs-read`)
  })

  test('a reporter for simulated evidence, exit code 2', async () => {
    const evidence = { kind: 'simulated', platform: '/x', life: 1000 }
    const cvm = await image(forged(), nowhere, { evidence })
    const reporter = door({ door: 'reporter', config: cvm.config })
    expect(await reporter.ended()).toBe(2)
    expect(reporter.said()).toContain('simulated evidence needs no reporter')
  })
})
