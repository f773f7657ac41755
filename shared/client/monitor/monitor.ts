/**
 * A monitor: looks at a deployment as the public sees it, round by round, and alarms about what no client could notice
 * alone. Anyone can run it; it holds no secret and sends nothing but fetches. trust.md 2.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import type { AllowSimulated } from '../../attestation/policy.ts'
import { Proven } from '../../attestation/proven.ts'
import type { Placement, TrustRoot } from '../../attestation/trust-root.ts'
import { hex, utf8 } from '../../bytes.ts'
import type { ClientHpke } from '../../hpke/context.ts'
import { leafHash } from '../../tlog/merkle.ts'
import { keysLeaf } from '../../tlog/release.ts'
import { grown, joined, shippedBelief, type Belief } from '../belief.ts'
import { nothing, type RollbackMemory } from '../memory.ts'
import { alarms as rows, lasting, type Alarm } from './alarms.ts'
import { judgeOffered, type Offered } from './attested.ts'
import { compareBundles, rootAlarms, type Shown } from './bundles.ts'
import type { LogSource } from './log-source.ts'
import { compareLogs, readLog, type Reading } from './logs.ts'
import { compareSeen } from './remembered.ts'
import { firstState, readState, stateText, type MonitorState } from './state.ts'
import { look, type Looking, type Vantage, type View } from './vantage.ts'
import { hearWitnesses } from './witnesses.ts'

export type MonitorOptions = {
  readonly vantages: readonly Vantage[]
  readonly logs: readonly LogSource[]
  /** the trust root's note, as the application ships it */
  readonly trust: string
  /** named by the caller, as for a client */
  readonly placement: Placement
  /** holds the state's text; a monitor has it for itself */
  readonly memory: RollbackMemory
  readonly hpke: ClientHpke
  /** as a client would be told: only for a deployment on this machine (trust.md 7) */
  readonly allowSimulated?: AllowSimulated | undefined
  readonly now: () => number
}

export type StandingAlarm = Alarm & { readonly means: string; readonly remedy: string; readonly since: number }

/** One round. Times are milliseconds since 1970. */
export type Report = {
  readonly at: number
  readonly placement: Placement
  readonly root: { readonly version: number; readonly use: string; readonly notAfter: number }
  readonly vantages: readonly { readonly at: string; readonly serial?: number; readonly sha256?: string }[]
  readonly logs: readonly {
    readonly at: string
    readonly origin?: string
    readonly size?: number
    readonly root?: string
  }[]
  /** sorted by code; empty if all is well */
  readonly alarms: readonly StandingAlarm[]
  /** what nobody looked at, in sentences */
  readonly notWatched: readonly string[]
}

/** Two monitors wrote one state file; the later one would forget what the earlier has seen. */
export class StateTaken extends Error {
  override readonly name = 'StateTaken'
}

/**
 * Looks once and remembers before it tells. Throws Refusal where the root or the state is not usable, StateTaken where
 * somebody else wrote the state meanwhile; what deployments and logs do wrong is never thrown.
 */
export async function round(options: MonitorOptions): Promise<Report> {
  const { vantages, logs, memory, now, allowSimulated } = options
  const before = await memory.load()
  const state = before === undefined ? firstState : readState(before)
  const own = await shippedBelief(options.trust)
  const belief = await joined(own, { ...nothing, roots: state.roots })
  const at = now()
  // Bundles before logs: whoever logs a list before showing it is never accused.
  const judging = { allowSimulated, proven: new Proven() }
  const looking = { ...options, ...judging, root: belief.root }
  const views = await Promise.all(vantages.map((vantage) => look(vantage, looking)))
  const shown = views.flatMap((view) => view.shown ?? [])
  const learned = shown.reduce(led, belief)
  const readings = await Promise.all(logs.map((log) => readLog(log, learned.root)))
  const found = await judged({ state, views, shown, readings, root: learned.root, judging, at })
  const next = remember({ ...found.state, roots: learned.roots }, found.alarms, at)
  await keep(memory, before, next)
  return reported(options, { at, root: learned.root, views, readings, next, ...found })
}

type Looked = {
  readonly state: MonitorState
  readonly views: readonly View[]
  readonly shown: readonly Shown[]
  readonly readings: readonly Reading[]
  readonly root: TrustRoot
  readonly judging: Pick<Looking, 'allowSimulated' | 'proven'>
  readonly at: number
}

type Judged = {
  readonly state: MonitorState
  readonly alarms: readonly Alarm[]
  readonly notWatched: readonly string[]
}

async function judged({ state, views, shown, readings, root, judging, at }: Looked): Promise<Judged> {
  const { alarms: ofBundles, ...bundles } = compareBundles(shown, state, at)
  const { alarms: ofLogs, checkpoints, unproven } = compareLogs(readings, state.checkpoints)
  const { alarms: ofWitnesses, witnesses } = hearWitnesses(readings, root, state.witnesses, at)
  const { alarms: ofPolicies, policies } = await judgeOffered(offers(shown), state.policies, {
    ...judging,
    root,
    now: at,
    newest: Math.max(0, ...[...state.bundles, ...shown.map(({ bundle }) => bundle)].map(({ serial }) => serial)),
  })
  const { alarms: ofMemory, seen } = await compareSeen(views, state.seen, { ...judging, now: at })
  const alarms = [
    ...views.flatMap((view) => view.alarms),
    ...readings.flatMap((reading) => reading.alarms),
    ...[
      ofBundles,
      rootAlarms(shown, root, at),
      ofLogs,
      ofWitnesses,
      ofPolicies,
      ofMemory,
      unlogged(shown, readings),
    ].flat(),
  ]
  const notWatched = [
    ...unproven,
    ...(readings.some(({ leaves }) => leaves !== undefined) ? [] : [noLeaves(root)]),
    ...unverified(views),
  ]
  return { state: { ...state, ...bundles, policies, seen, checkpoints, witnesses }, alarms, notWatched }
}

function offers(shown: readonly Shown[]): Offered[] {
  return shown.flatMap(({ at, bundle }) => (bundle.placement === 'front' ? [] : [{ at, bundle }]))
}

/** What the judge itself says that it cannot see. */
function unverified(views: readonly View[]): string[] {
  const words = views.flatMap(({ appraisal }) => appraisal?.keys.flatMap(({ verdict }) => verdict.notVerified) ?? [])
  return words.length === 0 ? [] : [`of the CVMs, what evidence does not show: ${[...new Set(words)].join(', ')}`]
}

/** A list is logged if any log that was read whole has its leaf. */
function unlogged(shown: readonly Shown[], readings: readonly Reading[]): Alarm[] {
  const read = readings.flatMap(({ leaves }) => (leaves === undefined ? [] : [leaves]))
  if (read.length === 0) return []
  const logged = new Set(read.flat().map(hex))
  const missing = shown.filter(({ bundle }) => !logged.has(hex(leafHash(keysLeaf(sha256(bundle.keys))))))
  return missing.map(({ at, bundle }) => {
    return {
      code: 'keys-unlogged',
      about: at,
      detail: `serial ${bundle.serial}, list ${hex(sha256(bundle.keys))}`,
    } as const
  })
}

function noLeaves({ logs }: TrustRoot): string {
  return logs.length === 0
    ? 'whether key lists are logged: the trust root names no log'
    : 'whether key lists are logged, and that no log forks: the leaves of none were read (--log)'
}

function led(belief: Belief, { root, bundle }: Shown): Belief {
  return root.version > belief.root.version ? grown(belief, root, bundle.roots) : belief
}

function remember(state: MonitorState, found: readonly Alarm[], at: number): MonitorState {
  const known = new Set(state.proven.map(nameOf))
  const fresh = found.filter((alarm) => lasting.has(alarm.code) && !known.has(nameOf(alarm)))
  const proven = [...state.proven, ...fresh.map(whole)]
  const since = new Map(state.standing.map((one) => [nameOf(one), one.since]))
  const names = new Map([...proven, ...found].map((alarm) => [nameOf(alarm), alarm]))
  const standing = [...names].map(([name, { code, about }]) => ({ code, about, since: since.get(name) ?? at }))
  return { ...state, proven, standing }
}

function whole({ code, about, detail = '', notes = [] }: Alarm): Alarm {
  return { code, about, detail, notes }
}

async function keep(memory: RollbackMemory, before: string | undefined, next: MonitorState): Promise<void> {
  const text = stateText(next)
  if (memory.update === undefined) return memory.save(text)
  await memory.update((stored) => {
    if (stored === before) return Promise.resolve(text)
    return Promise.reject(new StateTaken('the state was written by another monitor meanwhile'))
  })
}

type Reported = Omit<Judged, 'state'> & {
  readonly at: number
  readonly root: TrustRoot
  readonly views: readonly View[]
  readonly readings: readonly Reading[]
  readonly next: MonitorState
}

function reported(
  { placement }: MonitorOptions,
  { at, root, views, readings, next, alarms, notWatched }: Reported,
): Report {
  const since = new Map(next.standing.map((one) => [nameOf(one), one.since]))
  const current = new Set(alarms.map(nameOf))
  const all = [...next.proven.filter((alarm) => !current.has(nameOf(alarm))), ...alarms]
  return {
    at,
    placement,
    root: { version: root.version, use: root.use, notAfter: root.notAfter },
    vantages: views.map((view) => ({ at: view.at, ...(view.shown === undefined ? {} : summaryOf(view.shown)) })),
    logs: readings.map((reading) => ({ at: reading.at, ...treeOf(reading) })),
    alarms: all
      .map((alarm) => ({ ...alarm, ...rows[alarm.code], since: since.get(nameOf(alarm)) ?? at }))
      .toSorted((a, b) => nameOf(a).localeCompare(nameOf(b))),
    notWatched,
  }
}

function summaryOf({ note, bundle }: Shown): { serial: number; sha256: string } {
  return { serial: bundle.serial, sha256: hex(sha256(utf8(note))) }
}

function treeOf({ checkpoint }: Reading): { origin: string; size: number; root: string } | undefined {
  return checkpoint && { origin: checkpoint.origin, size: checkpoint.size, root: hex(checkpoint.root) }
}

function nameOf({ code, about }: Pick<Alarm, 'code' | 'about'>): string {
  return `${code} ${about}`
}
