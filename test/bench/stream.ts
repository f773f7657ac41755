/**
 * Streaming through the whole chain: client, relay, gateway, attested link, agent, app; five processes.
 *
 *   npm run bench:stream [-- --rounds 5] [--profile paced]
 *
 * How far each event of a streamed answer is behind the app, and the first one above all. With a profile: what that costs
 * against `direct`, in octets to the client and in delay, for this app's events (about 22 octets each).
 */
import { parseArgs } from 'node:util'
import { profiles, type Profile } from '../../shared/shaping/profile.ts'
import { startChain, type Chain } from './chain.ts'
import { median, percentile, table, verdict } from './measure.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string' }, profile: { type: 'string' } } })
const profile = profiles.find((one) => one === values.profile)
if (values.profile !== undefined && profile === undefined) throw new TypeError(`--profile: ${profiles.join(', ')}`)
const rounds = Number(values.rounds ?? 5)

/** Milliseconds between the app's write and the client's read, for each event of one answer. */
async function lags({ fetch, origin }: Chain): Promise<number[]> {
  const answer = await fetch(`${origin}/events`, { headers: { accept: 'text/event-stream' } })
  const behind: number[] = []
  let rest = ''
  for await (const part of answer.body ?? []) {
    const now = process.hrtime.bigint()
    const lines = (rest + Buffer.from(part).toString('latin1')).split('\n\n')
    rest = lines.pop() ?? ''
    for (const line of lines) behind.push(Number(now - BigInt(/data: (\d+)/.exec(line)?.[1] ?? 0)) / 1e6)
  }
  if (behind.length !== 20) throw new Error(`${String(behind.length)} events of 20 arrived`)
  return behind
}

/** Of one profile: how far behind the app events were, and octets to the client for each streamed answer. */
async function measured(of: Profile): Promise<{ readonly delay: number; readonly octets: number }> {
  const chain = await startChain({ profile: of, counted: true })
  try {
    await lags(chain)
    const before = chain.octets()
    const all: number[] = []
    for (let round = 0; round < rounds; round++) all.push(...(await lags(chain)))
    return { delay: median(all), octets: (chain.octets() - before) / rounds }
  } finally {
    await chain.stop()
  }
}

async function compare(of: Profile): Promise<void> {
  const [direct, shaped] = [await measured('direct'), await measured(of)]
  // 100 ms: what cells have unless they are told otherwise.
  console.log(
    table([
      [`${of}, against direct`, ''],
      ['octets to the client, times', (shaped.octets / direct.octets).toFixed(1)],
      ['events later by so many periods of 100 ms, median', ((shaped.delay - direct.delay) / 100).toFixed(1)],
    ]),
  )
}

async function plain(): Promise<void> {
  const chain = await startChain()
  try {
    await lags(chain) // connections, bundle, compiled code
    const all: number[][] = []
    for (let round = 0; round < rounds; round++) {
      all.push(await lags(chain))
      process.stderr.write(`round ${String(round + 1)} of ${String(rounds)}\n`)
    }
    const first = all.map(([lag = Number.NaN]) => lag)
    const row = (name: string, figures: readonly number[]): string[] => [
      name,
      ...[median(figures), percentile(figures, 0.95), Math.max(...figures)].map((figure) => figure.toFixed(2)),
    ]
    console.log(
      table([['ms behind the app', 'median', 'p95', 'max'], row('first event', first), row('all events', all.flat())]),
    )
    console.log(verdict('first inner byte behind the app, median of rounds', median(first), 10, 'at most', ' ms'))
  } finally {
    await chain.stop()
  }
}

await (profile === undefined ? plain() : compare(profile))
