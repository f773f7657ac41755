/** How a gateway may be started: what others must not reach into; and a recording of its TLS, which is for one machine. */
import { checkLaunch } from '../shared/launch/launch.ts'
import type { Launch } from '../shared/launch/place.ts'
import { Refusal } from '../shared/refusal.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'

export type Started = {
  readonly listen: { readonly host: string }
  readonly cvm?: Simulating | undefined
  readonly cvms?: readonly Simulating[] | undefined
}
type Simulating = { readonly allowSimulated?: object | undefined }

/**
 * `recorded`: Node's `--tls-keylog` is wanted, for a demonstration of simulated evidence on loopback. Refuses
 * `unsafe-environment`, or `insecure-configuration` where a recording would be one of other people.
 */
export function checkStart({ listen, cvm, cvms = [] }: Started, launch: Launch, recorded: boolean): void {
  const place = isLoopback(listen.host) ? 'loopback' : 'public'
  const all = cvm === undefined ? cvms : [cvm]
  const simulated = all.length > 0 && all.every(({ allowSimulated }) => allowSimulated !== undefined)
  if (recorded && (place !== 'loopback' || !simulated)) {
    throw new Refusal(
      'insecure-configuration',
      '--recorded is for development: listen.host must be loopback and cvm.allowSimulated set; leave --recorded out',
    )
  }
  checkLaunch(launch, place, { recorded })
}
