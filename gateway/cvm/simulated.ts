/**
 * Simulated evidence for development: the platform lives in a file of the run's temporary folder and is read for every
 * report, so that taking the file away withdraws the evidence. trust.md 7; the format's judge: shared/attestation.
 */
import { readFile } from 'node:fs/promises'
import { base64, type Bytes, fromHex, hex } from '../../shared/bytes.ts'
import {
  createSimulatedPlatform,
  measurementLength,
  type SimulatedPlatformOptions,
} from '../../shared/attestation/simulated.ts'
import { reportData } from '../../shared/attestation/report-data.ts'
import { Refusal } from '../../shared/refusal.ts'
import { at, bytesOf, digestOf, fieldsOf, textOf } from '../../shared/tlog/json-fields.ts'
import { parseStrictJson } from '../../shared/tlog/strict-json.ts'
import type { EvidenceProvider } from './provider.ts'

export type SimulatedOptions = {
  /** Path of a file that `writePlatform` made. */
  readonly platform: string
  /** milliseconds that a report is good for */
  readonly life: number
  readonly now?: () => number
}

export function simulatedEvidence({ platform, life, now = Date.now }: SimulatedOptions): EvidenceProvider {
  return {
    kind: 'simulated',
    async evidence(binding) {
      const machine = await createSimulatedPlatform(readPlatform(await textIn(platform)))
      return machine.evidence({ reportData: reportData(binding), notAfter: now() + life })
    },
  }
}

/** What the file holds; whoever sets up a local pair writes it. */
export function writePlatform({ platformSeed, endorsement, measurement, role }: SimulatedPlatformOptions): string {
  const fields = { platformSeed: base64(platformSeed), endorsement: base64(endorsement), measurement: hex(measurement) }
  return JSON.stringify({ ...fields, role })
}

function readPlatform(text: string): SimulatedPlatformOptions & { platformSeed: Bytes } {
  const { platformSeed, endorsement, measurement, role } = fieldsOf(at(parseStrictJson(text), 'platform'), [
    'platformSeed',
    'endorsement',
    'measurement',
    'role',
  ])
  return {
    platformSeed: bytesOf(platformSeed),
    endorsement: bytesOf(endorsement),
    measurement: fromHex(digestOf(measurement, measurementLength)),
    role: textOf(role),
  }
}

async function textIn(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new Refusal('evidence-unavailable', 'the simulated platform is gone', { cause })
  }
}
