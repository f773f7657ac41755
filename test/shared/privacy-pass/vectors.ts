/** The vectors of others, for the tests of this room. */
import { fromHex, type Bytes } from '../../../shared/bytes.ts'
import { sharedVectors } from '../../vectors/shared.ts'

export type Vector = Readonly<Record<string, unknown>> & { readonly id: string }

type File = { readonly cases: Vector[]; readonly verifier?: Readonly<Record<string, string>> }

export function vectors(name: 'type1' | 'type2' | 'auth-scheme' | 'invalid'): File {
  return (sharedVectors(`privacypass-${name}`) as File | undefined) ?? { cases: [] }
}

export function hexOf(vector: Readonly<Record<string, unknown>>, name: string): Bytes {
  return fromHex(String(vector[name]))
}
