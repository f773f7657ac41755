/** att: makes evidence, with the platform of this run or with one of its own. It knows the layouts and no real key. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Evidence } from '../../../shared/attestation/evidence.ts'
import {
  createSimulatedPlatform,
  createSimulatedRoot,
  measurementLength,
} from '../../../shared/attestation/simulated.ts'
import { fromBase64, fromHex, type Bytes } from '../../../shared/bytes.ts'
import type { Stage } from '../frame/stage.ts'

export type Forgery = {
  /** what the report speaks of */
  readonly reportData: Bytes
  readonly measurement?: Bytes
  readonly role?: string
  readonly notAfter?: number
}

export type Forger = (forgery: Forgery) => Promise<Evidence>

const soon = (): number => Date.now() + 600_000

/** The machine of this run: its reports are genuine, whatever they are made to say. */
export function genuine({ people }: Pick<Stage, 'people'>): Forger {
  const given = JSON.parse(readFileSync(people.file('cvm', 'platform.json'), 'utf8')) as Record<string, string>
  const [platformSeed, endorsement] = [fromBase64(given['platformSeed'] ?? ''), fromBase64(given['endorsement'] ?? '')]
  return machine({ platformSeed, endorsement, measurement: fromHex(given['measurement'] ?? ''), role: people.role })
}

/** A machine that runs what this run's does, endorsed by a root that nobody but the attacker trusts. */
export async function upstart({ people }: Pick<Stage, 'people'>): Promise<Forger> {
  const platformSeed = randomBytes(32)
  const root = await createSimulatedRoot(randomBytes(32))
  const endorsement = await root.endorse({ platformSeed, notAfter: Date.now() + 3_600_000 })
  const measurement = fromHex(people.allowSimulated.measurement)
  return machine({ platformSeed, endorsement, measurement, role: people.role })
}

type Machine = Parameters<typeof createSimulatedPlatform>[0]

function machine(own: Machine): Forger {
  return async ({ reportData, measurement = own.measurement, role = own.role, notAfter = soon() }) => {
    const platform = await createSimulatedPlatform({ ...own, measurement, role })
    return platform.evidence({ reportData, notAfter })
  }
}

/** A measurement of nothing that anybody released. */
export const unreleased: Bytes = new Uint8Array(measurementLength).fill(0x66)
