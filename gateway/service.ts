/**
 * A whole gateway from its settings: keys, bundle, CVM pool, replay store, the public listener and the private one.
 * Clock, dice and files are handed in; what must happen in time happens in one tick, beside the requests.
 */
import { verifyRoot, type TrustRoot } from '../shared/attestation/trust-root.ts'
import { fromUtf8 } from '../shared/bytes.ts'
import { serveLimits } from '../shared/config/listener-rows.ts'
import type { AuditRecord } from '../shared/observability/audit/record.ts'
import { configurationDigest, filesDigest } from '../shared/observability/digest.ts'
import { createFailing, type Failing } from '../shared/observability/failing.ts'
import { createTally, several } from '../shared/observability/tally.ts'
import { Refusal } from '../shared/refusal.ts'
import { clockedTicks } from '../shared/shaping/clocked.ts'
import type { Store } from '../shared/store/store.ts'
import { secureContext } from '../shared/upstream/dial.ts'
import { isGood, type Rereadable } from '../shared/upstream/rereadable.ts'
import { listen } from '../shared/upstream/serve.ts'
import type { ServeTls } from '../shared/upstream/tls-door.ts'
import { gatewayAdmin, missing, type Conditions } from './admin.ts'
import { createGateway } from './app.ts'
import { createBundle, type Bundles } from './bundles.ts'
import { inCells } from './cell-reply.ts'
import { cvmsOf, type GatewaySettings } from './config.ts'
import { endsOf } from './ending.ts'
import { frontDoor, leftOut } from './front-door.ts'
import { behind, type Behind } from './placement.ts'
import { liveKeys, turnWith, type Surroundings } from './kept-keys.ts'
import type { LiveKeys } from './live-keys.ts'
import { gatewayMetrics } from './metrics.ts'
import type { StreamReply } from './oblivious.ts'
import { onceAtATime } from './once-at-a-time.ts'
import { passingCells } from './passed-cells.ts'
import { PolicyInForce } from './policy-in-force.ts'
import { createQuotas } from './quotas.ts'
import { replayGuard } from './replay.ts'
import { replayStore } from './replay-store.ts'
import { openTokenDesk, type TokenDesk } from './token-desk.ts'
import type { Duty, GatewayLog } from './vocabulary.ts'

export type World = Surroundings & {
  /** where security events are recorded, as `log` does; not ready while it fails */
  readonly record?: Pick<AuditRecord, 'works'> | undefined
}

export type GatewayService = {
  readonly port: number
  readonly adminPort: number
  /** Reads certificates and pins of the public listener again; what is not good leaves what there is. */
  reread(): void
  /** Lets what is under way end, for at most as long as the settings say. */
  close(): Promise<void>
  /** Ends now. */
  force(): Promise<void>
}

/** How often keys, bundle and store are looked at. */
const tick = 5_000

export async function openGateway(settings: GatewaySettings, world: World): Promise<GatewayService> {
  const { now, log } = world
  checkServes(settings)
  // Everything is read before anything is written: who is refused here has made no key, and signed nothing.
  const root = await trustRoot(settings, world)
  const door = frontDoor(settings, world)
  checkIdentities(settings, world)
  const keys = liveKeys(settings, world)
  const bundles = await createBundle(settings.bundle, world, settings.placement)
  const claims = replayStore(settings, world)
  const store = watched(claims, world, settings.store.kind !== 'valkey')
  await store.probe()
  const desk = settings.tokens && openTokenDesk(settings.tokens, { ...world, claims })
  const inForce = new PolicyInForce({ root, now, log })
  const failing = createFailing<Duty>()
  const look = async (): Promise<boolean> => {
    failing.of('keys', !(await turned(keys, claims, log)))
    failing.of('bundle', !(await bundles.refresh(keys.list())))
    const news = await learned(inForce, settings, bundles, world)
    failing.of('policy', inForce.refused)
    return news
  }
  await look()
  const pool = behind(settings, { ...world, trust: root, inForce })
  const turnKeys = async (): Promise<void> => {
    // First: who reads a new bundle comes with a key that must be known by then.
    await pool.refresh()
    if (await look().catch(unreadable)) pool.revoke()
  }
  const unreadable = (): boolean => {
    log('warn', 'policy-refused', { why: 'unexpected' })
    failing.of('policy', true)
    return false
  }
  const doors = { open: false }
  const held = conditionsOf({ pool, keys, bundles, desk, store: store.works, failing }, now)
  const holds = { ...held, listening: () => doors.open, audit: () => world.record?.works() ?? true }
  const listeners = await open(settings, world, {
    door,
    keys,
    bundles,
    pool,
    claims,
    desk,
    holds,
    failing,
    root,
    inForce,
    doors,
    told: store.told,
  })
  const timer = setInterval(
    onceAtATime(() => Promise.all([turnKeys(), store.probe(), desk?.probe()])),
    tick,
  ).unref()
  const stopWatching = watchReadiness(pool, holds, log)

  const end = async (deadline: number): Promise<void> => {
    clearInterval(timer)
    await listeners.close(deadline)
    stopWatching()
    await pool.close()
    await claims.close()
  }
  return { ...listeners.ports, reread: () => listeners.reread(), close: () => end(settings.drain), force: () => end(0) }
}

/** Settings that only `publish` may have; one file may serve both, its signer given to `publish` alone. */
function checkServes({ placement, bundle: { signer } }: GatewaySettings): void {
  if (placement === 'inside') {
    const where = 'gateway/cvm/main.ts, with placement inside in the settings of the agent'
    throw new Refusal('insecure-configuration', `placement inside runs in the CVM: start ${where}; publish is for here`)
  }
  if (placement === 'sealed' && signer !== undefined) {
    const remedy = 'remove bundle.signer, and give it to publish, on a host that serves nothing'
    throw new Refusal('insecure-configuration', `in sealed nobody who serves may sign: ${remedy}`)
  }
}

/** What we show to CVMs; of what does not fit together every dial would fail, for ever. */
function checkIdentities(settings: GatewaySettings, { file }: World): void {
  for (const { identity } of cvmsOf(settings)) {
    if (identity !== undefined) secureContext({ key: file(identity.key), cert: file(identity.cert) })
  }
}

async function trustRoot(settings: GatewaySettings, { file, now }: World): Promise<TrustRoot> {
  const { placement, trust } = settings
  const root = await verifyRoot(file(trust).toString('utf8'))
  if (!root.placements.includes(placement))
    throw new Refusal('placement-mismatch', `the trust root does not allow ${placement}`)
  if (now() >= root.notAfter) throw new Refusal('root-expired', 'the trust root ended')
  if (simulates(settings) && root.use !== 'development') {
    throw new Refusal('simulated-not-allowed', 'simulated evidence needs a development root')
  }
  return root
}

/** True if the CVMs must be judged anew. */
async function learned(
  inForce: PolicyInForce,
  { placement, policy }: GatewaySettings,
  bundles: Bundles,
  { file }: World,
): Promise<boolean> {
  const bundle = bundles.read()
  if (placement === 'front') return policy !== undefined && inForce.fromNote(file(policy).toString('utf8'))
  return bundle !== undefined && inForce.fromBundle(fromUtf8(bundle.bytes))
}

/** False: it failed, and what an operator took back may still be opened here. */
async function turned(keys: LiveKeys, claims: Store, log: GatewayLog): Promise<boolean> {
  try {
    await turnWith(keys, claims, log)
    return true
  } catch (cause) {
    log('error', 'keys-failed', { why: cause instanceof Refusal ? cause.code : 'unexpected' })
    return false
  }
}

/** A store that failed is tried again beside the requests, which nobody may be sending us any more. */
function watched(claims: Store, { now, random }: World, works: boolean) {
  const told = (now: boolean): void => void (works = now)
  const probe = async (): Promise<void> => {
    if (works) return
    const claim = await claims.claim(random(16), now() + 1, 'dated').catch(() => 'full' as const)
    told(claim !== 'full')
  }
  return { works: () => works, told, probe }
}

type Watched = Pick<Parts, 'pool' | 'keys' | 'bundles' | 'desk' | 'failing'> & { readonly store: () => boolean }
type Inner = Omit<Conditions, 'listening' | 'audit'>

function conditionsOf({ pool, keys, bundles, desk, store, failing }: Watched, now: () => number): Inner {
  return {
    'attested-cvm': () => pool.ready,
    // A key file that cannot be read may hold what an operator took back: what we offer may be nobody's to offer.
    keys: () => !failing.has('keys') && keys.list() !== undefined,
    bundle: () => (bundles.read()?.until ?? 0) > now(),
    store,
    tokens: () => desk?.works() ?? true,
  }
}

/** Says once what is missing, and once that nothing is any more. */
function watchReadiness(pool: Behind, holds: Conditions, log: GatewayLog): () => void {
  let said: string | undefined
  const look = (): void => {
    const lacking = missing(holds)
    if (said === lacking.join()) return
    said = lacking.join()
    for (const condition of lacking) log('warn', 'missing', { condition })
    log('info', 'readiness', { ready: lacking.length === 0 })
  }
  look()
  const timer = setInterval(look, tick).unref()
  const stop = pool.onChange(look)
  return () => {
    clearInterval(timer)
    stop()
  }
}

type Parts = {
  /** undefined: plaintext */
  readonly door: Rereadable<ServeTls> | undefined
  readonly keys: LiveKeys
  readonly bundles: Bundles
  readonly pool: Behind
  readonly claims: Store
  readonly desk: TokenDesk | undefined
  readonly holds: Conditions
  readonly failing: Failing<Duty>
  readonly root: TrustRoot
  readonly inForce: PolicyInForce
  /** Whether requests are taken: not before everything is there, and not while what is under way ends. */
  readonly doors: { open: boolean }
  readonly told: (works: boolean) => void
}

async function open(settings: GatewaySettings, world: World, parts: Parts) {
  const { now, log } = world
  const { admin, listen: front, connections, placement, profile, publicHosts: hosts, dateWindow: window } = settings
  const { door, pool, doors } = parts
  const ready = (): boolean => missing(parts.holds).length === 0
  const ends = endsOf(settings, parts, world)
  const fails = (duty: Duty): boolean => (duty === 'audit' ? !parts.holds.audit() : parts.failing.has(duty))
  const gauges = { placement, profile, free: () => pool.free, attested: () => pool.ready, ready, ends, fails }
  const relays = settings.relays?.map(({ name }) => name) ?? []
  const counts = gatewayMetrics({ ...gauges, relays }, now, log)
  await Promise.all([counts.metrics.begin(), counts.flags.begin()])
  const failed = createTally<'unexpected'>({
    say: (why, count) => log('error', 'requests-failed', { why, count }),
    now,
  })
  const gateway = createGateway({
    find: parts.keys.find,
    ...pool.accepts(window),
    keys: settings.placement === 'front' ? parts.keys.list : undefined,
    bundle: parts.bundles.read,
    cvm: pool,
    profile,
    stream: streamOf(settings, world),
    once: replayGuard({ claims: parts.claims, window, now, works: parts.told }),
    tokens: parts.desk?.turnstile,
    hosts,
    limits: settings.limits,
    now,
    observe: counts.observe,
    fault: () => failed('unexpected'),
  })
  const health = gatewayAdmin(parts.holds, counts)
  const back = await listen({ ...admin, fetch: health.fetch, plaintextLoopback: true, now })
  const public_ = await listen({
    ...front,
    tls: door?.current(),
    fetch: gateway.fetch,
    shortWay: gateway.shortWay,
    gate: settings.relays && createQuotas(settings.relays, now, counts.asked),
    limits: { ...serveLimits(settings.limits, connections), streams: settings.limits.streams },
    limited: counts.limited,
    turned: counts.turned,
    now,
  })
  doors.open = true
  tellLeftOut(door, world)
  const ports = { port: public_.port, adminPort: back.port }
  const simulated = simulates(settings)
  const configuration = configurationDigest(settings)
  log(simulated ? 'warn' : 'info', 'started', { ...ports, tls: door !== undefined, simulated, configuration })
  if (door !== undefined) log('info', 'listener-in-use', { files: filesDigest(door.contents()) })
  return {
    ports,
    reread(): void {
      if (door === undefined) return
      const result = door.reread()
      if (result === 'changed') public_.trust(door.current())
      parts.failing.of('reread', !isGood(result))
      if (result === 'changed') log('info', 'listener-in-use', { files: filesDigest(door.contents()) })
      log(isGood(result) ? 'info' : 'warn', 'listener-reread', { result })
      tellLeftOut(door, world)
    },
    async close(deadline: number): Promise<void> {
      doors.open = false
      log('info', 'stopping', { connections: several(public_.connections()), within: deadline })
      await public_.close(deadline)
      await back.close(0)
      log('info', 'stopped', { cut: several(public_.connections()) })
      counts.stop()
    },
  }
}

/** How chunked answers go back: in `sealed` the CVM makes the cells, and has the clock for them. */
function streamOf({ profile, placement, cells }: GatewaySettings, { now, random }: World): StreamReply | undefined {
  if (profile !== 'paced') return undefined
  const options = { ticks: clockedTicks({ period: cells.period, now, random }), held: cells.held }
  return placement === 'front' ? inCells(options) : passingCells(options)
}

function tellLeftOut(door: Rereadable<ServeTls> | undefined, { now, log }: World): void {
  for (const relay of door === undefined ? [] : leftOut(door.current(), now())) log('warn', 'relay-left-out', { relay })
}

function simulates(settings: GatewaySettings): boolean {
  return cvmsOf(settings).some(({ allowSimulated }) => allowSimulated !== undefined)
}
