/** Level 2 from inside its namespaces: the pair watched by packets alone, and every planted leak that only packets show. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { mark, type Canary } from '../canary/canaries.ts'
import type { Column } from '../contract.ts'
import { auditOf, partiesIn, type AuditResult } from '../live/audit.ts'
import { phases, type Capture } from '../live/capture.ts'
import { cellsOf } from '../live/cells.ts'
import { LabClient } from '../live/client.ts'
import { randomFrom, testOf, treated, type Level1 } from '../live/level1.ts'
import { doctorsIn } from '../live/mutants/doctors.ts'
import { plant, type Cast } from '../live/planted.ts'
import { placeIn } from '../live/place.ts'
import { post, sealProperly } from '../live/refusals.ts'
import { captureOf } from '../live/run.ts'
import { ourRelay } from '../live/subject.ts'
import { liveTests } from '../live/tests/all.ts'
import { runWorkload } from '../live/workload.ts'
import type { ReportMutant } from '../report/schema.ts'
import { netDoctors, netMutants, type NetMutant } from './controls.ts'
import { netHoldings, netStructure } from './holdings.ts'
import { tell } from './leaks.ts'
import { startNetPair, type NetPair } from './pair.ts'
import { seenIn, type Seen } from './seen.ts'
import { netTests, netTestsOn } from './tests.ts'

export type NetRunOptions = {
  readonly seed: number
  readonly quick: boolean
  readonly wanted: (test: string) => boolean
  readonly progress: (text: string) => void
}

export type NetRun = Pick<Level1, 'tests' | 'matrix' | 'mutants'>

const sizes = { quick: { clients: 6, each: 4 }, full: { clients: 24, each: 12 } } as const
const ofControls = { clients: 2, each: 2 }
const placement = 'front'

/** Nobody may ask a service for collateral; who else has no column here is at level 1. */
const present: ReadonlySet<Column> = new Set([...partiesIn(placement), 'DNS', 'A'])
const doctors = doctorsIn(placement)
const ofLive = new Set(doctors.map(({ test }) => test))
const parties: readonly Column[] = ['NC', 'NR', 'H', 'V', 'K', 'DNS']

type Taken = { readonly seen: Seen; readonly capture: Capture }
type Planted = { readonly mutants: readonly NetMutant[]; readonly taken: Taken }

export async function runNet({ seed, quick, wanted, progress }: NetRunOptions): Promise<NetRun> {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-net-'))
  const size = sizes[quick ? 'quick' : 'full']
  try {
    const counts = { connections: Math.max(32, 4 * size.clients), links: size.clients + 8 }
    const pair = await startNetPair({ folder, progress, ...counts })
    const [main, faithful, planted] = await taken(pair, { ...size, seed, wanted, progress })
    const unseen = pair.missing() + (await pair.stop())
    if (unseen > 0) progress(`${String(unseen)} packets or octets passed unseen`)
    return judged(
      { ...main, capture: { ...main.capture, unreadable: main.capture.unreadable + unseen } },
      faithful,
      planted,
      wanted,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Taking = Pick<NetRunOptions, 'seed' | 'wanted' | 'progress'> & { readonly clients: number; readonly each: number }

async function taken(pair: NetPair, options: Taking): Promise<readonly [Taken, Taken, Planted[]]> {
  const { wanted, progress } = options
  try {
    progress(`${String(options.clients)} clients at work`)
    const main = await mainRun(pair, options)
    progress('the same pair, told to leak nothing')
    const faithful = await controlRun(pair, ['relay', 'nothing'])
    const some = netMutants.filter(({ test }) => wanted(test))
    const runs = [...Map.groupBy(some, ({ by }) => (typeof by === 'function' ? by : by.join(' '))).values()]
    const planted: Planted[] = []
    for (const [i, mutants] of runs.entries()) {
      progress(
        `planted leaks, run ${String(i + 1)} of ${String(runs.length)}: ${mutants.map(({ name }) => name).join(', ')}`,
      )
      planted.push({ mutants, taken: await controlRun(pair, (mutants[0] as NetMutant).by) })
    }
    return [main, faithful, planted]
  } catch (error) {
    await pair.stop()
    throw error
  }
}

/** Everything from the first packet on: the relay opens its connections before anybody comes. */
async function mainRun(pair: NetPair, { clients, each, seed }: Taking): Promise<Taken> {
  const since = Date.now()
  const random = randomFrom(seed)
  const capture = await captureOf(ourRelay(pair.live), { clients, each, phases, random })
  const canary = await askForStranger(pair, plant(1, random), random)
  await sleep(settleFor)
  const seen = seenIn((place) => pair.world.packets(place), pair.ports, since)
  return withNet(seen, { ...capture, canaries: [...capture.canaries, canary] })
}

async function controlRun(pair: NetPair, by: NetMutant['by']): Promise<Taken> {
  const since = Date.now()
  const cast = plant(ofControls.clients, randomFrom(since))
  const told = typeof by === 'function' ? undefined : { path: pair.leaksOf(by[0]), leak: by[1] }
  if (told !== undefined) await tell(told.path, told.leak)
  const subject = ourRelay(pair.live)
  const options = { subject, cast: cast.clients, phases: ['keys', 'calls'], each: ofControls.each } as const
  await runWorkload({ ...options, secrets: () => undefined, trap: 'http://127.0.0.1:1' })
  if (typeof by === 'function') await by()
  const canary = await askForStranger(pair, cast, randomFrom(since + 1))
  await sleep(settleFor)
  if (told !== undefined) await tell(told.path, '')
  const until = Date.now()
  const packets: Parameters<typeof seenIn>[0] = (place) =>
    pair.world.packets(place).filter(({ at }) => at >= since && at <= until)
  return withNet(seenIn(packets, pair.ports, since), bare([...cast.canaries, canary]))
}

/** For packets to come to the watchers, and for whoever leaks to do it. */
const settleFor = 250

/** One request for a host that only its client knows of: refused inside the seal, and looked up by nobody. */
async function askForStranger(pair: NetPair, cast: Cast, random: (length: number) => Uint8Array): Promise<Canary> {
  const value = mark('host', random)
  const [planted] = cast.clients
  if (planted === undefined) throw new TypeError('a stranger needs a client')
  const { a } = pair.live.taps
  const client = new LabClient({
    index: 0,
    planted,
    at: a.host,
    port: a.port,
    ca: pair.live.ca,
    secrets: () => undefined,
  })
  try {
    const place = { ...placeIn(placement), resource: new URL(`https://${value}.example/`) }
    const { message } = await sealProperly(client, place)
    await post(client, place, message)
  } finally {
    client.close()
  }
  return { id: `stranger.${String(cast.clients.length)}`, field: 'F16', kind: 'text', value }
}

function withNet(seen: Seen, capture: Capture): Taken {
  return {
    seen,
    capture: { ...capture, holdings: [...capture.holdings, ...netHoldings(seen)], known: netStructure(seen) },
  }
}

function bare(canaries: readonly Canary[]): Capture {
  const nothing = { calls: [], refused: [], mirrored: [], scrapes: [], single: [], spans: [], holdings: [] }
  return {
    ...nothing,
    ...{ placement, profile: 'direct' },
    links: { a: [], b: [], d: [], app: [], e: [] },
    clients: 0,
    canaries,
    leftAtApp: 0,
    trapped: 0,
    unreadable: 0,
  }
}

function judged(main: Taken, faithful: Taken, planted: readonly Planted[], wanted: (test: string) => boolean): NetRun {
  const audit = auditOf(main.capture, present, [
    ...liveTests.filter(({ id }) => ofLive.has(id)),
    ...netTestsOn(main.seen),
  ])
  const mutants = [
    ...doctors.filter(({ test }) => wanted(test)).map((doctor) => treated(doctor, main.capture, 2)),
    ...netDoctors
      .filter(({ test }) => wanted(test))
      .map(({ plant: sicken, ...rest }) => {
        const [seen, capture] = sicken(main.seen, main.capture)
        return outcome(rest, auditNet({ seen, capture }))
      }),
    blameless(auditNet(faithful)),
    ...planted.flatMap(({ mutants: all, taken: one }) => {
      const result = auditNet(one)
      return all.map((mutant) => outcome(mutant, result))
    }),
  ]
  return {
    tests: rowsOf(audit, wanted).map((row) => testOf(row, mutants, () => '', 2)),
    matrix: cellsOf(audit),
    mutants,
  }
}

function auditNet({ seen, capture }: Taken): AuditResult {
  return auditOf(capture, present, netTestsOn(seen))
}

function rowsOf({ rows }: AuditResult, wanted: (test: string) => boolean): AuditResult['rows'] {
  const known = new Set([...netTests.map(({ id }) => id), ...ofLive, ...parties.map((party) => `canary.${party}`)])
  return rows.filter(({ measurement: { id } }) => known.has(id) && wanted(id))
}

type Leaked = Pick<NetMutant, 'name' | 'leak' | 'test'>

function outcome({ name, leak, test }: Leaked, { rows }: AuditResult): ReportMutant {
  const caught = rows.some(({ measurement, verdict }) => measurement.id === test && verdict === 'fail')
  return { name, level: 2, leak, test, caught }
}

function blameless({ rows }: AuditResult): ReportMutant {
  const failed = rows.filter(({ verdict }) => verdict === 'fail').map(({ measurement }) => measurement.id)
  const test = failed.length === 0 ? 'no test fails' : `failed: ${failed.join(', ')}`
  return { name: 'told-nothing', level: 2, leak: 'none: every test must pass on it', test, caught: failed.length === 0 }
}
