/** The two ways an answer goes back: whole, as one message of known length, or piece by piece (feasibility 1). */
import type { Problem } from '../shared/http/problem.ts'
import {
  alreadySent,
  answerAndClose,
  answerTo,
  letGoWhenStalled,
  nodeBindings,
  plain,
  problemFields,
} from '../shared/upstream/answer.ts'
import { whole } from '../shared/upstream/exchange.ts'
import { broken } from './forward.ts'
import type { Delivery } from './exchange.ts'
import type { Spoilt } from './vocabulary.ts'

type Context = { readonly env: unknown }
type Client = { drained(): void; left(): void; spoilt(outcome: Spoilt): void }

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

type Send = (status: number, fields: Record<string, string>, body: Uint8Array<ArrayBuffer> | string) => void
type Bindings = NonNullable<ReturnType<typeof nodeBindings>>
type Way = {
  readonly response: Response | Promise<Response>
  readonly send: Send
  readonly close: (why: Problem) => void
}

/** Kept until the gateway has said everything: an answer that breaks off becomes a 502 and is never seen in part. */
export function whenWhole(options: DeliveryOptions): Delivering {
  const { fields, dress, max } = options
  const bindings = nodeBindings(options.context)
  const parts: Uint8Array[] = []
  const { response, send, close } = bindings === undefined ? returned() : written(bindings, parts, options)
  const refuse = (refused: Problem): void => send(refused.status, problemFields(refused), refused.body)
  return {
    response,
    max,
    begun: false,
    write: (bytes) => parts.push(bytes) > 0,
    end() {
      const body = whole(parts)
      send(200, { ...fields, 'content-length': String(body.length) }, body)
    },
    refuse: (refused, closing) => (closing ? close : refuse)(dress(refused)),
    cut: () => refuse(dress(broken)),
  }
}

// Straight onto Node's response: no Response is made, and nobody waits for one.
function written(bindings: Bindings, parts: Uint8Array[], { context, stall, client }: DeliveryOptions): Way {
  const { outgoing } = bindings
  const left = (): void => {
    parts.length = 0
    client().left()
  }
  if (outgoing.destroyed) queueMicrotask(left)
  else outgoing.on('close', left)
  return {
    response: alreadySent,
    send(status, fields, body) {
      if (outgoing.destroyed) return
      outgoing.writeHead(status, fields).end(body)
      // Small ones fit into the kernel's buffers and need no timer.
      if (body.length > 65_536) letGoWhenStalled(bindings, stall)
    },
    close: (why) => void answerAndClose(context, why),
  }
}

function returned(): Way {
  let respond: (response: Response) => void = () => undefined
  const response = new Promise<Response>((resolve) => (respond = resolve))
  const send: Send = (status, headers, body) => respond(new Response(body, { status, headers }))
  return { response, send, close: (why) => respond(plain(why)) }
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
