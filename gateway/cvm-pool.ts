/** The pool of attested connections as this gateway's settings want it: who judges, by what policy, and what is told. */
import { judge } from '../shared/attestation/judge.ts'
import type { TrustRoot } from '../shared/attestation/trust-root.ts'
import type { CvmSettings } from './config.ts'
import { createCvmPool, type CvmPool } from './target.ts'
import type { GatewayLog } from './vocabulary.ts'

type World = { readonly now: () => number; readonly file: (name: string) => Buffer; readonly log: GatewayLog }

export function cvmPool(settings: CvmSettings, trust: TrustRoot, { now, file, log }: World): CvmPool {
  const { host, port, role, connections, maxAge, identity, allowSimulated, firstByte } = settings
  const policy = { role, allowSimulated }
  return createCvmPool({
    origin: { host, port },
    role,
    connections,
    ...(maxAge === undefined ? {} : { maxAge }),
    clientTls: identity && { key: file(identity.key).toString('utf8'), cert: file(identity.cert).toString('utf8') },
    judge: (evidence, reportData) => judge({ evidence, expected: { reportData }, policy, trust, now: now() }),
    limits: { firstByte },
    now,
    report: (news) => {
      if (news.event === 'attested') log('info', 'attested', { simulated: news.simulated })
      else log('warn', 'not-attested', { why: news.code })
    },
  })
}
