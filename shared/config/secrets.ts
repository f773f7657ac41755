/** A secret that somebody tries to give by value is told apart from a typing mistake, and is never quoted. */
import type { Mistake } from './mistake.ts'
import { listed, type Rows } from './rows.ts'

const words = /secret|passw|passphrase|token|credential|private|seed|apikey|bearer|auth/i

/** Whether a name that no setting has asks for a secret. */
export function namesSecret(name: string): boolean {
  return words.test(name.replace(/[-_.]/g, ''))
}

/** Whether a value is a secret or a whole file in place of the name of one, or a URL with a password in it. */
export function holdsSecret(value: unknown): boolean {
  return typeof value === 'string' && /-----BEGIN|PRIVATE[ +]KEY|[\r\n]|:\/\/[^/\s@]*:[^/\s@]*@/.test(value)
}

/** What to do where a secret may stand in place of the name of its file. */
export const fileOfSecret =
  'put the secret into a file with mode 0600 or a systemd credential, and give that as PATH or credential:NAME'

/** Whether one of these settings names the file of a secret. */
export function takesSecret(rows: Rows): boolean {
  return listed(rows).some(({ row }) => row.kind.file?.secret === true)
}

export function secretMistake(where: string, path: string, rows: Rows): Mistake {
  const takers = listed(rows).flatMap(({ path, row }) => (row.kind.file?.secret === true ? [path] : []))
  const places = takers.length === 0 ? 'no setting takes one' : `the settings for that are ${takers.join(', ')}`
  return {
    where,
    path,
    wrong: 'a secret is never given by value, neither in the settings file nor in a variable nor as a flag',
    remedy: `put it into a file with mode 0600 or a systemd credential and name that, as PATH or credential:NAME; ${places}`,
  }
}
