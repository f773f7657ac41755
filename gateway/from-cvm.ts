/**
 * The CVM's answer on its way into an encapsulated response: fields that may travel on, content within a limit.
 * What cannot be written as Binary HTTP is the CVM's fault and becomes a 502. RFC 9110 §7.6.1; OHTTP-G8, G16, G18.
 */
import { concat } from '../shared/bytes.ts'
import type { Field } from '../shared/http/fields.ts'
import { forwardable } from '../shared/http/fields.ts'
import { Refusal } from '../shared/refusal.ts'
import type { CvmResponse } from './attested-cvm.ts'
import { CvmFailure } from './cvm-failure.ts'

export function passedOn(fields: readonly Field[]): Field[] {
  return writable(() => forwardable(fields))
}

/** Runs what writes the CVM's words; if they cannot be written, the CVM has failed, not the client and not we. */
export function writable<T>(write: () => T): T {
  try {
    return write()
  } catch (cause) {
    if (!(cause instanceof Refusal) && !(cause instanceof TypeError)) throw cause
    throw new CvmFailure('unreachable', 'the answer cannot be written as Binary HTTP', { cause })
  }
}

export async function gather(response: CvmResponse, max: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body) {
    length += piece.length
    if (length > max) throw new CvmFailure('unreachable', 'an answer longer than we store')
    pieces.push(piece)
  }
  // A piece is never written again, and a small answer is one piece.
  const [only] = pieces
  return pieces.length === 1 && only !== undefined ? only : concat(...pieces)
}
