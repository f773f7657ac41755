/** The store of one gateway from its settings: which requests came is remembered here, or where its replicas look too. */
import { serverOf } from '../shared/config/shared-store.ts'
import { tokenShare } from '../shared/store/ledger.ts'
import { createMemoryStore } from '../shared/store/memory.ts'
import { createSqliteStore } from '../shared/store/sqlite.ts'
import type { Store, StoreState } from '../shared/store/store.ts'
import { createValkeyStore } from '../shared/store/valkey.ts'
import type { GatewaySettings } from './config.ts'
import { replayShares } from './replay.ts'
import type { GatewayLog } from './vocabulary.ts'

type World = {
  readonly now: () => number
  readonly path: (name: string) => string
  readonly file: (name: string) => Buffer
  readonly log: GatewayLog
}

export function replayStore({ store: { file, valkey, claims }, tokens }: GatewaySettings, world: World): Store {
  const { now, path, log } = world
  const told = (state: StoreState): void => log(state === 'works' ? 'info' : 'warn', 'store', { state })
  // Also where no tokens are asked for (any more): a file may still hold some that were spent.
  const shares = { ...replayShares(claims), [tokenShare]: tokens?.claims ?? 0 }
  if (valkey !== undefined) return createValkeyStore({ ...serverOf(valkey, world.file), shares, told, now })
  return file === undefined ? createMemoryStore({ shares, now }) : createSqliteStore({ file: path(file), shares, now })
}
