/**
 * The chunks of an inner answer, each in one piece, so that each travels as one outer chunk however the connection cut
 * it. Their lengths are in the clear; the nonce in front of them is as long as the request's suite has it. trust.md 5,
 * draft-ietf-ohai-chunked-ohttp-08 §4 and §5.
 */
import { concat, Reader, type Bytes } from '../shared/bytes.ts'
import { suiteOf } from '../shared/hpke/suites.ts'
import { Arrivals } from '../shared/ohttp/arrivals.ts'
import { chunkPrefix, finalPrefix, FrameReader } from '../shared/ohttp/chunk-frames.ts'
import { innerChunkSize } from '../shared/ohttp/chunked.ts'
import { headerLength } from '../shared/ohttp/labels.ts'
import { responseNonceLength } from '../shared/ohttp/response.ts'
import { Refusal } from '../shared/refusal.ts'
import type { CvmRequest } from './attested-cvm.ts'
import { CvmFailure } from './cvm-failure.ts'

/** The tag, 16 octets for each AEAD of ours. */
const largest = innerChunkSize + 16

/** Passes an inner request on and remembers its header, of which the answer's form follows. */
export class InnerRequest {
  #header: Bytes = new Uint8Array()

  passed(body: CvmRequest['body']): CvmRequest['body'] {
    if (body === null || body instanceof Uint8Array) {
      this.#header = body?.slice(0, headerLength) ?? this.#header
      return body
    }
    const pass = async function* (see: (piece: Uint8Array) => void) {
      for await (const piece of body) {
        see(piece)
        yield piece
      }
    }
    return pass((piece) => {
      if (this.#header.length < headerLength) this.#header = concat(this.#header, piece.subarray(0, headerLength))
    })
  }

  /** Octets of the nonce that the answer begins with. */
  get nonceLength(): number {
    const header = new Reader(this.#header)
    header.take(3) // key id, KEM
    const suite = suiteOf({ kdfId: header.uint16(), aeadId: header.uint16() })
    if (suite === undefined) throw new Refusal('unsupported-suite', 'answered in a suite that nobody has')
    return responseNonceLength(suite.aead)
  }
}

/** Where the nonce goes: before the first chunk, as one piece with it, or as a piece of its own. */
export type NoncePlace = 'with-first' | 'apart'

/** Throws CvmFailure where the answer is not whole, or none that we could have asked for. */
export async function* wholeChunks(
  body: AsyncIterable<Uint8Array>,
  { nonceLength }: Pick<InnerRequest, 'nonceLength'>,
  place: NoncePlace = 'with-first',
): AsyncGenerator<Bytes, void> {
  const arrived = new Arrivals()
  const frames = new FrameReader(arrived, largest)
  let head: Bytes | undefined
  try {
    for await (const piece of body) {
      arrived.push(piece)
      if (head === undefined) {
        if ((head = arrived.take(nonceLength)) === undefined) continue
        if (place === 'apart') {
          yield head
          head = new Uint8Array()
        }
      }
      for (let sealed = frames.next(); sealed !== undefined; sealed = frames.next()) {
        yield concat(head, chunkPrefix(sealed.length), sealed)
        head = new Uint8Array()
      }
    }
    yield concat(head ?? new Uint8Array(), finalPrefix, frames.final())
  } catch (cause) {
    throw cause instanceof Refusal ? new CvmFailure('unreachable', 'an inner answer that is none', { cause }) : cause
  }
}
