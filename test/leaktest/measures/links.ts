/** What connections and repetition tell about who is who. privacy.md 2.6, 2.11. */
import { drawnEvidence, resamplesFor, type Probe } from '../gate.ts'
import { roundsByFormula, roundsExpected } from '../probes/intersection.ts'
import { linkability, majority } from '../probes/linkability.ts'
import { blockBootstrap, percentileInterval } from '../stats/bootstrap.ts'
import { mutualInformation } from '../stats/information.ts'
import { mean } from '../stats/numbers.ts'
import type { Rng } from '../stats/rng.ts'
import type { Gate, Material } from '../types.ts'
import { bits, measured, reported } from './measure.ts'

type Windows = NonNullable<Material['windows']>

const many = 4
const deltaLimit: Gate = { kind: 'within', threshold: 0.05 }
/** A permutation p below this says that connections know clients, however little. */
const leastP = 0.01
const permutations = 200

export function linkTests({ windows, rates = [] }: Material, rng: Rng): Probe[] {
  if (windows === undefined || rates.length === 0) return []
  const rate = Math.max(...rates)
  return [sameConnection(windows, rate, rng), connectionBits(windows, rate, rng), rounds(windows, rate)]
}

function sameConnection(windows: Windows, rate: number, rng: Rng): Probe {
  const id = 'link.connection'
  return measured(id, (factor) => {
    const all = windows(rate, many * factor).windows
    const { deltas, p } = linkability(all, rng.fork(id), permutations)
    const draws = blockBootstrap(deltas, mean, rng.fork(`${id} draws`), resamplesFor(deltaLimit))
    const evidence = drawnEvidence(draws, deltaLimit)
    const inside = evidence.over > leastP && p <= leastP
    const about = {
      id,
      tier: 'T1',
      metric: 'P(same connection | same client) - P(same connection | different clients)',
      besides: { p, majority: majority(all.flat()) },
      doubt: inside ? `connections know something of clients (p = ${p})` : undefined,
    } as const
    const found = reported(about, all.flat().length, mean(deltas), 0, percentileInterval(draws))
    return { ...found, gate: deltaLimit, evidence }
  })
}

function connectionBits(windows: Windows, rate: number, rng: Rng): Probe {
  const id = 'link.information'
  return measured(id, (factor) => {
    const all = windows(rate, factor).windows.flat()
    const options = { rng: rng.fork(id), permutations: 100, resamples: 200 }
    const clients = all.map(({ client }) => client)
    const found = mutualInformation(
      clients,
      all.map(({ upstream }) => upstream),
      options,
    )
    return bits({ id, tier: 'T1', metric: 'I(client; connection), bits' }, found)
  })
}

function rounds(windows: Windows, rate: number): Probe {
  const id = 'intersection.rounds'
  return measured(id, (factor) => {
    const all = windows(rate, factor).windows
    const clients = new Set(all.flat().map(({ client }) => client)).size
    const active = mean(all.map((window) => new Set(window.map(({ client }) => client)).size)) / clients
    const besides = { clients, active, 'by ln N / ln 1/p': roundsByFormula(clients - 1, active) }
    const metric = 'rounds until a linkable trait has one client'
    return reported({ id, tier: 'T5', metric, besides }, all.length, roundsExpected(clients - 1, active), 0)
  })
}
