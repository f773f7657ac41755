/** One sealed request on the wire and its answer up to the point where the application may see it. RFC 9458 §5. */
import type { ResponseEvent } from '../bhttp/decode.ts'
import { mayHaveBody } from '../bhttp/fetch.ts'
import type { ResponseHead } from '../bhttp/message.ts'
import type { Bytes } from '../bytes.ts'
import { essence, families, mediaTypes, type Family } from '../http/media-types.ts'
import type { ClientHpke } from '../hpke/context.ts'
import { Refusal } from '../refusal.ts'
import type { Call } from './call.ts'
import { contentOf, headOf } from './answer-events.ts'
import { codeWord, ObliviousError } from './errors.ts'
import { demandSealed, openedAnswer } from './inward.ts'
import { sealCall, type Outward, type Sealing } from './outward.ts'
import { askedFor, type Passes } from './passes.ts'
import { gather, OverLimit } from './streams.ts'
import type { RelayAnswer, Transport } from './transport.ts'

export type World = {
  readonly transport: Transport
  readonly hpke: ClientHpke
  readonly relay: URL
  readonly answerLimit: number
  readonly now: () => number
}

export type Attempt = Omit<Sealing, 'hpke' | 'pass'> & {
  readonly call: Call
  readonly passes: Passes
  /** milliseconds since 1970: nothing is sealed after it */
  readonly usableUntil: number
}

/** Authenticated. Bytes are the complete content; anything else still arrives, and `release` lets go of it. */
export type Answer = {
  readonly head: ResponseHead
  readonly content: Bytes | AsyncGenerator<Uint8Array>
  release(): void
}

export async function exchange(world: World, { call, passes, usableUntil, ...sealing }: Attempt): Promise<Answer> {
  const stop = new AbortController()
  const signal = call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal])
  const release = (): void => stop.abort()
  try {
    const pass = await passes.fresh('gateway')
    // Whatever was waited for, a wallet or a date: what the keys rest on may have ended meanwhile.
    if (world.now() >= usableUntil) throw new ObliviousError('bundle-outdated')
    const outward = await sealed(call, { hpke: world.hpke, ...sealing, pass })
    const answer = await admitted(world, { call, passes }, outward, signal)
    await demandSealed(answer, sealing.family, isStream(call) ? 'stream' : 'whole')
    return { ...(await headFirst(openedAnswer(answer, outward, world.answerLimit), sealing.family, world)), release }
  } catch (cause) {
    release()
    throw cause
  }
}

/** A key may be signed and still be none: a point of low order shows only when it is used. */
async function sealed(call: Call, sealing: Sealing): Promise<Outward> {
  try {
    return await sealCall(call, sealing)
  } catch (cause) {
    throw cause instanceof Refusal ? new ObliviousError('key-unusable', { cause }) : cause
  }
}

/**
 * One challenge of the relay is answered, with another token and the same sealed bytes: should a relay that says 401 have
 * passed them on, then what it gets a second time is a replay, and the gateway refuses it.
 */
async function admitted(
  world: World,
  { call, passes }: Pick<Attempt, 'call' | 'passes'>,
  outward: Outward,
  signal: AbortSignal,
): Promise<RelayAnswer> {
  for (;;) {
    const answer = await send(world, call, outward, signal, await passes.fresh('relay'))
    const asked = askedFor(answer.status, answer.field('www-authenticate'))
    if (asked === undefined) return answer
    passes.answer('relay', asked)
    const refused = (): never => {
      throw new ObliviousError('token-refused', { status: answer.status })
    }
    // A stream cannot be sent twice.
    if (!(outward.body instanceof Uint8Array)) return refused()
    await gather(answer.body, shortAnswer).catch(refused)
  }
}

const shortAnswer = 4_096

/**
 * Content type, framing and, for a caller's stream, `incremental`: the head says nothing about the request (OHTTP-C6, C7).
 * `pass` is for the relay, which drops it.
 */
async function send(
  world: World,
  call: Call,
  outward: Outward,
  signal: AbortSignal,
  pass: string | undefined,
): Promise<RelayAnswer> {
  const type = families[outward.family].request
  const fields = {
    'content-type': type,
    ...(isStream(call) ? { incremental: '?1' } : {}),
    ...(pass === undefined ? {} : { authorization: pass }),
  }
  const upload = watched(outward.body)
  try {
    return await world.transport.send({ method: 'POST', url: world.relay, fields, body: upload.body, signal })
  } catch (cause) {
    if (upload.failure !== undefined) throw upload.failure
    throw new ObliviousError('relay-unreachable', { cause: codeWord(cause) })
  }
}

function isStream({ body }: Call): boolean {
  return !(body instanceof Uint8Array)
}

/** An upload whose own failure is the caller's to see, not to be mistaken for the relay's. */
function watched(body: Outward['body']): { readonly body: Outward['body']; failure?: Error } {
  if (body instanceof Uint8Array) return { body }
  const watch: { body: Outward['body']; failure?: Error } = { body: pass() }
  async function* pass(): AsyncGenerator<Uint8Array> {
    try {
      yield* body as AsyncIterable<Uint8Array>
    } catch (cause) {
      watch.failure = cause instanceof Error ? cause : new TypeError('the body stream failed', { cause })
      throw cause
    }
  }
  return watch
}

async function headFirst(
  events: AsyncGenerator<ResponseEvent>,
  family: Family,
  { answerLimit }: World,
): Promise<Omit<Answer, 'release'>> {
  const head = await headOf(events)
  const content = contentOf(events)
  if (family === 'chunked' && !settlesFirst(head)) return { head, content }
  try {
    return { head, content: await gather(content, answerLimit) }
  } catch (cause) {
    throw cause instanceof OverLimit ? new ObliviousError('too-large', { cause }) : cause
  }
}

/** Answers without content, and problems that may concern the exchange itself, are read to their authenticated end. */
function settlesFirst({ status, headers }: ResponseHead): boolean {
  const type = headers.find(([name]) => name === 'content-type')?.[1]
  return !mayHaveBody(status) || ((status === 400 || status === 401) && essence(type) === mediaTypes.problem)
}
