/** Where the agent takes its evidence from, once its settings are known to be those that were measured. trust.md 4, 7. */
import { readFileSync } from 'node:fs'
import type { Log } from '../../shared/observability/log.ts'
import { Refusal } from '../../shared/refusal.ts'
import { endorsed } from './endorsements/stock.ts'
import type { EvidenceSettings } from './evidence-settings.ts'
import { aboutNobody, checkMeasured } from './own-report.ts'
import type { EvidenceProvider } from './provider.ts'
import { reporterEvidence } from './reporter/client.ts'
import { simulatedEvidence } from './simulated.ts'
import type { AgentEvents } from './vocabulary.ts'

export type AgentEvidenceOptions = {
  readonly evidence: EvidenceSettings
  readonly role: string
  /** the settings file, to the byte */
  readonly text: Uint8Array
  readonly log: Log<AgentEvents>
  /** who runs this process; undefined where systems have no such thing */
  readonly user?: number | undefined
}

/**
 * Through the reporter, with all that a judge wants beside a report. Refuses before anything is served: no reporter,
 * settings that were not measured, a certificate or list that is not to be had.
 */
export async function agentEvidence({
  evidence,
  role,
  text,
  log,
  user = process.getuid?.(),
}: AgentEvidenceOptions): Promise<EvidenceProvider> {
  if (evidence.kind === 'simulated') return simulatedEvidence(evidence)
  if (user === 0) {
    throw new Refusal(
      'insecure-configuration',
      'the agent runs as root: start it as the user who owns its socket folder',
    )
  }
  const reporter = reporterEvidence({ kind: evidence.kind, socket: evidence.reporter })
  const own = await reporter.evidence(aboutNobody(role))
  checkMeasured(text, own)
  const { from, ca, refresh } = evidence.endorsements
  return endorsed(reporter, own, {
    from,
    refresh,
    ca: ca === null ? undefined : readFileSync(ca, 'utf8'),
    tell: (state) => log(state === 'fresh' ? 'info' : 'warn', 'endorsements', { state }),
  })
}
