/** The two ways an answer goes back: whole, as one message of known length, or piece by piece (feasibility 1). */
import type { Problem } from '../shared/http/problem.ts'
import { answerAndClose, answerTo, letGoWhenStalled, nodeBindings, plain } from '../shared/upstream/answer.ts'
import { whole } from '../shared/upstream/exchange.ts'
import { broken } from './forward.ts'
import type { Delivery } from './exchange.ts'

type Context = { readonly env: unknown }
type Client = { drained(): void; left(): void }

export type DeliveryOptions = {
  readonly context: Context
  readonly fields: Record<string, string>
  readonly dress: (refused: Problem) => Problem
  readonly max: number
  readonly stall: number
  /** Called later, never from within. */
  readonly client: () => Client
}

export type Delivering = Delivery & { readonly response: Response | Promise<Response> }

/** Kept until the gateway has said everything: an answer that breaks off becomes a 502 and is never seen in part. */
export function whenWhole({ context, fields, dress, max, stall, client }: DeliveryOptions): Delivering {
  const parts: Uint8Array[] = []
  let respond: (response: Response) => void = () => undefined
  const response = new Promise<Response>((resolve) => (respond = resolve))
  const left = (): void => {
    parts.length = 0
    client().left()
  }
  const outgoing = nodeBindings(context)?.outgoing
  if (outgoing?.destroyed === true) queueMicrotask(left)
  else outgoing?.once('close', left)
  return {
    response,
    max,
    begun: false,
    write: (bytes) => parts.push(bytes) > 0,
    end() {
      const body = whole(parts)
      respond(new Response(body, { headers: { ...fields, 'content-length': String(body.length) } }))
      // Small ones fit into the kernel's buffers and need no timer.
      if (body.length > 65_536) setTimeout(letGoWhenStalled, 0, context, stall)
    },
    refuse: (refused, close) => respond(close ? answerAndClose(context, dress(refused)) : plain(dress(refused))),
    cut: () => respond(plain(dress(broken))),
  }
}

/** Written on as it comes. The head leaves with the first piece, so a gateway that fails before it still gets its 502. */
export function asItComes({ context, fields, dress, max, stall, client }: DeliveryOptions): Delivering {
  const answer = answerTo(context, stall, { drained: () => client().drained(), left: () => client().left() })
  return {
    response: answer.response,
    max,
    get begun() {
      return answer.headSent
    },
    write(bytes) {
      if (!answer.headSent) answer.head(200, fields)
      return answer.write(bytes)
    },
    end() {
      if (!answer.headSent) answer.head(200, fields)
      answer.end()
    },
    refuse: (refused, close) => answer.refuse(dress(refused), close),
    cut: () => answer.cut(),
  }
}
