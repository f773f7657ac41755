/** Every scenario, in the order of the catalogue. privacy.md 3.1-3.7. */
import { groupOf, groups, type Scenario } from '../frame/scenario.ts'
import { floodScenarios } from './client/floods.ts'
import { noteScenarios } from './client/notes.ts'
import { oracleScenarios } from './client/oracles.ts'
import { targetScenarios } from './client/targets.ts'
import { insideScenarios } from './gateway/inside.ts'
import { keyTagScenarios } from './gateway/keys.ts'
import { judgedScenarios } from './host/judged.ts'
import { linkScenarios } from './host/links.ts'
import { machineScenarios } from './host/machine.ts'
import { recordScenarios } from './host/records.ts'
import { sealedScenarios } from './sealed/exchange.ts'
import { octetScenarios } from './network/octets.ts'
import { networkTagScenarios } from './network/tags.ts'
import { tlsScenarios } from './network/tls.ts'
import { joinScenarios } from './passive/joins.ts'
import { sizeScenarios } from './passive/sizes.ts'
import { timeScenarios } from './passive/times.ts'
import { batchScenarios } from './shaped/batches.ts'
import { cellScenarios } from './shaped/cells.ts'
import { shapedTimeScenarios } from './shaped/times.ts'
import { crowdScenarios } from './supply/crowds.ts'
import { logScenarios } from './supply/logs.ts'
import { buyingScenarios } from './tokens/buying.ts'
import { spendingScenarios } from './tokens/spending.ts'
import { markScenarios } from './gateway/marks.ts'
import { answerScenarios } from './relay/answers.ts'
import { keyScenarios } from './relay/keys.ts'
import { mirrorScenarios } from './relay/mirrors.ts'
import { replayScenarios } from './relay/replay.ts'
import { tagScenarios } from './relay/tags.ts'

const order = Object.keys(groups)

export const scenarios: readonly Scenario[] = [
  ...replayScenarios,
  ...tagScenarios,
  ...keyScenarios,
  ...answerScenarios,
  ...mirrorScenarios,
  ...keyTagScenarios,
  ...insideScenarios,
  ...targetScenarios,
  ...oracleScenarios,
  ...noteScenarios,
  ...floodScenarios,
  ...networkTagScenarios,
  ...octetScenarios,
  ...tlsScenarios,
  ...linkScenarios,
  ...judgedScenarios,
  ...machineScenarios,
  ...recordScenarios,
  ...sealedScenarios,
  ...logScenarios,
  ...crowdScenarios,
  ...spendingScenarios,
  ...buyingScenarios,
  ...markScenarios,
  ...sizeScenarios,
  ...joinScenarios,
  ...timeScenarios,
  ...shapedTimeScenarios,
  ...batchScenarios,
  ...cellScenarios,
].sort((one, other) => rank(one) - rank(other))

function rank({ id }: Scenario): number {
  return order.indexOf(groupOf({ id })) * 100 + Number(id.slice(1))
}
