/**
 * Standard messages: one request, one answer, each sealed whole and padded to a bucket. RFC 9458 §4.3-4.4, §5.
 * The hot path: the content is read by hand and the answer is one Buffer (feasibility.md 2).
 */
import type { Bytes } from '../shared/bytes.ts'
import { decodeRequest } from '../shared/bhttp/decode.ts'
import { encodePadded } from '../shared/bhttp/encode.ts'
import type { ResponseHead } from '../shared/bhttp/message.ts'
import type { Field } from '../shared/http/fields.ts'
import { contentOf, readBounded } from '../shared/http/body.ts'
import { problem } from '../shared/http/problem.ts'
import { openRequest, type OpenedRequest } from '../shared/ohttp/request.ts'
import { answerWhole, wholeProblem, type WholeAnswer } from '../shared/upstream/answer.ts'
import {
  demandAttested,
  requestLimits,
  type FamilyRoom,
  type Inner,
  type Opened,
  type Opening,
  type Reply,
} from './opened.ts'
import { gather, passedOn, writable } from './from-cvm.ts'
import { agree } from './screen.ts'

export const standard: FamilyRoom<Bytes> = {
  async receive({ context, limits: { request, stall } }) {
    const content = await readBounded(contentOf(context), { max: request, stall })
    return { content, discard: () => Promise.resolve(true) }
  },
  open(cvm, { content }, opening) {
    return Promise.try(() => {
      demandAttested(cvm)
      return openedWhole(openRequest(opening.find, content, opening.layer.labels.standard), opening)
    })
  },
}

function openedWhole(request: OpenedRequest, opening: Opening): Opened {
  const read = (): Inner => {
    const { content, ...head } = decodeRequest(request.content, requestLimits(opening.limits.request))
    const body = (said: number | undefined) => {
      agree(said, content.length)
      return content.length === 0 ? null : content
    }
    return { head, body }
  }
  return {
    keyId: request.keyId,
    enc: request.enc,
    read: () => Promise.try(read),
    reply: wholeReply(request, opening),
    close: () => undefined,
  }
}

function wholeReply(request: OpenedRequest, { context, layer, limits }: Opening): Reply {
  const { promise, resolve } = Promise.withResolvers<Response>()
  const answer = (whole: WholeAnswer): void => resolve(answerWhole(context, whole, limits.stall))
  const send = (head: ResponseHead, content: Uint8Array, trailers: readonly Field[] = []): void => {
    const padded = writable(() => written(head, content, trailers, (length) => layer.padding(length, request.overhead)))
    answer(sealed(request.sealResponse(padded), layer.types.standard.response))
  }
  return {
    response: promise,
    async seal(response) {
      const content = await gather(response, limits.answer)
      send({ ...response, headers: passedOn(response.headers) }, content, passedOn(response.trailers()))
      return 'served'
    },
    refuse({ outcome, content, ...head }) {
      send(head, content)
      return outcome
    },
    cut: () => answer(wholeProblem(problem(500))),
  }
}

/** Padded so that the complete encapsulated response, nonce and tag included, fills its bucket (wire.md "Padding"). */
function written(
  { status, headers }: ResponseHead,
  content: Uint8Array,
  trailers: readonly Field[],
  padding: (length: number) => number,
): Bytes {
  return encodePadded(
    { kind: 'response', framing: 'known', informational: [], status, headers, content, trailers },
    padding,
  )
}

function sealed(content: Bytes, type: string): WholeAnswer {
  const fields = {
    'content-type': type,
    'content-length': String(content.length),
    'cache-control': 'no-store',
  }
  return { status: 200, fields, body: content }
}
