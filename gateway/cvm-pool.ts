/** The pool of attested connections as this gateway's settings want it: who judges, by what policy, and what is told. */
import { judge } from '../shared/attestation/judge.ts'
import type { TrustRoot } from '../shared/attestation/trust-root.ts'
import type { CvmSettings } from './cvm-settings.ts'
import type { PolicyInForce } from './policy-in-force.ts'
import { createCvmPool, type CvmPool } from './target.ts'
import type { GatewayLog } from './vocabulary.ts'

export type CvmWorld = {
  readonly now: () => number
  readonly file: (name: string) => Buffer
  readonly log: GatewayLog
  readonly trust: TrustRoot
  readonly inForce: PolicyInForce
}

/** `at`: which one of the CVMs in the settings, from 1. */
export function cvmPool(settings: CvmSettings, at: number, { now, file, log, trust, inForce }: CvmWorld): CvmPool {
  const { host, port, role, connections, maxAge, identity, allowSimulated, firstByte } = settings
  return createCvmPool({
    origin: { host, port },
    role,
    connections,
    ...(maxAge === undefined ? {} : { maxAge }),
    clientTls: identity && { key: file(identity.key).toString('utf8'), cert: file(identity.cert).toString('utf8') },
    judge: async (evidence, reportData) => {
      const { policy: wanted, notAfter } = inForce.wanted(role)
      const policy = { ...wanted, allowSimulated }
      const verdict = await judge({ evidence, expected: { reportData }, policy, trust, now: now() })
      return { ...verdict, notAfter: Math.min(verdict.notAfter, notAfter) }
    },
    limits: { firstByte },
    now,
    report: (news) => {
      if (news.event === 'not-attested') log('warn', 'not-attested', { cvm: at, why: news.code })
      else
        log('info', 'attested', { cvm: at, simulated: news.simulated, measurement: `measurement:${news.measurement}` })
    },
  })
}
