/**
 * Rows and rules of a store that replicas share: in a file of one machine, or in a Valkey or Redis for several; and what is
 * made of the rows for the server. wire.md "Replay", OHTTP-G21.
 */
import { Refusal } from '../refusal.ts'
import { isLoopback } from '../upstream/loopback.ts'
import { holding, secretFile } from './file-kinds.ts'
import { duration, host, line, peerPort, text, yes } from './kinds.ts'
import { authorityFile, certificateFile, privateKeyFile } from './pem-files.ts'
import { optional, type Settings } from './rows.ts'
import { when, type Rule } from './rules.ts'

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

export const valkeyRows = {
  host: { kind: host, example: 'valkey.example', says: 'its address' },
  port: { kind: peerPort, default: 6379, says: 'its port' },
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
  username: { kind: line, absent: 'default', example: 'asunder', says: 'user of its access list' },
  password: { kind: passwordFile, absent: 'none', example: 'valkey.password', says: 'file with the password' },
  cluster: { kind: yes, default: false, says: 'whether the server is one of a cluster' },
  prefix: {
    kind: text('word', /^[a-z0-9][a-z0-9-]{0,62}$/, 'a word of lower-case letters, digits and -', 'asunder'),
    default: 'asunder',
    says: 'begins every key; the same for the replicas of one service, another for every other',
  },
  timeout: { kind: duration(), default: '1s', says: 'how long an answer may take; beyond, the request is refused' },
} as const

export type ValkeySettings = Settings<typeof valkeyRows>

type Shared = {
  readonly kind: 'memory' | 'sqlite' | 'valkey'
  readonly file?: string | undefined
  readonly valkey?: ValkeySettings | undefined
}

/** What must hold in the store at `path`, if there is one. */
export function storeRulesAt<S>(path: string, storeOf: (settings: S) => Shared | undefined): readonly Rule<S>[] {
  const whenever = (broken: (store: Shared) => boolean, setting: string) => (settings: S) => {
    const store = storeOf(settings)
    return when(store !== undefined && broken(store), `${path}.${setting}`)
  }
  return [
    {
      at: whenever(({ kind, file }) => kind === 'sqlite' && file === undefined, 'file'),
      wrong: 'is missing: sqlite needs a file',
      remedy: `name one, such as ${path}.file: claims.db`,
    },
    {
      at: whenever(({ kind, file }) => kind !== 'sqlite' && file !== undefined, 'file'),
      wrong: 'would not be used: only a store in sqlite has a file',
      remedy: `set ${path}.kind: sqlite, or remove ${path}.file`,
    },
    {
      at: whenever(({ kind, valkey }) => kind === 'valkey' && valkey === undefined, 'valkey'),
      wrong: 'is missing: valkey is a server',
      remedy: `give ${path}.valkey.host`,
    },
    {
      at: whenever(({ kind, valkey }) => kind !== 'valkey' && valkey !== undefined, 'valkey'),
      wrong: 'would not be used: the store is not there',
      remedy: `set ${path}.kind: valkey, or remove ${path}.valkey`,
    },
    {
      at: whenever(({ valkey }) => valkey !== undefined && !valkey.tls && !isLoopback(valkey.host), 'valkey.tls'),
      wrong: 'is needed for a server on another machine: whoever is on the way could say that nothing came before',
      remedy: `remove it, and name the authority of the server as ${path}.valkey.ca`,
    },
    {
      at: whenever(({ valkey }) => valkey?.tls === false && (valkey.ca ?? valkey.identity) !== undefined, 'valkey.tls'),
      wrong: 'is off, so that ca and identity would do nothing',
      remedy: 'remove it, or remove them',
    },
  ]
}

/** Where the server is and what it is shown. `file` gives the bytes of a file that the settings name. */
export function serverOf(
  { host, port, cluster, username, prefix, timeout, ...secrets }: ValkeySettings,
  file: (name: string) => Buffer,
) {
  const { tls, ca, identity, password } = secrets
  const shown = identity === undefined ? {} : { key: file(identity.key), cert: file(identity.cert) }
  return {
    ...{ host, port, cluster, username, prefix, timeout },
    password: password === undefined ? undefined : passwordOf(file(password)),
    tls: tls ? { ...shown, ca: ca === undefined ? undefined : file(ca) } : undefined,
  }
}
