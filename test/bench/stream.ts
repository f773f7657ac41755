/**
 * Streaming through the whole chain: client, relay, gateway, attested link, agent, app; five processes.
 *
 *   npm run bench:stream [-- --rounds 5]
 *
 * How far each event of a streamed answer is behind the app, and the first one above all.
 */
import { parseArgs } from 'node:util'
import { startChain, type Chain } from './chain.ts'
import { median, percentile, table, verdict } from './measure.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string' } } })
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
    for (const line of lines) behind.push(Number(now - BigInt(line.replace('data: ', ''))) / 1e6)
  }
  if (behind.length !== 20) throw new Error(`${String(behind.length)} events of 20 arrived`)
  return behind
}

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
