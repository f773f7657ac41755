/** Runs one planted leak in the pair's place, and says whether the test that is there for it saw it. */
import { auditOf, type AuditResult } from '../audit.ts'
import type { LivePair } from '../pair.ts'
import type { Operator } from '../wiring.ts'
import { captureOf } from '../run.ts'
import { pageOf, type Subject } from '../subject.ts'
import { createTap, monotonic } from '../tap.ts'
import { startLeakyRelay, type LeakyRelay } from './leaky-relay.ts'
import type { LiveMutant } from './live-mutant.ts'
import { hoard, openedSince, type Scribe } from './scribe.ts'

export type MutantSize = { readonly clients: number; readonly each: number; readonly arrivals?: number }

export async function auditMutant(
  pair: LivePair,
  { relay: leak = {}, client, scribe = {}, phases }: LiveMutant,
  size: MutantSize,
): Promise<AuditResult> {
  const since = monotonic()
  const relay = await startLeakyRelay(pair, leak)
  const a = await createTap({ to: { host: '127.0.0.1', port: relay.port } })
  try {
    const subject: Subject = { a, since, ...staged(pair, relay, scribe, since) }
    const residue: Operator[] = scribe.hoards === true ? ['relay'] : []
    return auditOf(await captureOf(subject, { ...size, phases, residue, careless: client }))
  } finally {
    a.close()
    await relay.close()
  }
}

function staged(
  pair: LivePair,
  relay: LeakyRelay,
  scribe: Scribe,
  since: number,
): Pick<Subject, 'pair' | 'log' | 'metrics'> {
  const opened = (): ReturnType<typeof openedSince> => openedSince(pair, since)
  return {
    pair: { ...pair, ca: relay.ca, residue: async () => [await hoard(pair, relay.kept())] },
    log: (operator) => {
      if (operator === 'relay') return Buffer.from(relay.log())
      const line = operator === 'cvm' ? scribe.cvmLine : scribe.gatewayLine
      if (line === undefined) return pair.log(operator)
      return Buffer.concat([pair.log(operator), ...opened().map(({ prompt }) => Buffer.from(`${line(prompt)}\n`))])
    },
    metrics: async (operator) => {
      if (operator === 'relay') return relay.page()
      const counted = scribe.countsGateway === true ? `opened ${String(opened().length)}\n` : ''
      const { gatewayPage } = scribe
      const lines =
        gatewayPage === undefined
          ? ''
          : opened()
              .map(({ path }) => gatewayPage(path))
              .join('')
      return `${await pageOf(pair.admin.gateway)}${lines}${counted}`
    },
  }
}
