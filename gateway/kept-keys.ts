/** Keys from the settings: turned here or followed; and what is forgotten with them. trust.md 1. */
import { kems, type Kem } from '../shared/hpke/suites.ts'
import type { Store } from '../shared/store/store.ts'
import type { GatewaySettings } from './config.ts'
import { createFileKeyStore, readRing, secretText } from './key-store.ts'
import { createLiveKeys, followKeys, type KeyChange, type LiveKeys } from './live-keys.ts'
import { datelessQuota } from './replay.ts'
import type { GatewayLog } from './vocabulary.ts'

export type Surroundings = {
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
  /** where a file that the settings name is */
  readonly path: (name: string) => string
  readonly file: (name: string) => Buffer
  readonly log: GatewayLog
}

export function liveKeys({ keys }: GatewaySettings, { now, path, file, random }: Surroundings): LiveKeys {
  const { from } = keys
  if (from !== undefined) return followKeys(() => readRing(secretText(from, { path, file })), now)
  const store = keys.file === undefined ? undefined : createFileKeyStore(path(keys.file))
  return createLiveKeys({ kems: offered(keys), rotation: keys, store, random, now })
}

/** The KEMs of the settings, in their order. */
export function offered({ kems: names }: Pick<GatewaySettings['keys'], 'kems'>): readonly Kem[] {
  return names.flatMap((name) => kems.find((kem) => kem.name === name) ?? [])
}

/**
 * Nothing can be replayed under a key whose time is over for everybody; and an id that comes back begins with a clean page. A
 * key that was revoked may open at another process for one more look at the file, so what it claimed stays until then.
 */
export async function turnWith(keys: Pick<LiveKeys, 'turn'>, claims: Store, log: GatewayLog): Promise<void> {
  await noted(keys.turn(), claims, log)
}

/** `event`: whether a clock did it, or an operator, who is told even if no key had to be made for it. */
export async function noted(
  { created, destroyed, ended }: KeyChange,
  claims: Store,
  log: GatewayLog,
  event: KeyEvent = 'keys-turned',
): Promise<void> {
  for (const keyId of [...ended, ...created]) await claims.forget(datelessQuota(keyId))
  if (event === 'keys-turned' && created.length + destroyed.length === 0) return
  log('info', event, { created: created.length, destroyed: destroyed.length })
}

export type KeyEvent = 'keys-turned' | 'keys-rotated' | 'keys-revoked'
