/** `asunder monitor`: watches a deployment for the public, through as many vantage points as are named. trust.md 2. */
import type { Placement } from '../../attestation/trust-root.ts'
import { placements } from '../../attestation/root-fields.ts'
import { nodeHpke } from '../../hpke/node.ts'
import { Refusal } from '../../refusal.ts'
import { fileMemory } from '../memory-file.ts'
import { forgetful } from '../memory.ts'
import { noteSource, tiledSource, webSource, type Fetch, type LogSource } from '../monitor/log-source.ts'
import { round, StateTaken, type MonitorOptions, type Report } from '../monitor/monitor.ts'
import type { Vantage } from '../monitor/vantage.ts'
import { undiciTransport } from '../transport-undici.ts'
import { relayAddress } from '../transport.ts'
import { abortable } from '../streams.ts'
import { Failure, UsageError, type Command, type World } from './command.ts'
import { demanded, parsed, readText } from './connection.ts'
import { simulatedBy, simulatedHelp, simulatedOption } from './simulated.ts'
import { alarmNames, explained, news } from './monitor-words.ts'

const options = {
  relay: { type: 'string', multiple: true },
  gateway: { type: 'string' },
  trust: { type: 'string' },
  placement: { type: 'string' },
  log: { type: 'string', multiple: true },
  state: { type: 'string' },
  once: { type: 'boolean' },
  every: { type: 'string' },
  ca: { type: 'string' },
  'plaintext-loopback': { type: 'boolean' },
  ...simulatedOption,
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder monitor --relay URL[,URL...] --trust ROOT --placement WORD [options] (--once | --every 10m)

Fetches the bundle through every vantage point, judges it as a client does, reads the logs, and alarms about what no
client could notice alone: bundles that differ or go back, keys that live too long, evidence that does not hold, what is
not logged, logs that fork, witnesses that fall silent. Run it somewhere that neither relay nor gateway can tell from a client.

  --relay URL             a relay's resource; more with commas or by repeating (also from ASUNDER_RELAY)
  --gateway URL           the gateway itself, where it can be reached
  --trust FILE            the trust root, as the application ships it (also from ASUNDER_TRUST)
  --placement WORD        ${placements.join(', ')}; never inferred (also from ASUNDER_PLACEMENT)
  --log FILE-or-URL       a log: the prefix of its tiles, a folder of them, or a file with a checkpoint; may be repeated
  --state FILE            what is remembered (default: FILE of --trust with .PLACEMENT.monitor appended; "none" forgets)
  --once                  one round; exits with 1 if an alarm stands
  --every TIME            a round every so often, as 30s, 10m or 1h, until interrupted
  --ca FILE               PEM of the certificate authority of relays and gateway, instead of the system's
  --plaintext-loopback    allow http:// to this machine
${simulatedHelp}
  --json                  one JSON object a round
  -h, --help              this text

Alarms:
${alarmNames()}

An alarm that is proved by what was signed stands until you begin with a new state file.`

export const monitor: Command = {
  summary: 'watch a deployment and its logs, and alarm',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    if (positionals.length > 0) throw new UsageError('no arguments; see --help')
    const pause = pauseOf(values)
    const watched = await watchedBy(values, world)
    try {
      return await watch(watched, { pause, json: values.json === true }, world)
    } finally {
      await Promise.all([
        ...watched.vantages.map(({ transport }) => transport.close?.()),
        ...watched.logs.map((log) => log.close()),
      ])
    }
  },
}

type Values = {
  readonly relay?: string[]
  readonly gateway?: string
  readonly trust?: string
  readonly placement?: string
  readonly log?: string[]
  readonly state?: string
  readonly once?: boolean
  readonly every?: string
  readonly ca?: string
  readonly 'plaintext-loopback'?: boolean
  readonly 'allow-simulated'?: string
}

async function watch(
  options: MonitorOptions,
  { pause, json }: { pause: number | undefined; json: boolean },
  world: World,
): Promise<0 | 1> {
  let last: Report | undefined
  for (;;) {
    const report = await abortable(looked(options), world.signal)
    await world.out(json ? `${JSON.stringify(report)}\n` : last === undefined ? explained(report) : news(report, last))
    if (pause === undefined) return report.alarms.length > 0 ? 1 : 0
    last = report
    await world.wait(pause)
  }
}

/** What makes no sense at all ends the command; what a deployment does wrong is in the report. */
async function looked(options: MonitorOptions): Promise<Report> {
  try {
    return await round(options)
  } catch (cause) {
    if (cause instanceof StateTaken) throw new Failure(`--state: ${cause.message}; give each its own`, { cause })
    if (!(cause instanceof Refusal)) throw cause
    const remedy =
      'is the trust root whole, and does the state belong to it? Otherwise keep it as evidence and name another'
    throw new Failure(`--trust, --state: ${cause.code}: ${cause.message}; ${remedy}`, { cause })
  }
}

async function watchedBy(values: Values, world: World): Promise<MonitorOptions> {
  const relays = (values.relay ?? [demanded('relay', world.env('ASUNDER_RELAY'))]).flatMap((list) => list.split(','))
  const file = demanded('trust', values.trust ?? world.env('ASUNDER_TRUST'))
  const placement = placementOf(demanded('placement', values.placement ?? world.env('ASUNDER_PLACEMENT')))
  const trust = await readText('trust', file, world)
  const ca = values.ca === undefined ? {} : { ca: await readText('ca', values.ca, world) }
  const plain = values['plaintext-loopback'] ?? false
  const urls = [
    ...relays.map((url) => addressOf('relay', url, plain)),
    ...(values.gateway === undefined ? [] : [addressOf('gateway', values.gateway, plain)]),
  ]
  const allowSimulated = await simulatedBy(values['allow-simulated'], urls, world)
  if (new Set(urls.map(({ href }) => href)).size < urls.length) throw new UsageError('--relay: one address twice')
  const vantages: Vantage[] = urls.map((url) => ({ url, transport: undiciTransport({ relay: url, ...ca }) }))
  const logs = (values.log ?? []).map((name) => sourceOf(name, plain, world))
  const state = values.state ?? `${file}.${placement}.monitor`
  const memory = state === 'none' ? forgetful() : fileMemory(state)
  return { vantages, logs, trust, placement, memory, hpke: nodeHpke, allowSimulated, now: () => world.now() }
}

function sourceOf(name: string, plain: boolean, world: World): LogSource {
  if (/^https?:/.test(name)) {
    const url = addressOf('log', name, plain)
    return webSource(url, undiciTransport({ relay: url }))
  }
  const read: Fetch = (path) => world.readFile(`${name}/${path}`).catch(absent)
  const folder = tiledSource(name, read)
  const file = noteSource(name, () => world.readFile(name))
  const isFolder = async (): Promise<boolean> => (await read('checkpoint', 0).catch(() => undefined)) !== undefined
  return {
    ...folder,
    checkpoint: async () => ((await isFolder()) ? folder : file).checkpoint(),
    leaves: async (size) => ((await isFolder()) ? folder : file).leaves(size),
  }
}

function absent(cause: unknown): undefined {
  if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
    return undefined
  throw cause
}

function addressOf(option: string, url: string, plain: boolean): URL {
  try {
    return relayAddress(url, plain)
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    const why = cause.message.startsWith('Invalid URL') ? 'not a URL' : cause.message.replace(/^relay: /, '')
    throw new UsageError(`--${option}: ${why.replace('`plaintextLoopback: true`', '--plaintext-loopback')}`, { cause })
  }
}

function placementOf(word: string): Placement {
  const placement = placements.find((one) => one === word)
  if (placement === undefined) throw new UsageError(`--placement: one of ${placements.join(', ')}`)
  return placement
}

const units = { s: 1000, m: 60_000, h: 3_600_000 } as const

/** Milliseconds between two rounds; undefined for one round. */
function pauseOf({ once = false, every }: Values): number | undefined {
  if (once === (every !== undefined)) throw new UsageError('give either --once or --every, as --every 10m')
  if (every === undefined) return undefined
  const [, count = '', unit = ''] = /^(\d{1,5})([smh])$/.exec(every) ?? []
  const pause = unit === '' ? 0 : Number(count) * units[unit as keyof typeof units]
  if (!(pause >= 10_000 && pause <= 24 * units.h)) throw new UsageError('--every: 10s to 24h, as 30s, 10m or 1h')
  return pause
}
