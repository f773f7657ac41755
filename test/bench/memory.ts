/**
 * How much memory a long stream costs in each process of the chain.
 *
 *   npm run bench:memory [-- --mebibytes 1024]
 *
 * The peak of each process while the client reads the stream, above what it held before (VmHWM, reset first).
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startChain, type Chain } from './chain.ts'
import { residentMiB, table, verdict } from './measure.ts'

const { values } = parseArgs({ options: { mebibytes: { type: 'string' } } })
const mebibytes = Number(values.mebibytes ?? 1024)

async function read({ fetch, origin }: Chain, bytes: number): Promise<void> {
  const answer = await fetch(`${origin}/big/${String(bytes)}`, { headers: { accept: 'text/event-stream' } })
  let arrived = 0
  let told = 0
  for await (const part of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    arrived += part.length
    if (arrived - told < 128 << 20) continue
    told = arrived
    process.stderr.write(`${String(arrived >> 20)} MiB\n`)
  }
  if (arrived !== bytes) throw new Error(`${String(arrived)} of ${String(bytes)} octets arrived`)
}

/** Writing 5 makes the kernel forget the highest mark so far (proc(5), clear_refs). */
function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${String(pid)}/clear_refs`, '5')
}

const chain = await startChain()
try {
  await read(chain, 8 << 20)
  const processes = [...chain.pair.services.filter(({ name }) => name !== 'app'), { name: 'client', pid: process.pid }]
  const before = processes.map(({ pid }) => residentMiB(pid, 'VmRSS'))
  for (const { pid } of processes) forgetPeak(pid)
  const start = performance.now()
  // The largest stream there is holds 2^30 sealed octets, framing and tags included (CHK-18): 1016 MiB are content.
  await read(chain, Math.min(mebibytes, 1016) << 20)
  const seconds = (performance.now() - start) / 1000
  const growth = processes.map(({ pid }, index) => residentMiB(pid, 'VmHWM') - (before[index] ?? Number.NaN))
  const rows = processes.map(({ name, pid }, index) => [
    name,
    (before[index] ?? 0).toFixed(0),
    residentMiB(pid, 'VmHWM').toFixed(0),
    (growth[index] ?? 0).toFixed(0),
  ])
  console.log(table([['process', 'before MiB', 'peak MiB', 'growth MiB'], ...rows]))
  console.log(`${String(Math.min(mebibytes, 1016))} MiB in ${seconds.toFixed(1)} s`)
  processes.forEach(({ name }, index) => {
    console.log(verdict(`${name}: growth of resident memory`, growth[index] ?? Number.NaN, 120, 'at most', ' MiB'))
  })
} finally {
  await chain.stop()
}
