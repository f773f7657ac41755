/** A verdict in sentences. What nobody checked is said as plainly as what was. trust.md 3, 7 and 8. */
import type { Appraisal } from '../attestation/appraisal.ts'
import type { Placement, TrustRoot } from '../attestation/trust-root.ts'
import type { Attested } from './attested.ts'

export function verified(placement: Placement, attested: Attested | undefined): readonly string[] {
  const signed = "that the bundle is signed by the operator's publisher, current, and not older than one already seen"
  if (attested === undefined) return [signed]
  const { policy, witnesses, logs, cvms, chips, simulated } = attested
  const machines = `${count(cvms, 'CVM')} on ${count(chips, 'chip')}`
  const kind = simulated ? 'simulated evidence' : 'evidence of the hardware'
  return [
    signed,
    `that the policy (serial ${policy.serial}) is the current one, by the word of ${policy.signers.join(', ')}`,
    `that the policy is in the log ${logs.join(' or ')}, by the word of at least ${witnesses.quorum} of ${witnesses.operators.join(', ')}`,
    `${keysWords[placement]}, by ${kind}: ${machines}`,
    ...(simulated ? [] : ['that the image which runs there, with its settings, is in the log as a release']),
  ]
}

const keysWords: Readonly<Record<Placement, string>> = {
  front: '',
  inside: 'that the key which opens requests lives inside a CVM that the policy wants',
  sealed: 'that every key to which a request may be sealed lives inside a CVM that the policy wants',
}

export function notVerified(
  placement: Placement,
  { use, chips }: TrustRoot,
  appraisal: Appraisal | undefined,
): readonly string[] {
  const about = appraisal === undefined ? [operatorTrusted, sameForAll] : [...machines(appraisal), chipWords[chips]]
  return [
    ...about,
    ...(placement === 'sealed' ? [outerLayer] : []),
    noCollusion,
    ...(use === 'development' ? [development] : []),
  ]
}

/** What the judge left open, each word once however many machines it is said of. */
function machines({ keys }: Appraisal): readonly string[] {
  const open = [...new Set(keys.flatMap(({ verdict }) => verdict.notVerified))]
  return open.length === 0 ? [] : [`of the machines: ${open.join(', ')}`]
}

const operatorTrusted =
  'the confidential VM: its evidence is verified by the gateway, whose operator is trusted for that'
const sameForAll = 'that the key bundle is the same for everybody: no transparency log is consulted in this placement'
const outerLayer = "the outer key: it is the gateway's own and hides nothing but the choice of a CVM"
const noCollusion = 'that relay and gateway are run by operators who do not collude'
const development = 'anything about production: the trust root is a development root, evidence may be simulated'
const chipWords = {
  allowlist: 'that nobody has opened one of the chips which the policy names',
  log: 'which chips the machines have: those are only logged, not named by the policy',
  any: 'which chips the machines have: the trust root takes any',
} as const

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
