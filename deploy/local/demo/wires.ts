/** The pair with a recorder on each of its wires, for one piece of work; then what the recorders hold. */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { NetConnectOpts } from 'node:net'
import { join } from 'node:path'
import type { Placement } from '../../../shared/attestation/trust-root.ts'
import { startPair, type Address, type Pair, type PairOptions, type Wire } from '../pair/pair.ts'
import { createRecorder, type Recorder, type Recording } from '../seen/recorder.ts'
import { readKeyLog } from '../seen/tls-log.ts'
import { witness, type Observation } from '../seen/witness.ts'

export type Watched<T> = {
  readonly result: T
  /** what the relay knows the client by, and nobody else may */
  readonly client: string
  readonly observations: readonly Observation[]
}

export type WatchOptions = Pick<PairOptions, 'placement' | 'profile' | 'upstream' | 'pace' | 'progress' | 'keep'>

/** The pair is ended before this resolves, so that the recording is complete. */
export async function withWires<T>(options: WatchOptions, work: (pair: Pair) => Promise<T>): Promise<Watched<T>> {
  const source = ownSource()
  const recorders = new Map<Wire, Recorder>()
  const tlsKeyLog = (folder: string): string => join(folder, secrets)
  const onWire = async <A extends Address>(wire: Wire, to: A): Promise<A> => {
    const { recorder, instead } = await tap(to, wire === 'relay' ? source : undefined)
    recorders.set(wire, recorder)
    return instead
  }
  const pair = await startPair({ ...options, tlsKeyLog, onWire })
  try {
    const died = pair.broken.then((why) => Promise.reject(new Error(why)))
    const result = await Promise.race([work(pair), died])
    await Promise.all(pair.services.map((service) => service.stop()))
    return {
      result,
      ...seen(recorders, readFileSync(join(pair.folder, secrets), 'utf8'), { source, placement: pair.placement }),
    }
  } finally {
    for (const recorder of recorders.values()) recorder.close()
    await pair.stop()
    if (options.keep === true) options.progress?.(`kept: ${pair.folder}`)
  }
}

const secrets = 'tls-secrets.log'

/**
 * On Linux all of 127/8 is this machine: an address that nobody else uses makes the client recognisable.
 * Elsewhere only its port is its own.
 */
function ownSource(): string | undefined {
  if (process.platform !== 'linux') return undefined
  return `127.${randomInt(16, 255)}.${randomInt(16, 255)}.${randomInt(16, 255)}`
}

async function tap<A extends Address>(
  to: A,
  localAddress: string | undefined,
): Promise<{ recorder: Recorder; instead: A }> {
  if ('path' in to) {
    const path = `${to.path}.wire`
    return { recorder: await createRecorder({ to: () => ({ path: to.path }), path }), instead: { ...to, path } }
  }
  const far: NetConnectOpts = { host: to.host, port: to.port, ...(localAddress === undefined ? {} : { localAddress }) }
  const recorder = await createRecorder({ to: () => far })
  return { recorder, instead: { ...to, port: recorder.port } }
}

function seen(
  recorders: ReadonlyMap<Wire, Recorder>,
  log: string,
  { source, placement }: { readonly source: string | undefined; readonly placement: Placement },
): Omit<Watched<never>, 'result'> {
  const recorded = (wire: Wire): Recording[] => recorders.get(wire)?.recordings() ?? []
  // There the CVM is the gateway: what comes to either is received by one process.
  const inside = placement === 'inside'
  const cvm = inside ? [...recorded('gateway'), ...recorded('cvm')] : recorded('cvm')
  const gateway = inside ? {} : { gateway: recorded('gateway') }
  const wires = { relay: recorded('relay'), ...gateway, cvm, app: recorded('app') }
  const observations = witness(wires, readKeyLog(log))
  return { observations, client: source ?? observations.find(({ party }) => party === 'relay')?.peers[0] ?? '' }
}
