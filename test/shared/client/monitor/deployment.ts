/**
 * A deployment to be watched: the real gateway and real relays on loopback, a development log with two witnesses, and
 * servers that say whatever a test wants. Its monitor is the command, with a clock that the test holds.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import { onTestFinished } from 'vitest'
import { sha256 } from '@noble/hashes/sha2.js'
import { paths } from '../../../../gateway/app.ts'
import { publication } from '../../../../gateway/publication.ts'
import { createAdmission, defaultLimits } from '../../../../relay/admit.ts'
import { createRelay } from '../../../../relay/app.ts'
import { createMirror } from '../../../../relay/mirror.ts'
import { signBundle, type Bundle } from '../../../../shared/attestation/bundle.ts'
import type { RootFields } from '../../../../shared/attestation/trust-root.ts'
import { utf8, type Bytes } from '../../../../shared/bytes.ts'
import { main } from '../../../../shared/client/commands/main.ts'
import type { Report } from '../../../../shared/client/monitor/monitor.ts'
import type { DevelopmentLog } from '../../../../shared/development-log/log.ts'
import type { DevelopmentWitness } from '../../../../shared/development-log/witness.ts'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import { bucketNamer } from '../../../../shared/limits/limiter.ts'
import { serializeKeyConfigs } from '../../../../shared/ohttp/key-config.ts'
import { keysLeaf } from '../../../../shared/tlog/release.ts'
import { poolTo } from '../../../../shared/upstream/node.ts'
import { listen } from '../../../../shared/upstream/serve.ts'
import { newKey, town as gatewayTown } from '../../../gateway/town.ts'
import { yard } from '../../development-log/folder.ts'
import { operator, startOfTest, type Operator } from '../operator.ts'
import { newTerminal } from '../terminal.ts'
import { serve } from '../town.ts'

export const hour = 3_600_000

export type Watched = { readonly exit: number; readonly report: Report; readonly codes: string[]; readonly err: string }

export type Deployment = {
  readonly people: Operator
  readonly log: DevelopmentLog
  readonly witnesses: readonly DevelopmentWitness[]
  readonly state: string
  /** the monitor's and the witnesses' */
  clock: number
  /** A signed bundle over these keys, valid around the clock. */
  bundle(changes?: Partial<Bundle>): Promise<string>
  /** Logs the key list, has the tree cosigned, and gives the bundle to the gateway. */
  publish(changes?: Partial<Bundle>): Promise<string>
  logged(keys: Bytes): Promise<void>
  /** the gateway itself */
  readonly gateway: string
  relay(): Promise<{ readonly url: string; refresh(): Promise<void> }>
  monitor(args: readonly string[], more?: { readonly trust?: string; readonly placement?: string }): Promise<Watched>
}

export async function deployment(changes: Partial<RootFields> = {}): Promise<Deployment> {
  const place = yard()
  place.clock = startOfTest
  const log = await place.log()
  const witnesses = [await place.witness('ada', log), await place.witness('bob', log)]
  const rows = { logs: [log], witnesses, quorum: 2 }
  const people = await operator({ ...rows, notAfter: startOfTest + 90 * 24 * hour, ...changes })
  const keys = serializeKeyConfigs([newKey().config])
  let published = publication(mediaTypes.bundle, utf8(''), 0, 0)
  const gateway = await gatewayTown({ keys: [newKey()], bundle: () => published })
  const server = await listen({ fetch: gateway.app.fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  const state = join(mkdtempSync(join(tmpdir(), 'asunder-monitor-')), 'state')
  onTestFinished(async () => {
    await server.close(0)
    rmSync(join(state, '..'), { recursive: true })
  })
  const self: Deployment = {
    people,
    log,
    witnesses,
    state,
    get clock() {
      return place.clock
    },
    set clock(time) {
      place.clock = time
    },
    bundle: (own = {}) => people.bundle({ keys, ...around(place.clock), ...own }),
    async publish(own = {}) {
      const note = await self.bundle(own)
      await self.logged(own.keys ?? keys)
      published = publication(mediaTypes.bundle, utf8(note), Date.now(), Date.now() + hour)
      gateway.clock = Date.now()
      return note
    },
    async logged(list) {
      log.add(keysLeaf(sha256(list)))
      await log.checkpoint(witnesses)
    },
    gateway: `http://127.0.0.1:${String(server.port)}/`,
    relay: () => relayTo(server.port),
    async monitor(args, { trust = people.root, placement = 'front' } = {}) {
      const common = ['--trust', 'root.note', '--placement', placement, '--state', state, '--plaintext-loopback']
      return watched([...common, '--once', '--json', ...args], trust, () => place.clock)
    },
  }
  return self
}

async function watched(args: readonly string[], trust: string, now: () => number): Promise<Watched> {
  const terminal = newTerminal({ now, readFile: (path) => (path === 'root.note' ? asFile(trust) : readFile(path)) })
  const exit = await main(['monitor', ...args], terminal)
  const { out, err } = terminal.shown
  const report = (out === '' ? { alarms: [] } : JSON.parse(out)) as Report
  return { exit, report, codes: report.alarms.map(({ code }) => code), err }
}

function asFile(text: string): Promise<Uint8Array> {
  return Promise.resolve(utf8(text))
}

export function around(clock: number): Pick<Bundle, 'notBefore' | 'notAfter'> {
  const now = Math.floor(clock / 1000) * 1000
  return { notBefore: now - hour, notAfter: now + 12 * hour }
}

/** The real relay; its mirror is filled when it starts and when it is told to look again. */
async function relayTo(gatewayPort: number): Promise<{ url: string; refresh(): Promise<void> }> {
  const pool = poolTo({ origin: `http://127.0.0.1:${String(gatewayPort)}`, plaintextLoopback: true })
  const mirror = createMirror({ forward: pool.forward, now: Date.now })
  await mirror.start()
  const nameOf = bucketNamer({ salt: () => new Uint8Array(32), now: Date.now })
  const admission = createAdmission({ abandoned: defaultLimits.abandoned, nameOf, now: Date.now })
  const relay = createRelay({ routes: [{ path: paths.gateway, forward: pool.forward, mirror }], admission })
  const server = await listen({ fetch: relay.fetch, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  onTestFinished(async () => {
    mirror.stop()
    await server.close(0)
    await pool.close()
  })
  const refresh = (): Promise<void> => {
    mirror.stop()
    return mirror.start()
  }
  return { url: `http://127.0.0.1:${String(server.port)}/`, refresh }
}

/** A relay that shows what it wants: a bundle, or a status with words. */
export async function hostileRelay(bundle = ''): Promise<{ readonly url: string; bundle: string; status: number }> {
  const state = { url: '', bundle, status: 200 }
  const { url, close } = await serve((_request, response) => {
    response.writeHead(state.status, { 'content-type': mediaTypes.bundle }).end(state.bundle)
  })
  onTestFinished(close)
  return Object.assign(state, { url })
}

/** A folder as a web server would show it; `folder` may change under the readers. */
export async function website(
  folder: string,
): Promise<{ readonly url: string; folder: string; readonly asked: string[] }> {
  const state = { url: '', folder, asked: [] as string[] }
  const { url, close } = await serve((request, response) => {
    const path = normalize(request.url ?? '')
    state.asked.push(path)
    readFile(join(state.folder, path)).then(
      (bytes) => response.writeHead(200).end(bytes),
      () => response.writeHead(404).end(),
    )
  })
  onTestFinished(close)
  return Object.assign(state, { url })
}

/** A bundle by somebody who is not this operator's publisher. */
export async function forged(bundle: Bundle): Promise<string> {
  const stranger = await operator()
  return signBundle(bundle, [stranger.bundleSigner])
}
