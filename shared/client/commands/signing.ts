/** Keys as the commands meet them: secrets only in files, verifier keys as text or in a file, one signature at a time. */
import { Refusal } from '../../refusal.ts'
import { parseKey, type VerifierKey } from '../../tlog/key.ts'
import { parseNote, signNote, verifyNote } from '../../tlog/note.ts'
import { readSigner, type Signer } from '../../tlog/signer.ts'
import { Failure, UsageError, type World } from './command.ts'
import { readText } from './connection.ts'

export const keyOption = { key: { type: 'string', multiple: true } } as const

export async function signersFrom(paths: readonly string[] | undefined, world: World): Promise<readonly Signer[]> {
  if (paths === undefined || paths.length === 0) {
    throw new UsageError('--key is missing; give the file of a signing key, as trust keygen makes them')
  }
  return Promise.all(paths.map((path) => signerFrom(path, world)))
}

/** What stands in the file is never part of a message. */
async function signerFrom(path: string, world: World): Promise<Signer> {
  const text = await readText('key', path, world)
  try {
    return await readSigner(text.trim())
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new Failure(`--key: ${path} holds no signing key; asunder trust keygen makes one`)
  }
}

/** A verifier key in its text form, or the file that holds it. */
export async function verifierFrom(option: string, value: string, world: World): Promise<VerifierKey> {
  const inline = value.split('+').length > 2
  const text = inline ? value : (await readText(option, value, world)).trim()
  if (text.startsWith('PRIVATE+KEY+')) throw new UsageError(`--${option}: a private key; give what keygen printed`)
  try {
    return parseKey(text)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new UsageError(`--${option}: not a verifier key (${cause.message}); give what keygen printed`, { cause })
  }
}

/** The note with one signature more, whoever signed before. */
export async function withSignatures(note: string, signers: readonly Signer[]): Promise<string> {
  const { text, signatures } = parseNote(note)
  const twice = signers.find(({ key }) => signatures.some(({ name, id }) => name === key.name && id === key.id))
  if (twice !== undefined) throw new Failure(`${twice.name} has signed already`)
  return `${note}${(await signNote(text, signers)).slice(text.length + 1)}`
}

/** Those of these keys whose signatures on the note are good. */
export async function signedBy(note: string, keys: readonly VerifierKey[]): Promise<readonly VerifierKey[]> {
  try {
    return (await verifyNote(note, keys)).signers
  } catch (cause) {
    if (cause instanceof Refusal && cause.code === 'unsigned') return []
    throw cause
  }
}
