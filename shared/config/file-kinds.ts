/**
 * Settings that name a file, relative to the settings file. Secrets are given in no other way: a setting never holds
 * one, so that none stands in a file that is shown around, in `ps`, or in the environment of every child process.
 * `credential:NAME` is the file NAME in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=).
 */
import { z } from 'zod'
import { Refusal } from '../refusal.ts'
import type { FileUse, Holding, Kind } from './kind.ts'

const credential = /^credential:(?!\.{0,2}$)([\w.@-]+)$/
const named = /^(?!credential:)(?!.*-----BEGIN)[^\0\r\n]+$/
const given = new RegExp(`${credential.source}|${named.source}`)

/** A file that is read and may be seen by others, such as a certificate. */
export const file = kindOf('file', { writes: 'never', secret: false }, 'cert.pem')
/** A file that is read and that only we may read, such as a private key. */
export const secretFile = kindOf('secret file', { writes: 'never', secret: true }, 'private.key')
/** A file that we write. */
export const ownFile = kindOf('own file', { writes: 'always', secret: false }, 'state.db')
/** A file that this process or another one like it writes. */
export const sharedFile = kindOf('own file', { writes: 'sometimes', secret: false }, 'bundle.note')
/** A file that we write and that only we may read. */
export const ownSecretFile = kindOf('own secret file', { writes: 'always', secret: true }, 'state.json')

/** The same kind of file, of which it is known what must stand in it. */
export function holding(kind: Kind<string>, holds: Holding): Kind<string> {
  if (kind.file === undefined) throw new TypeError('not a kind of file')
  return { ...kind, file: { ...kind.file, holds } }
}

// https://sqlite.org/fileformat.html 1.3; an empty file is a database that is new.
const sqlite = Buffer.from('SQLite format 3\0', 'latin1')

/** A database that we write. */
export const databaseFile = holding(ownFile, {
  what: 'a database of ours',
  reads(bytes) {
    if (bytes.length > 0 && !bytes.equals(sqlite)) throw new Refusal('bad-encoding', 'SQLite does not read it')
  },
  remedy: 'put back a copy, or name another file; without what is in it, what was taken once could be taken again',
  most: sqlite.length,
})

/** NAME of `credential:NAME`. */
export function credentialOf(name: string): string | undefined {
  return credential.exec(name)?.[1]
}

function kindOf(name: string, use: FileUse, example: string): Kind<string> {
  const pattern = use.writes !== 'never' ? named : given
  const demand =
    use.writes !== 'never' ? 'the path of a file that can be written' : 'the path of a file, or credential:NAME'
  return {
    name,
    schema: z.string().regex(pattern),
    demand,
    example,
    fromText: (text) => text,
    show: (path) => path,
    file: use,
  }
}
