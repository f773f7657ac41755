/** The settings of the replay store, and what must hold among them. wire.md "Replay". */
import { databaseFile } from '../shared/config/file-kinds.ts'
import { count, word } from '../shared/config/kinds.ts'
import { optional, type Settings } from '../shared/config/rows.ts'
import { when, type Rule } from '../shared/config/rules.ts'
import { storeRulesAt, valkeyRows } from '../shared/config/shared-store.ts'

export const storeRows = {
  kind: {
    kind: word(['memory', 'sqlite', 'valkey']),
    default: 'memory',
    says: 'where it is remembered which requests came: in this process, in a file that the processes of one machine share, or in a Valkey or Redis that replicas on several machines share',
  },
  file: { kind: databaseFile, absent: 'none', says: 'the file of sqlite' },
  valkey: optional('no server', valkeyRows),
  claims: {
    kind: count({ least: 10, most: 100_000_000 }),
    default: 1_000_000,
    says: 'requests remembered; a tenth for those without Date; full means refused',
  },
} as const

type Stored = {
  readonly store: Settings<typeof storeRows>
  readonly keys: { readonly file?: string | undefined; readonly from?: string | undefined }
}

export const storeRules: readonly Rule<Stored>[] = [
  {
    at: ({ keys: { file, from }, store: { kind } }) =>
      when((file ?? from) !== undefined && kind === 'memory', 'store.kind'),
    wrong: 'keys that survive a restart need a store that does: otherwise every request could be replayed after it',
    remedy: 'set store.kind: sqlite with a store.file, or valkey, or remove keys.file',
  },
  ...storeRulesAt<Stored>('store', ({ store }) => store),
]
