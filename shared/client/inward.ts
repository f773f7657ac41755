/**
 * From a relay's answer to an authenticated one: what is not sealed is refused by its status alone, what is sealed is
 * opened piece by piece. RFC 9458 §5.2-5.3, draft-ietf-ohai-chunked-ohttp-08 §5, §7.1.
 */
import { ResponseDecoder, type ResponseEvent } from '../bhttp/decode.ts'
import { essence, families, mediaTypes, type Family } from '../http/media-types.ts'
import { ohttpKeyProblem } from '../http/problem.ts'
import { Refusal, type RefusalCode } from '../refusal.ts'
import { contentOf, headOf } from './answer-events.ts'
import { codeWord, ObliviousError } from './errors.ts'
import { carriesSealed, problemTypeOf, refusedByGateway, Unprocessed } from './outer-refusal.ts'
import type { Envelope, Outward } from './outward.ts'
import { codeFor, delayOf } from './unsealed.ts'
import { gather, OverLimit } from './streams.ts'
import type { RelayAnswer } from './transport.ts'

const problemLimit = 4_096

/** Throws the typed error of everything that is not an oblivious answer of the right family; nothing of its body goes further. */
export async function demandSealed(answer: RelayAnswer, family: Family, body: 'stream' | 'whole'): Promise<void> {
  const type = essence(answer.field('content-type'))
  if (answer.status === 200 && type === families[family].response) return
  // RFC 10036 §3. The word that goes with it is in a field that web pages cannot read.
  const code = answer.status === 501 && body === 'stream' ? 'upload-refused' : codeFor(answer.status)
  const keyUnknown = answer.status === 400 && type === mediaTypes.problem && (await namesKeyProblem(answer))
  throw new ObliviousError(keyUnknown ? 'key-unknown' : code, { status: answer.status, ...delayOf(answer) })
}

async function namesKeyProblem(answer: RelayAnswer): Promise<boolean> {
  try {
    return problemTypeOf(await gather(answer.body, problemLimit)) === ohttpKeyProblem
  } catch {
    return false
  }
}

/** The answer's events, each handed on only after every AEAD that carries it has been checked. */
export function openedAnswer(answer: RelayAnswer, outward: Outward, limit: number): AsyncGenerator<ResponseEvent> {
  const { inner } = outward
  if (inner === undefined) return opened(answer.body, outward, limit)
  return openedInside(opened(answer.body, outward, sealedLimit(limit)), inner, limit)
}

/** The CVM's answer in the gateway's. Whatever else the gateway says under its seal, it says in its own name. */
async function* openedInside(
  events: AsyncGenerator<ResponseEvent>,
  inner: Envelope,
  limit: number,
): AsyncGenerator<ResponseEvent> {
  const head = await headOf(events)
  const content = contentOf(events)
  if (!carriesSealed(head, inner.family)) throw await refusedByGateway(head, content)
  yield* opened(content, inner, limit)
}

function opened(body: AsyncIterable<Uint8Array>, envelope: Envelope, limit: number): AsyncGenerator<ResponseEvent> {
  const limits = { content: envelope.family === 'standard' ? limit : Number.MAX_SAFE_INTEGER }
  const decoder = new ResponseDecoder(limits)
  return envelope.family === 'standard'
    ? openWhole(body, envelope, decoder, sealedLimit(limit))
    : openChunks(body, envelope.opener(), decoder)
}

/** Head, padding (PADMÉ: at most 12 %) and the seal come on top of the content. */
function sealedLimit(limit: number): number {
  return limit * 1.2 + 65_536
}

type Standard = Extract<Envelope, { family: 'standard' }>
type Opener = ReturnType<Extract<Envelope, { family: 'chunked' }>['opener']>

async function* openWhole(
  body: AsyncIterable<Uint8Array>,
  { open }: Standard,
  decoder: ResponseDecoder,
  limit: number,
): AsyncGenerator<ResponseEvent> {
  const message = await arriving(gather(body, limit))
  const plaintext = await asOpened(() => open(message))
  yield* damaged(() => [...decoder.push(plaintext), ...decoder.end()])
}

async function* openChunks(
  body: AsyncIterable<Uint8Array>,
  opener: Opener,
  decoder: ResponseDecoder,
): AsyncGenerator<ResponseEvent> {
  const source = body[Symbol.asyncIterator]()
  for (let next = await arriving(source.next()); next.done !== true; next = await arriving(source.next())) {
    const bytes = next.value
    for (const plaintext of await asOpened(() => opener.push(bytes))) yield* damaged(() => decoder.push(plaintext))
  }
  // CHK-14: the message is complete only when the final chunk has opened, whatever the connection says.
  for (const plaintext of await asOpened(() => opener.end())) yield* damaged(() => decoder.push(plaintext))
  yield* damaged(() => decoder.end())
}

/** Bytes that do not arrive: the connection ended before the answer did, or the layer around them says why not. */
async function arriving<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (cause instanceof ObliviousError || cause instanceof Unprocessed) throw cause
    if (cause instanceof OverLimit) throw new ObliviousError('too-large', { cause })
    throw new ObliviousError('answer-truncated', { cause: codeWord(cause) })
  }
}

/** Bytes that do not open. Only an end without its final chunk is told apart: it is what a lost connection looks like. */
async function asOpened<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new ObliviousError(codeOf(cause) === 'incomplete' ? 'answer-truncated' : 'answer-damaged', { cause })
  }
}

/** Authentic bytes that are not Binary HTTP. */
function damaged<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new ObliviousError(codeOf(cause) === 'body-too-large' ? 'too-large' : 'answer-damaged', { cause })
  }
}

/** Whatever else bytes of others make a decoder or a crypto library throw is no less damage. */
function codeOf(cause: unknown): RefusalCode | undefined {
  return cause instanceof Refusal ? cause.code : undefined
}
