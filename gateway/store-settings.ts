/** The settings of the replay store, and what must hold among them. wire.md "Replay". */
import { databaseFile, holding, secretFile } from '../shared/config/file-kinds.ts'
import { count, duration, host, line, port, text, word, yes } from '../shared/config/kinds.ts'
import { optional, type Settings } from '../shared/config/rows.ts'
import { when, type Rule } from '../shared/config/rules.ts'
import { authorityFile, certificateFile, privateKeyFile } from '../shared/config/pem-files.ts'
import { Refusal } from '../shared/refusal.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'

const passwordFile = holding(secretFile, {
  what: 'a file with a password',
  reads: passwordOf,
  remedy: 'write the password into it, on one line with nothing else',
})

/** Refuses `bad-encoding`. */
export function passwordOf(bytes: Buffer): string {
  const [password = '', ...more] = bytes.toString('utf8').trimEnd().split('\n')
  if (password !== '' && more.length === 0) return password
  throw new Refusal('bad-encoding', 'it is not one line')
}

export const storeRows = {
  kind: {
    kind: word(['memory', 'sqlite', 'valkey']),
    default: 'memory',
    says: 'where it is remembered which requests came: in this process, in a file that the processes of one machine share, or in a Valkey or Redis that replicas on several machines share',
  },
  file: { kind: databaseFile, absent: 'none', says: 'the file of sqlite' },
  valkey: optional('no server', {
    host: { kind: host, example: 'valkey.example', says: 'its address' },
    port: { kind: port, default: 6379, says: 'its port' },
    tls: { kind: yes, default: true, says: 'false: plaintext, to a server on loopback only' },
    ca: { kind: authorityFile, absent: 'public roots', says: 'PEM file; if set, only these certify the server' },
    identity: optional('none', {
      key: { kind: privateKeyFile, example: 'to-valkey.key', says: 'PEM file with the private key of the certificate' },
      cert: {
        kind: certificateFile,
        example: 'to-valkey.pem',
        says: 'PEM file with the certificate that the server is shown',
      },
    }),
    username: { kind: line, absent: 'default', example: 'gateway', says: 'user of its access list' },
    password: { kind: passwordFile, absent: 'none', example: 'valkey.password', says: 'file with the password' },
    cluster: { kind: yes, default: false, says: 'whether the server is one of a cluster' },
    prefix: {
      kind: text('word', /^[a-z0-9][a-z0-9-]{0,62}$/, 'a word of lower-case letters, digits and -', 'asunder'),
      default: 'asunder',
      says: 'begins every key; the same for the replicas of one gateway, another for every other gateway',
    },
    timeout: { kind: duration(), default: '1s', says: 'how long an answer may take; beyond, the request is refused' },
  }),
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
  {
    at: ({ store: { kind, file } }) => when(kind === 'sqlite' && file === undefined, 'store.file'),
    wrong: 'is missing: sqlite needs a file',
    remedy: 'name one, such as store.file: claims.db',
  },
  {
    at: ({ store: { kind, file } }) => when(kind !== 'sqlite' && file !== undefined, 'store.file'),
    wrong: 'would not be used: only a store in sqlite has a file',
    remedy: 'set store.kind: sqlite, or remove store.file',
  },
  {
    at: ({ store: { kind, valkey } }) => when(kind === 'valkey' && valkey === undefined, 'store.valkey'),
    wrong: 'is missing: valkey is a server',
    remedy: 'give store.valkey.host',
  },
  {
    at: ({ store: { kind, valkey } }) => when(kind !== 'valkey' && valkey !== undefined, 'store.valkey'),
    wrong: 'would not be used: the store is not there',
    remedy: 'set store.kind: valkey, or remove store.valkey',
  },
  {
    at: ({ store: { valkey } }) =>
      when(valkey !== undefined && !valkey.tls && !isLoopback(valkey.host), 'store.valkey.tls'),
    wrong: 'is needed for a server on another machine: whoever is on the way could say that nothing came before',
    remedy: 'remove it, and name the authority of the server as store.valkey.ca',
  },
  {
    at: ({ store: { valkey } }) =>
      when(valkey?.tls === false && (valkey.ca ?? valkey.identity) !== undefined, 'store.valkey.tls'),
    wrong: 'is off, so that ca and identity would do nothing',
    remedy: 'remove it, or remove them',
  },
]
