/** One place from which the bundle is looked at, as a client would: the client's own fetch and the client's own judgement. */
import { readBundleFields } from '../../attestation/bundle-fields.ts'
import { maxBundle, type AttestedBundle } from '../../attestation/bundle.ts'
import type { Placement, TrustRoot } from '../../attestation/trust-root.ts'
import type { ClientHpke } from '../../hpke/context.ts'
import { Refusal } from '../../refusal.ts'
import { noteLimits, parseNote } from '../../tlog/note.ts'
import { readText } from '../../tlog/signed-text.ts'
import { checked, fetchBundle, usableKey } from '../bundle.ts'
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
  readonly shown?: Shown
  /** signed and current, but refused since nobody here judges its evidence */
  readonly unjudged?: AttestedBundle
  readonly alarms: readonly Alarm[]
}

export type Looking = {
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
  const { root, hpke } = looking
  try {
    const verified = await checked(note, root, 0, looking)
    usableKey(verified.bundle, hpke)
    return { at, shown: { at, note, ...verified }, alarms: [] }
  } catch (cause) {
    // The last of the checks: everything else held.
    const evidence = cause instanceof ObliviousError && refusalOf(cause)?.code === 'evidence-refused'
    if (!evidence) throw cause
    const bundle = readBundleFields(readText('bundle', parseNote(note, { ...noteLimits, bytes: maxBundle }).text))
    return { at, alarms: [alarmOf(at, cause)], ...(bundle.placement === 'front' ? {} : { unjudged: bundle }) }
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
