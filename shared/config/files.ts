/** The files that settings name: where they are, whether they are there, and who else may read those with secrets. */
import { accessSync, constants, statSync, type Stats } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { credentialOf } from './file-kinds.ts'
import type { FileUse } from './kind.ts'
import type { Mistake } from './mistake.ts'
import type { Origin } from './resolve.ts'
import { fileOfSecret } from './secrets.ts'

export type Places = {
  /** the folder that names are relative to */
  readonly folder: string
  /** $CREDENTIALS_DIRECTORY, where there is one */
  readonly credentials: string | undefined
}

/** Where the file is that a setting names. Throws TypeError for a credential without a directory of credentials. */
export function pathIn({ folder, credentials }: Places, name: string): string {
  const credential = credentialOf(name)
  if (credential === undefined) return resolve(folder, name)
  if (credentials === undefined) throw new TypeError('$CREDENTIALS_DIRECTORY is not set')
  return join(credentials, credential)
}

type Complaint = readonly [wrong: string, remedy: string]
export type Named = { readonly path: string; readonly name: string; readonly use: FileUse; readonly from: string }

/** Every file of settings in force that cannot be used as it is. */
export function fileMistakes(origins: readonly Origin[], places: Places): readonly Mistake[] {
  const files = origins.flatMap(filesOf)
  const found = files.map((file) => ({ file, complaint: complaintOf(file, places) ?? shared(file, files, places) }))
  return found.flatMap(({ file: { path, from }, complaint }) =>
    complaint === undefined ? [] : [{ where: from, path, wrong: complaint[0], remedy: complaint[1] }],
  )
}

export function filesOf({ path, row: { kind }, value, from }: Origin): Named[] {
  const use = kind.file
  if (use === undefined || value === undefined) return []
  const names = Array.isArray(value) ? (value as string[]) : [value as string]
  return names.map((name, at) => ({ path: Array.isArray(value) ? `${path}.${at}` : path, name, use, from }))
}

export function complaintOf({ name, use }: Pick<Named, 'name' | 'use'>, places: Places): Complaint | undefined {
  const credential = credentialOf(name)
  if (credential !== undefined && places.credentials === undefined) {
    const remedy = `start it by systemd with LoadCredential=${credential}:FILE, or set CREDENTIALS_DIRECTORY to a folder of secrets`
    return ['names a credential, but $CREDENTIALS_DIRECTORY is not set', remedy]
  }
  const path = pathIn(places, name)
  const there = look(path)
  if (there === undefined && use.writes !== 'never') return folderComplaint(dirname(path), use)
  // It may be the secret itself that somebody wrote here: then it must not stand in a journal.
  if (use.secret && credential === undefined && there?.isFile() !== true) return noSecretFile(places)
  if (there === undefined) return [`there is no file ${path} that this user can see`, 'create it, or name another']
  if (there.isDirectory()) return [`${path} is a folder`, 'name a file in it']
  if (!allows(path, constants.R_OK))
    return [`${path} cannot be read by this user`, 'give it to the user of the service']
  if (use.secret && isOpen(there, credential !== undefined)) return openComplaint(path, there)
  return use.writes === 'always' ? folderComplaint(dirname(path), use) : undefined
}

const ownFolder = 'create the folder, and give it to the user of the service'

function noSecretFile({ folder }: Places): Complaint {
  return [`takes the name of a file, from ${resolve(folder)}, and this names none that this user can see`, fileOfSecret]
}

function folderComplaint(folder: string, { writes, secret }: FileUse): Complaint | undefined {
  if (allows(folder, writes === 'always' ? constants.W_OK : constants.R_OK)) return undefined
  if (secret) return ['names a file in a folder that is not there for this user to use', ownFolder]
  return [`the folder ${folder} is not there for this user to use`, ownFolder]
}

// A credential may show an ACL's mask in the bits of the group: systemd opens it to the service's user that way.
function isOpen({ mode }: Stats, credential: boolean): boolean {
  return (mode & (credential ? 0o007 : 0o077)) !== 0
}

function openComplaint(path: string, { mode }: Stats): Complaint {
  const shown = (mode & 0o777).toString(8).padStart(4, '0')
  const remedy = `run chmod 600 ${path}, and replace the secret if others had it`
  return [`${path} holds a secret and is open to others (mode ${shown})`, remedy]
}

function shared(file: Named, files: readonly Named[], places: Places): Complaint | undefined {
  const path = pathIn(places, file.name)
  const other = files.find(
    (one) => one !== file && [one, file].some(({ use }) => use.writes !== 'never') && usable(one, places) === path,
  )
  return other && [`names the same file as ${other.path}, and one of them is written`, 'give each a file of its own']
}

/** Undefined: a credential, and there are none. */
export function usable({ name }: Pick<Named, 'name'>, places: Places): string | undefined {
  return credentialOf(name) !== undefined && places.credentials === undefined ? undefined : pathIn(places, name)
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

function allows(path: string, how: number): boolean {
  try {
    accessSync(path, how)
    return true
  } catch {
    return false
  }
}
