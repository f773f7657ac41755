/**
 * The CVMs that a request of placement `sealed` can be sealed to. The client chooses, at random and once per request, so
 * that nobody else decides which machine reads whom. trust.md 3 and 5.
 */
import type { VerifiedBundle } from '../attestation/bundle.ts'
import { keyResources } from '../attestation/key-evidence.ts'
import type { ClientHpke } from '../hpke/context.ts'
import { parseKeyConfig, selectKey, type Selection } from '../ohttp/key-config.ts'
import { Refusal } from '../refusal.ts'
import { ObliviousError } from './errors.ts'

export type SealingCvm = {
  /** names its key, and so the machine in whose memory that key lives */
  readonly id: string
  readonly key: Selection
}

/** Where an inner message goes: a name that nobody looks up. */
export function addressOf({ id }: Pick<SealingCvm, 'id'>): URL {
  return new URL(keyResources.sealed, `https://${id}.cvm.invalid`)
}

/**
 * Appraised keys of one KEM: the one that most machines have, so that a list in which a single machine offers another
 * does not choose for us. Empty in placements without inner keys.
 */
export function sealingCvms({ bundle, appraisal }: VerifiedBundle, hpke: ClientHpke): readonly SealingCvm[] {
  if (bundle.placement !== 'sealed' || appraisal === undefined) return []
  const usable = appraisal.keys.flatMap(({ id, keyConfig }) => usableOf(id, keyConfig, hpke))
  const byKem = [...Map.groupBy(usable, ({ key }) => key.config.kem.id).values()]
  const [first, ...others] = byKem
  if (first === undefined) throw new ObliviousError('key-unusable')
  return others.reduce((most, group) => (group.length > most.length ? group : most), first)
}

/** `random`: from 0 up to 1. Nothing where there is none besides `not`. */
export function chosen(cvms: readonly SealingCvm[], random: () => number, not?: SealingCvm): SealingCvm | undefined {
  const others = cvms.filter(({ id }) => id !== not?.id)
  return others[Math.floor(random() * others.length)]
}

function usableOf(id: string, keyConfig: Uint8Array, hpke: ClientHpke): SealingCvm[] {
  try {
    return [{ id, key: selectKey([parseKeyConfig(keyConfig)], (kem, suite) => hpke.supports(kem, suite)) }]
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    if (cause.code === 'unsupported-suite') return []
    throw new ObliviousError('evidence-refused', { cause })
  }
}
