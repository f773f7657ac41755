/** The naive pair: what a scenario must expose, or it proves nothing. */
import type { Subject } from '../pair/subject.ts'
import { naiveClient } from './client.ts'
import { naiveCvm } from './cvm.ts'
import { naiveGateway } from './gateway.ts'
import { naiveRelay } from './relay.ts'

export const naive: Subject = {
  name: 'naive',
  has: ['client', 'relay', 'gateway', 'cvm'],
  relay: naiveRelay,
  gateway: naiveGateway,
  cvm: naiveCvm,
  client: naiveClient,
  monitor: () => Promise.resolve([]),
}
