/** A deployment, looked at from outside as any client may: nothing is sealed, nothing is asked of an application. */
import { evidenceChecks } from './evidence.ts'
import type { Check } from './findings.ts'
import { headChecks } from './heads.ts'
import { limitChecks } from './limits.ts'
import { mirrorChecks } from './mirror.ts'
import { plaintextChecks } from './plaintext.ts'
import { Scene, type DoctorOptions } from './scene.ts'
import { separationChecks } from './separation.ts'
import { tlsChecks } from './tls.ts'

export type Diagnosis = {
  readonly relay: string
  readonly gateway?: string
  /** milliseconds since 1970 */
  readonly at: number
  /** nothing fails; what could not be seen is no failure, and said */
  readonly ok: boolean
  readonly checks: readonly Check[]
  /** median of an answer with its connection, in milliseconds: a hint, since it is ours as much as theirs */
  readonly latency?: number
}

// Heads come last: they are judged over all that was answered before.
const parts = [
  tlsChecks,
  separationChecks,
  mirrorChecks,
  evidenceChecks,
  limitChecks,
  plaintextChecks,
  headChecks,
] as const

/** One after the other, so that a small relay's limits do not take the questions for a flood. */
export async function examined(options: DoctorOptions): Promise<Diagnosis> {
  const scene = new Scene(options)
  const checks: Check[] = []
  for (const part of parts) {
    options.signal.throwIfAborted()
    checks.push(...(await part(scene)))
  }
  options.signal.throwIfAborted()
  const times = scene.heard.map(({ answer }) => answer.milliseconds).toSorted((a, b) => a - b)
  const median = times[Math.floor(times.length / 2)]
  return {
    relay: options.relay.href,
    ...(options.gateway === undefined ? {} : { gateway: options.gateway.href }),
    at: options.now(),
    ok: checks.every(({ result }) => result !== 'fails'),
    checks,
    ...(median === undefined ? {} : { latency: Math.round(median) }),
  }
}
