/** The naive pair: what a scenario must expose, or it proves nothing. */
import type { Question } from '../../../shared/attestation/verdict.ts'
import type { Subject } from '../pair/subject.ts'
import { naiveClient } from './client.ts'
import { naiveCvm } from './cvm.ts'
import { naiveGateway } from './gateway.ts'
import { naiveRelay } from './relay.ts'
import { naiveWallet } from './tokens.ts'

export const naive: Subject = {
  name: 'naive',
  has: ['client', 'relay', 'gateway', 'cvm'],
  relay: naiveRelay,
  gateway: naiveGateway,
  cvm: naiveCvm,
  client: naiveClient,
  wallet: naiveWallet,
  judge: reads,
  monitor: () => Promise.resolve([]),
}

/** "It is signed, and it says what we asked": by whom, and what else it says, is not looked at. */
function reads({ evidence: { report }, expected }: Question): Promise<void> {
  const says = Buffer.from(report).includes(expected.reportData)
  return says ? Promise.resolve() : Promise.reject(new Error('another question'))
}
