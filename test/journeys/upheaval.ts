/**
 * Requests that go on while everything around them changes: keys are rotated, a replica is restarted, all replicas are replaced,
 * one is killed, and the CVM's evidence goes and comes back. Counts what became of every request. `npm run upheaval`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readBundle } from '../../shared/attestation/bundle.ts'
import { hex } from '../../shared/bytes.ts'
import { sha256 } from '@noble/hashes/sha2.js'
import { startFleet, thisVersion, type Fleet, type Version } from './fleet.ts'
import { clientOf, askOnce, expectedAnswers } from './soak.ts'

export type Outcome = {
  readonly served: number
  /** what was said to those that were not, and how often */
  readonly lost: Readonly<Record<string, number>>
  /** of a killed process: at most what was in flight on it */
  readonly atKill: number
  /** most key lists that any two looks at the bundle found in people's hands at once */
  readonly lists: number
}

export type Plan = {
  readonly requests: number
  readonly clients: number
  readonly kill: boolean
  /** milliseconds without evidence; 0 for none */
  readonly flap: number
  /** of the replica that is replaced by this version; left out: this one */
  readonly before?: Version | undefined
  readonly tell?: (text: string) => void
}

/** One fleet, one round. */
export async function upheaval(plan: Plan): Promise<Outcome> {
  const fleet = await startFleet({ links: plan.clients + 32 })
  try {
    return await round(fleet, { rotate: true, ...plan })
  } finally {
    await fleet.stop()
  }
}

/**
 * One round of changes on a fleet that may have seen others. `rotate`: keys are rotated by hand; the overlap of those before has
 * to be over.
 */
export async function round(fleet: Fleet, plan: Plan & { readonly rotate: boolean }): Promise<Outcome> {
  const { requests, clients, kill, flap, before: old = thisVersion, tell = () => undefined } = plan
  const second = fleet.replicas[1] ?? (await fleet.join(old))
  const lists = watchLists(fleet)
  const counts = new Counts()
  const expected = await expectedAnswers(fleet.pair)
  const work = Array.from({ length: clients }, () => oneClient(fleet, Math.ceil(requests / clients), expected, counts))
  const running = Promise.all(work)
  const at = (part: number): Promise<void> => counts.reach(requests * part)
  await at(0.1)
  tell(plan.rotate ? 'keys are rotated' : 'keys are looked after')
  await fleet.command(plan.rotate ? 'rotate-keys' : 'turn-keys')
  await at(0.3)
  tell(old === thisVersion ? 'a replica is restarted' : 'a replica of the version before is upgraded')
  await fleet.leave(second)
  const third = await fleet.join()
  await at(0.5)
  tell('every replica but the one that turns the keys is replaced')
  const fourth = await fleet.join()
  await fleet.leave(third)
  await at(0.7)
  const before = counts.failed
  if (kill) {
    tell('a replica is killed')
    await fleet.kill(fourth)
    await sleep(2_000)
  }
  const atKill = counts.failed - before
  await at(0.8)
  if (flap > 0) {
    tell('the CVM shows no evidence for a while')
    await fleet.flap(flap)
  }
  await running
  return { served: counts.served, lost: counts.lost, atKill, lists: lists() }
}

class Counts {
  served = 0
  failed = 0
  readonly lost: Record<string, number> = {}

  lose(why: string): void {
    this.failed += 1
    this.lost[why] = (this.lost[why] ?? 0) + 1
  }

  async reach(count: number): Promise<void> {
    while (this.served + this.failed < count) await sleep(20)
  }
}

async function oneClient(fleet: Fleet, requests: number, expected: readonly string[], counts: Counts): Promise<void> {
  const fetch = clientOf(fleet.pair)
  for (let n = 0; n < requests; n++) {
    const text = n % expected.length
    const answer = await askOnce(fetch, text, n % 4 === 0).catch((error: unknown) => codeOf(error))
    if (answer === expected[text]) counts.served += 1
    else counts.lose(answer.slice(0, 60))
  }
  await fetch.close()
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

/** How many lists a client may hold at one moment: each is used for ten minutes after it was last shown. */
function watchLists({ pair }: Fleet): () => number {
  const seen = new Set<string>()
  const look = (): void => {
    const { keys } = readBundle(readFileSync(join(pair.folder, 'gateway/bundle.note'), 'utf8'))
    seen.add(hex(sha256(keys)))
  }
  look()
  const timer = setInterval(look, 200)
  return () => {
    clearInterval(timer)
    return seen.size
  }
}
