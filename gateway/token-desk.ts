/** The gate of a gateway from its settings: issuer keys from files, spent tokens in the store that remembers requests. */
import { gateKeys } from '../shared/config/tokens.ts'
import { createGate } from '../shared/privacy-pass/gate.ts'
import { blindRsaVerifier } from '../shared/privacy-pass/rsa.ts'
import { voprfVerifier } from '../shared/privacy-pass/voprf.ts'
import { createLedger } from '../shared/store/ledger.ts'
import type { Store } from '../shared/store/store.ts'
import type { GatewaySettings } from './config.ts'
import { secretText } from './key-store.ts'
import type { Turnstile } from './oblivious.ts'
import { turnstile } from './tokens.ts'

export type TokenDesk = {
  readonly turnstile: Turnstile
  /** a key is in force and the store does its work */
  readonly works: () => boolean
  /** Tries a store that failed; for a timer. */
  readonly probe: () => Promise<void>
}

export type DeskWorld = {
  readonly claims: Store
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
  readonly file: (name: string) => Buffer
  readonly path: (name: string) => string
}

/** Keys of type 2 come first: a token of type 1 takes milliseconds to check, one of type 2 some hundredths of one. */
export function openTokenDesk(settings: NonNullable<GatewaySettings['tokens']>, world: DeskWorld): TokenDesk {
  const { issuer, origins, keys, secretKeys } = settings
  const { claims, now, random, file } = world
  const ledger = createLedger({ claims, now, random })
  const all = [
    ...gateKeys('tokens.keys', keys ?? [], (name) => file(name).toString('utf8'), blindRsaVerifier),
    ...gateKeys('tokens.secretKeys', secretKeys ?? [], (name) => secretText(name, world), voprfVerifier),
  ]
  const gate = createGate({ issuer, origins, keys: all, spend: ledger.spend, now })
  return {
    turnstile: turnstile(gate),
    works: () => ledger.works() && gate.challenge() !== undefined,
    probe: () => ledger.probe(),
  }
}
