/** The store of one gateway from its settings: which requests came is remembered here, or where its replicas look too. */
import { tokenShare } from '../shared/store/ledger.ts'
import { createMemoryStore } from '../shared/store/memory.ts'
import { createSqliteStore } from '../shared/store/sqlite.ts'
import type { Store, StoreState } from '../shared/store/store.ts'
import { createValkeyStore } from '../shared/store/valkey.ts'
import type { GatewaySettings } from './config.ts'
import { replayShares } from './replay.ts'
import { passwordOf } from './store-settings.ts'
import type { GatewayLog } from './vocabulary.ts'

type World = {
  readonly now: () => number
  readonly path: (name: string) => string
  readonly file: (name: string) => Buffer
  readonly log: GatewayLog
}

type Remote = NonNullable<GatewaySettings['store']['valkey']>

export function replayStore({ store: { file, valkey, claims }, tokens }: GatewaySettings, world: World): Store {
  const { now, path } = world
  // Also where no tokens are asked for (any more): a file may still hold some that were spent.
  const shares = { ...replayShares(claims), [tokenShare]: tokens?.claims ?? 0 }
  if (valkey !== undefined) return createValkeyStore({ ...remote(valkey, world), shares, now })
  return file === undefined ? createMemoryStore({ shares, now }) : createSqliteStore({ file: path(file), shares, now })
}

function remote({ host, port, cluster, username, prefix, timeout, ...secrets }: Remote, { file, log }: World) {
  const { tls, ca, identity, password } = secrets
  const shown = identity === undefined ? {} : { key: file(identity.key), cert: file(identity.cert) }
  return {
    ...{ host, port, cluster, username, prefix, timeout },
    password: password === undefined ? undefined : passwordOf(file(password)),
    tls: tls ? { ...shown, ca: ca === undefined ? undefined : file(ca) } : undefined,
    told: (state: StoreState) => log(state === 'works' ? 'info' : 'warn', 'store', { state }),
  }
}
