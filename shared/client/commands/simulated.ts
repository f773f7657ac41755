/** Leave to take simulated evidence, as it is given to a command: for a deployment on this machine and nothing else. trust.md 7. */
import type { AllowSimulated } from '../../attestation/policy.ts'
import { measurementLength } from '../../attestation/simulated.ts'
import { Refusal } from '../../refusal.ts'
import { at, digestOf, fieldsOf } from '../../tlog/json-fields.ts'
import { parseStrictJson } from '../../tlog/strict-json.ts'
import { isLoopback } from '../../upstream/loopback.ts'
import { UsageError, type World } from './command.ts'
import { readText } from './read.ts'

export const simulatedOption = { 'allow-simulated': { type: 'string' } } as const

export const simulatedHelp = `  --allow-simulated FILE  take simulated evidence of this root and measurement, {"rootSha256", "measurement"}; only under
                          a development root, and only from this machine`

/** `peers`: whom the command talks to. */
export async function simulatedBy(
  path: string | undefined,
  peers: readonly URL[],
  world: World,
): Promise<AllowSimulated | undefined> {
  if (path === undefined) return undefined
  if (!peers.every(({ hostname }) => isLoopback(hostname))) {
    throw new UsageError('--allow-simulated: simulated evidence is taken from loopback addresses only')
  }
  return allowedBy(await readText('allow-simulated', path, world))
}

function allowedBy(text: string): AllowSimulated {
  try {
    const { rootSha256, measurement } = fieldsOf(at(parseStrictJson(text), 'file'), ['rootSha256', 'measurement'])
    return { rootSha256: digestOf(rootSha256), measurement: digestOf(measurement, measurementLength) }
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new UsageError(`--allow-simulated: ${cause.message}`, { cause })
  }
}
