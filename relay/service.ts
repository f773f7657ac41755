/** A whole relay from its settings: pools, mirrors, the public listener and the private one. Clock, dice and files are handed in. */
import { serveLimits } from '../shared/config/listener-rows.ts'
import { createAdmin } from '../shared/observability/admin.ts'
import type { AuditRecord } from '../shared/observability/audit/record.ts'
import { configurationDigest, filesDigest } from '../shared/observability/digest.ts'
import { createFailing, type Failing } from '../shared/observability/failing.ts'
import { createHealth, type Health } from '../shared/observability/health.ts'
import type { Ends } from '../shared/observability/left.ts'
import { createTally, several } from '../shared/observability/tally.ts'
import { Refusal } from '../shared/refusal.ts'
import { bucketNamer, emptyAfter } from '../shared/limits/limiter.ts'
import type { Trust } from '../shared/upstream/dial.ts'
import { poolTo, type PoolOptions, type UpstreamPool } from '../shared/upstream/node.ts'
import { isGood, type Reread, type Rereadable } from '../shared/upstream/rereadable.ts'
import { clockedTicks } from '../shared/shaping/clocked.ts'
import { listen, type ListenOptions, type ServeTls } from '../shared/upstream/serve.ts'
import { createAdmission } from './admit.ts'
import { createRelay, type Route } from './app.ts'
import type { Pacing } from './cells-at-tick.ts'
import type { RelaySettings } from './config.ts'
import type { RouteSettings } from './route-settings.ts'
import { relayMetrics, type RelayCounts } from './metrics.ts'
import { canBeMet, endsOf, frontDoor, linkTo } from './links.ts'
import { createMirror, type KeptMirror, type Mirrored } from './mirror.ts'
import { createMixing, diceOf, type Mixing, type MixingOptions } from './mixing.ts'
import { serialsIn, tolerant } from './serials.ts'
import { openTokenDesk, type TokenDesk } from './tokens.ts'
import type { Duty, Ending, Limit, RelayLog } from './vocabulary.ts'

export type World = {
  readonly now: () => number
  /** 32 random octets */
  readonly salt: () => Uint8Array
  /** The bytes of a file that the settings name, and where it is. */
  readonly file: (path: string) => Buffer
  readonly path: (name: string) => string
  readonly log: RelayLog
  /** where security events are recorded, as `log` does; not ready while it fails */
  readonly record?: Pick<AuditRecord, 'works'> | undefined
}

export type RelayService = {
  readonly port: number
  readonly adminPort: number
  /** Reads certificates and pins again; what is not good leaves what there is. */
  reread(): void
  /** Lets what is under way end, for at most as long as the settings say. */
  close(): Promise<void>
  /** Ends now. */
  force(): Promise<void>
}

export async function openRelay(settings: RelaySettings, world: World): Promise<RelayService> {
  const { now, log } = world
  const { profile, limits, rate, cors, publicHosts: hosts } = settings
  const nameOf = bucketNamer({ salt: world.salt, now, overlap: rate === undefined ? 0 : emptyAfter(rate) })
  const limited = (limit: Limit): void => counts.limited(limit)
  const admission = createAdmission({ rate, ...limits, nameOf, now, limited })
  const active = (): number => ways.reduce((sum, { pool }) => sum + pool.active(), 0)
  const ready = (): boolean => health.missing().length === 0
  const failing = createFailing<Duty>()
  const fails = (duty: Duty): boolean => (duty === 'audit' ? world.record?.works() === false : failing.has(duty))
  const ends = (): Ends<Ending> => endsOf(settings, { door, links: ways.map(({ link }) => link) }, now())
  const counts = relayMetrics({ profile, active, abandoned: admission.abandoned, ready, ends, fails }, now, log)
  const door = frontDoor(settings.listen, world)
  const { tally, sized, mirrored } = counts
  const way = (route: RouteSettings, at: number): Way => wayTo(route, settings, world, { told: mirrored(at), failing })
  const [first, ...others] = settings.routes
  const ways = [way(first, 0), ...others.map((route, at) => way(route, at + 1))] as const
  tellUnpinned(ways, world)
  const failed = createTally<'unexpected'>({
    say: (why, count) => log('error', 'requests-failed', { why, count }),
    now,
  })
  const unexpected = (): void => failed('unexpected')
  const desk = tokenDesk(settings, world)
  const tokens = desk?.check
  const health = readiness(ways, desk, world)
  const mixing = mixingOf(settings, world, { left: counts.left, limited, failed: unexpected })
  const own = { tokens, mixing, pacing: pacingOf(settings, world, unexpected), limits, cors, hosts }
  const relay = createRelay({ routes: ways, admission, ...own, tally, sized, limited, unexpected })
  const looking = Promise.all(ways.map(({ mirror }) => mirror.start()))
  const listeners = await open(settings, world, { door, fetch: relay.fetch, meet: admission.meet, health, counts })

  ways.forEach(({ link }, route) => tellInUse(link, route, log))

  const end = async (deadline: number): Promise<void> => {
    log('info', 'stopping', { active: several(active()), within: deadline })
    for (const { mirror } of ways) mirror.stop()
    await listeners.close(deadline)
    log('info', 'stopped', { cut: several(active()) })
    counts.stop()
    await Promise.all(ways.flatMap(({ pool, looks }) => [pool, ...looks].map((one) => one.close())))
    await desk?.close()
    await looking
  }
  const reread = (): void => {
    const results = [listeners.reread(), ...ways.map((way, route) => rereadLink(way, route, log))]
    failing.of('reread', !results.every(isGood))
  }
  return { ...listeners.ports, reread, close: () => end(settings.drain), force: () => end(0) }
}

type Way = Route & {
  readonly link: Rereadable<Trust>
  readonly pool: UpstreamPool
  readonly looks: readonly UpstreamPool[]
  readonly mirror: KeptMirror
}

type Tellers = { readonly told: Mirrored; readonly failing: Failing<Duty> }

function wayTo(route: RouteSettings, settings: RelaySettings, world: World, { told, failing }: Tellers): Way {
  const link = linkTo(route, world)
  const trust = link.current
  const pool = poolFor(route, trust, world, settings.upstream)
  // Connections of their own, one a resource: looks must not wait behind clients.
  const looks = poolFor(route, trust, world, { ...lookSizes, http: settings.upstream.http })
  const seen = route.vantages.map((origin) => lookAt(origin, route, world))
  const vantages = seen.map(({ forward }) => forward)
  const { forward, trouble } = looks
  const { origin } = new URL(route.gateway)
  const kept = settings.serials === undefined ? undefined : serialsIn(world.path(settings.serials), origin)
  const remembered = kept && tolerant(kept, (fails) => failing.of('serials', fails))
  const mirror = createMirror({ forward, vantages, now: world.now, told, trouble, remembered })
  const made = { pool, looks: [looks, ...seen], mirror }
  return { name: route.name, path: pathOf(route.gateway), forward: pool.forward, link, ...made }
}

const lookSizes = { connections: 2, queue: 0, firstByte: 10_000, stall: 10_000 } as const

/** A vantage is met as anybody would: by public authorities, and with no certificate of ours. */
function lookAt(origin: string, { plaintextLoopback }: RouteSettings, { now }: World): UpstreamPool {
  return poolTo({ origin: new URL(origin).origin, plaintextLoopback, now, ...lookSizes })
}

// Connections that were believed for what was in the files before go, or a key that was taken out would be used on.
function rereadLink({ link, pool, looks }: Way, route: number, log: RelayLog): Reread {
  const result = link.reread()
  if (result === 'changed') for (const one of [pool, ...looks]) one.renew()
  if (result === 'changed') tellInUse(link, route, log)
  log(isGood(result) ? 'info' : 'warn', 'route-reread', { route, result })
  return result
}

function tellInUse(link: Way['link'], route: number, log: RelayLog): void {
  log('info', 'route-in-use', { route, files: filesDigest(link.contents()) })
}

function tokenDesk({ tokens }: RelaySettings, { now, salt, file, path, log }: World): TokenDesk | undefined {
  const random = (length: number): Uint8Array => salt().subarray(0, length)
  return tokens && openTokenDesk(tokens, { now, random, file, path, log })
}

type Told = Pick<MixingOptions, 'left' | 'limited' | 'failed'>

function mixingOf({ profile, mixing, limits }: RelaySettings, { now, salt }: World, told: Told): Mixing | undefined {
  if (profile === 'direct') return undefined
  const { answer, drainTime } = limits
  return createMixing({ ...mixing, answer, drainTime, dice: diceOf(salt), now, ...told })
}

function pacingOf({ profile, cells }: RelaySettings, { now, salt }: World, failed: () => void): Pacing | undefined {
  if (profile !== 'paced') return undefined
  return { ticks: clockedTicks({ period: cells.period, now, random: salt, failed }), ahead: cells.ahead }
}

/** One route whose pins have all ended is said, and is no reason to stop the others; there must be one to go. */
function tellUnpinned(ways: readonly Way[], { now, log }: World): void {
  const out = ways.flatMap(({ link }, route) => (canBeMet(link.current(), now()) ? [] : [route]))
  if (out.length === ways.length) {
    throw new Refusal('insecure-configuration', 'routes.0.pins: no pin that has not ended; no gateway could be met')
  }
  for (const route of out) log('warn', 'route-unpinned', { route })
}

type Readiness = Health<'listening' | 'mirror' | 'tokens' | 'audit'>

/** Ready: taking requests and tokens, able to show what every route's gateway has to show, and to record what it must. */
function readiness(ways: readonly Way[], desk: TokenDesk | undefined, { record }: World): Readiness {
  const health: Readiness = createHealth(['listening', 'mirror', 'tokens', 'audit'])
  const look = (): void => {
    health.set(
      'mirror',
      ways.every(({ mirror }) => mirror.complete()),
    )
    health.set('tokens', desk?.works() ?? true)
    health.set('audit', record?.works() ?? true)
  }
  return { ...health, missing: () => (look(), health.missing()) }
}

type Parts = Pick<ListenOptions, 'fetch' | 'meet'> & {
  readonly door: Rereadable<ServeTls> | undefined
  readonly health: Readiness
  readonly counts: RelayCounts
}

async function open(settings: RelaySettings, world: World, { door, fetch, meet, health, counts }: Parts) {
  const { admin, listen: listener, connections, limits, routes } = settings
  const { now, log } = world
  const { metrics, flags, limited } = counts
  await Promise.all([metrics.begin(), flags.begin()])
  const inside = createAdmin({ health, metrics, flags })
  const back = await listen({ ...admin, fetch: inside.fetch, plaintextLoopback: true, now })
  const bounds = serveLimits(limits, connections)
  const front = await listen({ ...listener, tls: door?.current(), fetch, meet, limited, limits: bounds, now })
  health.set('listening', true)
  const ports = { port: front.port, adminPort: back.port }
  const configuration = configurationDigest(settings)
  log('info', 'started', { ...ports, routes: routes.length, tls: door !== undefined, configuration })
  if (door !== undefined) log('info', 'listener-in-use', { files: filesDigest(door.contents()) })
  return {
    ports,
    reread(): Reread {
      if (door === undefined) return 'same'
      const result = door.reread()
      if (result === 'changed') front.trust(door.current())
      if (result === 'changed') log('info', 'listener-in-use', { files: filesDigest(door.contents()) })
      log(isGood(result) ? 'info' : 'warn', 'listener-reread', { result })
      return result
    },
    async close(deadline: number): Promise<void> {
      health.set('listening', false)
      await front.close(deadline)
      await back.close(0)
    },
  }
}

function poolFor(
  { gateway, plaintextLoopback }: RouteSettings,
  trust: () => Trust,
  { now }: World,
  sizes: Partial<PoolOptions>,
): UpstreamPool {
  return poolTo({ origin: new URL(gateway).origin, plaintextLoopback, trust, now, keepOpen: true, ...sizes })
}

// A bare origin means RFC 9540's well-known resource. A query is part of what the operator configured, so it stays.
function pathOf(gateway: string): string {
  const { pathname, search } = new URL(gateway)
  return pathname === '/' && search === '' ? '/.well-known/ohttp-gateway' : pathname + search
}
