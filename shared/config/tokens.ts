/** Rows about anonymous admission, which the tables of both operators have; and the keys that they name. RFC 9577, RFC 9578. */
import { fromBase64url } from '../bytes.ts'
import type { GateKey } from '../privacy-pass/gate.ts'
import type { Verifier } from '../privacy-pass/redeem.ts'
import { Refusal } from '../refusal.ts'
import type { Found } from './contents.ts'
import { holding } from './file-kinds.ts'
import type { Kind } from './kind.ts'
import { count, list, moment, text } from './kinds.ts'
import { SettingsError } from './mistake.ts'
import type { Rows, Settings } from './rows.ts'
import { eachWhen, type Rule } from './rules.ts'

const serverName = text(
  'host[:port]',
  /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/,
  'a server name: host or host:port, in lower case',
  'issuer.example',
)

export const tokenRows = {
  issuer: { kind: serverName, example: 'issuer.example', says: 'name of the issuer whose tokens are asked for' },
  origins: {
    kind: list(serverName),
    example: ['app.example'],
    says: "hosts that the tokens are made for, exactly as your clients' applications name them",
  },
} as const satisfies Rows

/** One key, and when it ends. */
export function tokenKey(kind: Kind<string>, example: string, says: string) {
  return {
    file: { kind, example, says },
    until: {
      kind: moment,
      says: 'when the key ends; its tokens are refused from then on, and what was spent forgotten',
    },
  } as const satisfies Rows
}
export type TokenKeySettings = Settings<ReturnType<typeof tokenKey>>

export const publishedKeySays =
  'type 2: a token key as the issuer publishes it, base64url on one line. The first that has not ended is announced, all that have not are taken'

export const tokenClaims = {
  kind: count({ least: 10, most: 100_000_000 }),
  default: 1_000_000,
  says: 'spent tokens remembered; full means refused',
} as const

export function tokenKeyRule<S>(keysOf: (settings: S) => readonly TokenKeySettings[] | undefined, at: string): Rule<S> {
  return {
    at: (settings) => {
      const keys = keysOf(settings) ?? []
      return eachWhen(at, keys, ({ file }, nth) => keys.findIndex((key) => key.file === file) < nth, 'file')
    },
    wrong: 'is the file of another key',
    remedy: 'give each key once, with the moment when it ends',
  }
}

/** `verifier` reads the key. */
export function tokenKeyFile(kind: Kind<string>, verifier: (key: Uint8Array<ArrayBuffer>) => Verifier): Kind<string> {
  const reads = (bytes: Buffer): unknown => {
    try {
      return verifier(fromBase64url(bytes.toString('latin1').trim()))
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause
      // Without the cause: one of the two kinds is a secret.
      throw new Refusal('unusable-key', 'it does not read as one')
    }
  }
  return holding(kind, { what: 'a token key of this type', reads, remedy: keyRemedy })
}

/** `path` to keys. One that ended is bearable beside one that has not. */
export function endedKeysFound(all: Readonly<Record<string, readonly TokenKeySettings[]>>, now: number): Found[] {
  const named = Object.entries(all).flatMap(([path, keys]) =>
    keys.map((key, at) => ({ ...key, path: `${path}.${at}` })),
  )
  const ended = named.filter(({ until }) => until <= now)
  return ended.map(({ path }) => ({
    path: `${path}.until`,
    wrong: 'is over: no token of this key is taken',
    remedy: 'give the key that the issuer uses now, or remove this one',
    bearable: ended.length < named.length,
  }))
}

const keyRemedy = 'give it as the issuer wrote it: one line of base64url with padding'

/** `read` gives a file's text. Throws SettingsError that names the setting and the file, never what is in it. */
export function gateKeys(
  setting: string,
  rows: readonly TokenKeySettings[],
  read: (file: string) => string,
  verifier: (key: Uint8Array<ArrayBuffer>) => Verifier,
): GateKey[] {
  return rows.map(({ file, until }, at) => {
    const text = read(file).trim()
    try {
      return { ...verifier(fromBase64url(text)), until }
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause
      throw new SettingsError([
        { where: '', path: `${setting}.${at}.file`, wrong: `${file} holds no such key`, remedy: keyRemedy },
      ])
    }
  })
}
