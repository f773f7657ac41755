/**
 * The life of one request: open -> screen -> once -> serve -> seal. Standard and chunked messages go through the same
 * five verbs; they differ in how they open and how they seal. RFC 9458 §5, draft-ietf-ohai-chunked-ohttp-08, house.md 4.
 */
import type { RequestHead } from '../shared/bhttp/message.ts'
import type { Family } from '../shared/http/media-types.ts'
import { cannotOpen, problem, type Problem } from '../shared/http/problem.ts'
import type { KeyFinder } from '../shared/ohttp/gateway-key.ts'
import { Refusal, type RefusalCode } from '../shared/refusal.ts'
import { answerAndClose, answerWhole, wholeProblem } from '../shared/upstream/answer.ts'
import type { AttestedCvm, CvmResponse } from './attested-cvm.ts'
import { asTheyCome } from './chunked-reply.ts'
import { chunked } from './chunked.ts'
import { CvmFailure } from './cvm-failure.ts'
import { outer, type Layer } from './layer.ts'
import {
  demandAttested,
  type Body,
  type Context,
  type FamilyRoom,
  type GatewayLimits,
  type Opened,
  type Opening,
  type Received,
  type StreamReply,
} from './opened.ts'
import { refusedFor } from './refused.ts'
import type { Once } from './replay.ts'
import { screen, type ScreenOptions, type Screened } from './screen.ts'
import { standard } from './standard.ts'
import type { Observe, Outcome } from './vocabulary.ts'

// What another placement needs to bring its own lease and layer: the process inside a CVM may take it from here alone.
export { inCells } from './cell-reply.ts'
export { AttestedCvm, type CvmRequest, type CvmResponse } from './attested-cvm.ts'
export { CvmFailure } from './cvm-failure.ts'
export { inner, outer, type Layer } from './layer.ts'
export type { Context, GatewayLimits, StreamReply } from './opened.ts'
export type { Once } from './replay.ts'
export type { Outcome } from './vocabulary.ts'

export type ObliviousOptions = {
  readonly find: KeyFinder
  readonly cvm: Leases
  /** told of every message that opened and passed the screen; what it refuses is not served */
  readonly once: Once
  readonly screen: ScreenOptions
  /** Left out: nobody needs a token, and `authorization` is the app's. */
  readonly tokens?: Turnstile | undefined
  readonly limits: GatewayLimits
  readonly now: () => number
  readonly observe: Observe
  /** a mistake of ours; what it says may hold a peer's words and is not for a log */
  readonly fault: (cause: unknown) => void
  /** what a placement demands of a request beyond the screen; refuses by throwing */
  readonly admit?: ((wanted: Screened, family: Family) => void) | undefined
  /** which of the two layers this is; left out: Oblivious HTTP's own */
  readonly layer?: Layer | undefined
  /** how chunked answers go back; left out: as they come */
  readonly stream?: StreamReply | undefined
}

/** Synchronous. Nothing means that nothing may be opened now. */
export type Leases = { lease(): AttestedCvm | undefined }

/** Anonymous admission: one token for each request. */
export type Turnstile = {
  /** Takes off a request what it offers. `check` refuses what is no token of ours, and gives what spends it. */
  take(head: RequestHead): { readonly head: RequestHead; readonly check: () => () => Promise<void> }
  /** what a 401 shows, the same for everybody; undefined when no key is in force */
  challenge(): string | undefined
}

export type Oblivious = (family: Family, context: Context) => Promise<Response>

export function createOblivious(options: ObliviousOptions): Oblivious {
  const { find, limits, now, observe, once, admit, tokens, layer = outer, stream = asTheyCome } = options

  async function tell(family: Family, opened: Opened, cvm: AttestedCvm): Promise<Outcome> {
    const inner = await opened.read()
    const { head, check } = tokens?.take(inner.head) ?? { head: inner.head }
    const wanted = screen(head, options.screen, now())
    admit?.(wanted, family)
    const body = inner.body(wanted.contentLength)
    const spend = check?.()
    // After what takes no store: what is refused there takes no room in one either. A replay costs no token.
    await once(opened, wanted.dated)
    await spend?.()
    const response = await serve(cvm, wanted, body, opened.reply.signal)
    return opened.reply.seal(response, { method: wanted.method, heard: () => cvm.release() })
  }

  /** From the first opened byte on: whatever happens is answered inside the encapsulation, or cut. */
  async function live(family: Family, opened: Opened, cvm: AttestedCvm): Promise<void> {
    try {
      observe(family, await tell(family, opened, cvm).catch((cause: unknown) => sealRefusal(opened, cause)))
    } catch (cause) {
      options.fault(cause)
      opened.reply.cut()
    } finally {
      cvm.release()
      opened.close()
    }
  }

  function sealRefusal(opened: Opened, cause: unknown): Outcome | Promise<Outcome> {
    const refused = refusedFor(cause, now(), tokens?.challenge())
    if (refused.outcome === 'fault') options.fault(cause)
    return opened.reply.refuse(refused)
  }

  async function receive<Content>(family: Family, room: FamilyRoom<Content>, opening: Opening): Promise<Response> {
    let received: Received<Content> | undefined
    let cvm: AttestedCvm | undefined
    try {
      received = await room.receive(opening)
      cvm = options.cvm.lease()
      demandAttested(cvm)
      const opened = await room.open(cvm, received, { ...opening, find: cvm.finder(find) })
      void live(family, opened, cvm)
      return await opened.reply.response
    } catch (cause) {
      cvm?.release()
      const { outcome, answer: said } = unopened(cause, family === 'standard' ? limits.request : limits.stream)
      const answer = layer.unopened(said)
      observe(family, outcome)
      if (outcome === 'fault') options.fault(cause)
      return (await received?.discard()) === true
        ? answerWhole(opening.context, wholeProblem(answer), limits.stall)
        : answerAndClose(opening.context, answer)
    }
  }

  return (family, context) => {
    const opening = { find, layer, limits, context, stream }
    return family === 'standard' ? receive(family, standard, opening) : receive(family, chunked, opening)
  }
}

async function serve(cvm: AttestedCvm, wanted: Screened, body: Body, signal?: AbortSignal): Promise<CvmResponse> {
  // The verdict may have ended since the opening: then nothing is sent.
  if (!cvm.alive) throw new CvmFailure('expired', 'the verdict is over')
  const { method, path, headers } = wanted
  return cvm.send({ method, path, headers, body }, signal)
}

/** Outside there is one answer for everything that has to do with opening; the rest has to do with reading. */
function unopened(cause: unknown, limit: number): { outcome: Outcome; answer: Problem } {
  const code: RefusalCode | undefined = cause instanceof Refusal ? cause.code : undefined
  switch (code) {
    case undefined:
      return { outcome: 'fault', answer: problem(500) }
    case 'no-attested-cvm':
      return { outcome: 'no-cvm', answer: problem(503) }
    case 'stalled':
      return { outcome: 'unreadable', answer: problem(408) }
    case 'body-too-large':
      return { outcome: 'unreadable', answer: problem(413, { limit }) }
    default:
      return { outcome: 'unopened', answer: cannotOpen }
  }
}
