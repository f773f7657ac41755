/** Evidence of the machine for the reporter to hand out: looked for, measured against the settings, and rationed. trust.md 4. */
import { Refusal } from '../../../shared/refusal.ts'
import type { AgentSettings } from '../config.ts'
import { aboutNobody, checkMeasured } from '../own-report.ts'
import type { EvidenceProvider } from '../provider.ts'
import { checkTsmThere } from '../tsm-there.ts'
import { tsmEvidence } from '../tsm.ts'
import { rationed } from './ration.ts'

export type Platform = {
  readonly provider: EvidenceProvider
  /** where to offer it */
  readonly socket: string
}

/** `text`: the settings file, to the byte. Refuses as long as nothing is offered. */
export async function platformOf({ evidence, role, limits }: AgentSettings, text: Uint8Array): Promise<Platform> {
  if (evidence.kind === 'simulated') {
    throw new Refusal('insecure-configuration', 'evidence.kind: simulated evidence needs no reporter')
  }
  const { kind, tsm: root, privlevel, reports, reporter: socket } = evidence
  checkTsmThere({ kind, root })
  const platform = tsmEvidence({ kind, root, privlevel })
  checkMeasured(text, await platform.evidence(aboutNobody(role)))
  const links = { atOnce: 2, waiting: limits.reportsAtOnce, perMinute: reports.links }
  const keys = { atOnce: 1, waiting: 2, perMinute: reports.keys }
  return { provider: rationed({ provider: platform, links, keys }), socket }
}
