/**
 * What a client that has been at a vantage point before would hold against a bundle that a new client takes: statements,
 * log trees, revocation lists and ratings that are older than those shown there. trust.md 2 and 6.
 */
import { appraise } from '../../attestation/appraisal.ts'
import { joined, nothingSeen, type Seen } from '../../attestation/seen.ts'
import { Refusal } from '../../refusal.ts'
import type { Alarm } from './alarms.ts'
import type { MonitorState } from './state.ts'
import type { Looking, View } from './vantage.ts'

type Question = Pick<Looking, 'allowSimulated' | 'proven'> & { readonly now: number }
export type ComparedMemory = { readonly seen: MonitorState['seen']; readonly alarms: readonly Alarm[] }

export async function compareSeen(
  views: readonly View[],
  memory: MonitorState['seen'],
  question: Question,
): Promise<ComparedMemory> {
  const seen = new Map(memory.map((one) => [one.at, one.seen]))
  const alarms: Alarm[] = []
  for (const view of views) {
    const before = seen.get(view.at) ?? nothingSeen
    const after = await held(view, before, question)
    if (after instanceof Refusal) alarms.push({ code: 'memory-refused', about: view.at, detail: after.code })
    else seen.set(view.at, after)
  }
  return { seen: [...seen].map(([at, one]) => ({ at, seen: one })), alarms }
}

/** What is remembered from now on, or why nothing new is. */
async function held({ shown, appraisal }: View, before: Seen, question: Question): Promise<Seen | Refusal> {
  if (shown === undefined || appraisal === undefined || shown.bundle.placement === 'front') return before
  const { bundle, root } = shown
  try {
    await appraise({ ...question, bundle, root, seen: withoutSerials(before) })
    return joined(before, appraisal.seen)
  } catch (cause) {
    if (cause instanceof Refusal) return cause
    throw cause
  }
}

/** A policy that goes back has an alarm of its own, from whichever vantage point it was seen. */
function withoutSerials(seen: Seen): Seen {
  const policies = Object.entries(seen.policies).map(([role, { time }]) => [role, { serial: 0, time }] as const)
  return { ...seen, policies: Object.fromEntries(policies) }
}
