/** One place from which the bundle is looked at, as a client would: the client's own fetch and the client's own judgement. */
import type { Appraisal } from '../../attestation/appraisal.ts'
import { signedBundle, type BundleQuestion } from '../../attestation/bundle.ts'
import type { Placement, TrustRoot } from '../../attestation/trust-root.ts'
import type { ClientHpke } from '../../hpke/context.ts'
import { Refusal } from '../../refusal.ts'
import { checked, fetchBundle, usableKey } from '../bundle.ts'
import { sealingCvms } from '../cvms.ts'
import { ObliviousError } from '../errors.ts'
import type { Transport } from '../transport.ts'
import type { Alarm } from './alarms.ts'
import type { Shown } from './bundles.ts'

export type Vantage = {
  /** a relay's resource, or the gateway itself */
  readonly url: URL
  readonly transport: Transport
}

export type View = {
  readonly at: string
  /** what the publisher signed for this placement; whether a client takes it is among the alarms */
  readonly shown?: Shown
  /** of a bundle of `inside` or `sealed` that a client takes */
  readonly appraisal?: Appraisal | undefined
  readonly alarms: readonly Alarm[]
}

export type Looking = Pick<BundleQuestion, 'allowSimulated' | 'proven'> & {
  readonly root: TrustRoot
  readonly placement: Placement
  readonly hpke: ClientHpke
  readonly now: () => number
}

/** Failures that say nothing about the bundle, because there was none. */
const silences = ['relay-unreachable', 'relay-redirected', 'relay-unexpected', 'bundle-unavailable', 'rate-limited']

export async function look({ url, transport }: Vantage, looking: Looking): Promise<View> {
  const at = url.href
  try {
    const note = await fetchBundle({ transport, relay: url })
    return await judge(at, note, looking)
  } catch (cause) {
    if (!(cause instanceof ObliviousError)) throw cause
    return { at, alarms: [alarmOf(at, cause)] }
  }
}

async function judge(at: string, note: string, looking: Looking): Promise<View> {
  try {
    const whole = await checked(note, looking.root, 0, looking)
    const { appraisal, ...verified } = whole
    usableKey(verified.bundle, looking.hpke)
    sealingCvms(whole, looking.hpke)
    return { at, shown: { at, note, ...verified }, appraisal, alarms: [] }
  } catch (cause) {
    if (!(cause instanceof ObliviousError)) throw cause
    return { at, ...(await signedAlone(at, note, looking)), alarms: [alarmOf(at, cause)] }
  }
}

/** What the publisher signed is looked into even if no client takes it: one signed word can be held against another. */
async function signedAlone(at: string, note: string, { root, placement }: Looking): Promise<Pick<View, 'shown'>> {
  try {
    const signed = await signedBundle({ note, root })
    return signed.bundle.placement === placement ? { shown: { at, note, ...signed } } : {}
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return {}
  }
}

function alarmOf(about: string, error: ObliviousError): Alarm {
  const refusal = refusalOf(error)
  const word = refusal?.code ?? (error.cause instanceof Error ? error.cause.message : undefined)
  const status = error.status === undefined ? '' : `, status ${error.status}`
  const detail = `${error.code}${word === undefined ? '' : `, ${word}`}${status}`
  return { code: silences.includes(error.code) ? 'vantage-silent' : 'bundle-refused', about, detail }
}

function refusalOf({ cause }: ObliviousError): Refusal | undefined {
  return cause instanceof Refusal ? cause : undefined
}
