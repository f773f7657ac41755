/**
 * Standard messages: one request, one answer, each sealed whole and padded to a bucket. RFC 9458 §4.3-4.4, §5.
 * The hot path: the content is read by hand and the answer is one Buffer (feasibility.md 2).
 */
import type { Bytes } from '../shared/bytes.ts'
import { decodeRequest } from '../shared/bhttp/decode.ts'
import { encodePadded } from '../shared/bhttp/encode.ts'
import type { ResponseHead } from '../shared/bhttp/message.ts'
import { paddingFor } from '../shared/bhttp/padding.ts'
import type { Field } from '../shared/http/fields.ts'
import { contentOf, readBounded } from '../shared/http/body.ts'
import { families } from '../shared/http/media-types.ts'
import { problem } from '../shared/http/problem.ts'
import { openRequest, type OpenedRequest } from '../shared/ohttp/request.ts'
import { answerWhole, wholeProblem, type WholeAnswer } from '../shared/upstream/answer.ts'
import {
  demandAttested,
  requestLimits,
  type Context,
  type FamilyRoom,
  type GatewayLimits,
  type Inner,
  type Opened,
  type Reply,
} from './opened.ts'
import { gather, passedOn, writable } from './from-cvm.ts'
import { agree } from './screen.ts'

export const standard: FamilyRoom<Bytes> = {
  async receive({ context, limits: { request, stall } }) {
    const content = await readBounded(contentOf(context), { max: request, stall })
    return { content, discard: () => Promise.resolve(true) }
  },
  open(cvm, { content }, { find, limits, context }) {
    return Promise.try(() => {
      demandAttested(cvm)
      return openedWhole(openRequest(find, content), context, limits)
    })
  },
}

function openedWhole(request: OpenedRequest, context: Context, limits: GatewayLimits): Opened {
  const read = (): Inner => {
    const { content, ...head } = decodeRequest(request.content, requestLimits(limits.request))
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
    reply: wholeReply(request, context, limits),
    close: () => undefined,
  }
}

function wholeReply(request: OpenedRequest, context: Context, limits: GatewayLimits): Reply {
  const { promise, resolve } = Promise.withResolvers<Response>()
  const answer = (whole: WholeAnswer): void => resolve(answerWhole(context, whole, limits.stall))
  const send = (head: ResponseHead, content: Uint8Array, trailers: readonly Field[] = []): void => {
    const padded = writable(() => written(head, content, trailers, request.overhead))
    answer(sealed(request.sealResponse(padded)))
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
  overhead: number,
): Bytes {
  return encodePadded(
    { kind: 'response', framing: 'known', informational: [], status, headers, content, trailers },
    (length) => paddingFor(length, overhead),
  )
}

function sealed(content: Bytes): WholeAnswer {
  const fields = {
    'content-type': families.standard.response,
    'content-length': String(content.length),
    'cache-control': 'no-store',
  }
  return { status: 200, fields, body: content }
}
