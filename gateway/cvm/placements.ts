/** The parts that a placement with keys of its own adds to the agent, from the settings and a clock of each kind. trust.md 3. */
import { randomBytes } from 'node:crypto'
import { kems, type Kem } from '../../shared/hpke/suites.ts'
import type { Log } from '../../shared/observability/log.ts'
import { createTally } from '../../shared/observability/tally.ts'
import { chunked, sealed, sealedChunked, standard } from '../../shared/ohttp/labels.ts'
import { Refusal } from '../../shared/refusal.ts'
import { clockedTicks } from '../../shared/shaping/clocked.ts'
import { inCells, type Outcome, type StreamReply } from '../oblivious.ts'
import type { Own } from './agent.ts'
import type { AgentSettings } from './config.ts'
import type { CellSettings, KeySettings } from './own-config.ts'
import { BundleFile, openInside } from './inside.ts'
import { OwnKeys } from './own-keys.ts'
import { sealedRequests, type RequestOptions } from './requests.ts'
import type { AgentEvents } from './vocabulary.ts'

export type World = {
  readonly log: Log<AgentEvents>
  /** milliseconds since 1970, as the host has them */
  readonly now: () => number
  /** milliseconds of a clock that only goes forward */
  readonly monotonic: () => number
}

export type OwnPlacement = {
  readonly links: Own
  /** of the listener for the relay; 0 where there is none */
  readonly port: number
  close(deadline: number): Promise<void>
}

/** How often keys and bundle are looked at, milliseconds. */
const tick = 1_000

export async function ownPlacement(settings: AgentSettings, world: World): Promise<OwnPlacement | undefined> {
  if (settings.placement === 'front') return undefined
  const { log, now, monotonic } = world
  const labels = settings.placement === 'sealed' ? [sealed, sealedChunked] : [standard, chunked]
  const changed = (created: number, destroyed: number) => log('info', 'keys-turned', { created, destroyed })
  const offered = settings.keys.kems.map(rowOf)
  const keys = new OwnKeys({ ...settings.keys, kems: offered, labels, now, monotonic, changed })
  const said = createTally<Outcome>({ say: (outcome, count) => log('warn', 'requests-ended', { outcome, count }), now })
  const ended = (outcome: Outcome): void => {
    if (outcome !== 'served') said(outcome)
  }
  const stream = settings.cells && streamOf(settings.cells, now)
  const options = { keys, settings: settings.requests, app: settings.app, now, ended, stream }
  return settings.placement === 'sealed' ? inSealed(options) : inInside(settings, options, world)
}

type OwnOptions = RequestOptions & { readonly keys: OwnKeys }

function inSealed(options: OwnOptions): OwnPlacement {
  const timer = setInterval(() => options.keys.tend(), tick).unref()
  return {
    links: { layer: 'inner', keys: options.keys, sealed: sealedRequests(options) },
    port: 0,
    close() {
      clearInterval(timer)
      return Promise.resolve()
    },
  }
}

type Inside = Extract<AgentSettings, { placement: 'inside' }>

async function inInside(settings: Inside, options: OwnOptions, { log, now }: World): Promise<OwnPlacement> {
  const bundle = new BundleFile(settings.public.bundle)
  const listening = await openInside({ ...options, public: settings.public, profile: settings.profile, bundle })
  const look = watching(bundle, log, now)
  look()
  const timer = setInterval(() => {
    options.keys.tend()
    look()
  }, tick).unref()
  return {
    links: { layer: 'outer', keys: options.keys },
    port: listening.port,
    close(deadline) {
      clearInterval(timer)
      return listening.close(deadline)
    },
  }
}

function streamOf({ period, held }: CellSettings, now: World['now']): StreamReply {
  return inCells({ ticks: clockedTicks({ period, now, random: randomBytes }), held })
}

function rowOf(name: KeySettings['kems'][number]): Kem {
  const row = kems.find((kem) => kem.name === name)
  if (row === undefined) throw new TypeError(`no KEM ${name}`)
  return row
}

/** Says what is new, and what is wrong once and not with every look. */
function watching(bundle: BundleFile, log: World['log'], now: World['now']): () => void {
  let wrong: string | undefined
  return () => {
    try {
      const serial = bundle.look(now())
      if (serial !== undefined) log('info', 'bundle-served', { serial })
      wrong = undefined
    } catch (cause) {
      const code = cause instanceof Refusal ? cause.code : 'fault'
      if (code !== wrong) log('warn', 'bundle-failed', { code })
      wrong = code
    }
  }
}
