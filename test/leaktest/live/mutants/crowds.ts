/**
 * Several planted leaks in one run, so that a quick run can afford them: leaks of one crowd are found by different tests,
 * and none of them sets off another's test. The full run plants each alone.
 */
import type { Profile } from '../../../../shared/shaping/profile.ts'
import type { Placement } from '../../contract.ts'
import type { Phase } from '../capture.ts'
import type { LiveMutant } from './live-mutant.ts'
import { mutantsIn } from './placed.ts'
import type { Asker, Leak } from './leaky-relay.ts'

const members: readonly (readonly string[])[] = [
  [
    ...[
      'hashed-address',
      'answer-cookie',
      'own-connection',
      'connection-on-arrival',
      'labelled-client',
      'logged-address',
    ],
    ...['keys-for-one', 'passed-fetches', 'private-keys', 'telling-mistakes', 'telling-openings', 'passed-departure'],
    ...['passed-pace', 'loaded-images', 'named-hello', 'cvm-logged-prompt', 'untimed'],
  ],
  [
    'kept-capitals',
    'told-software',
    'logged-words',
    'logged-port',
    'counted-paths',
    'telling-status',
    'telling-refusals',
    'exact-clock',
    'unpadded',
    'one-layer',
    'in-order',
  ],
  [
    'own-trace',
    'access-log',
    'labelled-session',
    'exact-counters',
    'exact-gateway',
    'logged-requests',
    'cvm-logged-requests',
  ],
]

export type Crowd = { readonly mutants: readonly LiveMutant[]; readonly together: LiveMutant }

export function crowdsIn(placement: Placement, profile: Profile = 'direct'): Crowd[] {
  const there = mutantsIn(placement, profile)
  return members.map((names) => {
    const mutants = there.filter(({ name }) => names.includes(name))
    return { mutants, together: mutants.reduce(joined) }
  })
}

function joined(one: LiveMutant, other: LiveMutant): LiveMutant {
  const order: readonly Phase[] = ['keys', 'calls', 'statuses', 'refusals', 'departures', 'drips', 'arrivals', 'single']
  return {
    ...{ name: `${one.name}, ${other.name}`, leak: `${one.leak}; ${other.leak}`, test: '' },
    phases: order.filter((phase) => one.phases.includes(phase) || other.phases.includes(phase)),
    relay: bothLeaks(one.relay ?? {}, other.relay ?? {}),
    client: { ...one.client, ...other.client },
    scribe: { ...one.scribe, ...other.scribe },
  }
}

function bothLeaks(one: Leak, other: Leak): Leak {
  const { keys, unopened } = one
  const { keys: nextKeys, unopened: nextUnopened } = other
  return {
    ...one,
    ...other,
    ...both(one.upstream, other.upstream, (a, b) => (asker: Asker) => [...a(asker), ...b(asker)], 'upstream'),
    ...both(
      one.answer,
      other.answer,
      (a, b) => (asker, upstream) => [...a(asker, upstream), ...b(asker, upstream)],
      'answer',
    ),
    ...both(one.line, other.line, (a, b) => (asker) => `${a(asker)}\n${b(asker)}`, 'line'),
    ...both(one.page, other.page, (a, b) => (askers) => a(askers) + b(askers), 'page'),
    ...both(one.mistake, other.mistake, (a, b) => (asker) => a(asker) + b(asker), 'mistake'),
    ...(keys && nextKeys ? { keys: (asker: Asker, copy: Buffer) => nextKeys(asker, keys(asker, copy)) } : {}),
    ...(unopened && nextUnopened
      ? { unopened: (message: Buffer, answer: Buffer) => nextUnopened(message, unopened(message, answer)) }
      : {}),
  }
}

function both<Name extends keyof Leak, F>(
  one: F | undefined,
  other: F | undefined,
  join: (a: F, b: F) => F,
  name: Name,
): Partial<Record<Name, F>> {
  return one === undefined || other === undefined ? {} : ({ [name]: join(one, other) } as Partial<Record<Name, F>>)
}
