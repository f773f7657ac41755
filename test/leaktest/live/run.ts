/** One run of the workload against one relay, and what it left. */
import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RandomBytes } from '../canary/canaries.ts'
import type { Capture, Phase, Scrape } from './capture.ts'
import { collect } from './collect.ts'
import type { Residue } from './preloads.ts'
import type { Operator } from './wiring.ts'
import { plant } from './planted.ts'
import type { Subject } from './subject.ts'
import { monotonic } from './tap.ts'
import { runWorkload, type Careless } from './workload.ts'

export type RunOptions = {
  readonly clients: number
  readonly each: number
  readonly arrivals?: number | undefined
  readonly phases: readonly Phase[]
  /** looks into the memory of every process at the end */
  readonly residue?: readonly Operator[]
  readonly careless?: Careless | undefined
  readonly random?: RandomBytes
  readonly now?: () => number
}

export async function captureOf(subject: Subject, options: RunOptions): Promise<Capture> {
  const { clients, each, arrivals, phases, careless, residue = [], random = randomBytes, now = Date.now } = options
  const cast = plant(clients, random)
  const secrets: string[] = []
  const trap = await startTrap()
  const left = subject.pair.app.left()
  try {
    const work = runWorkload({
      ...{ subject, phases, each, arrivals, careless, cast: cast.clients, trap: trap.address },
      secrets: (line) => secrets.push(line),
      untilMinute: () => awayFromMinute(now),
    })
    const died = subject.pair.broken.then((why) => Promise.reject(new Error(why)))
    const done = await Promise.race([work, died])
    const scrapes = await scrape(subject)
    const left_ = subject.pair.app.left() - left
    const logs = logsOf(subject)
    const memories = residue.length > 0 ? await drained(subject, residue) : []
    return collect({
      ...{ subject, cast, done, scrapes, logs, residue: memories, secrets: secrets.join('\n') },
      ...{ leftAtApp: left_, trapped: trap.hits() },
    })
  } finally {
    trap.close()
  }
}

/** Before memory is looked at, since the looking writes lines of its own. */
function logsOf({ log }: Subject): Record<Operator, Buffer> {
  return { relay: log('relay'), gateway: log('gateway'), cvm: log('cvm') }
}

async function scrape(subject: Subject): Promise<Scrape[]> {
  const pages: Scrape[] = []
  for (const operator of subject.pair.pages)
    pages.push({ operator, t: monotonic(), page: await subject.metrics(operator) })
  return pages
}

/** The clients have gone; a moment for sockets to close, then memory. */
async function drained(subject: Subject, of: readonly Operator[]): Promise<readonly Residue[]> {
  await sleep(200)
  return subject.pair.residue(of)
}

/** Pages change with the minute: two looks that belong together must not lie on its two sides. */
async function awayFromMinute(now: () => number): Promise<void> {
  const left = 60_000 - (now() % 60_000)
  if (left < tooClose) await sleep(left + 100)
}

const tooClose = 2_000

/** Where an image in an answer points: nobody who reads answers as data asks for it. */
async function startTrap(): Promise<{ address: string; hits: () => number; close: () => void }> {
  let hits = 0
  const server: Server = createServer((_, response) => {
    hits += 1
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { address: `http://127.0.0.1:${String(port)}`, hits: () => hits, close: () => server.close() }
}
