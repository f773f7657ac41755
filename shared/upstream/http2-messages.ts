/**
 * Node's HTTP/2 requests and answers where they differ from what our code for HTTP/1.1 expects: whether one is over, how it
 * is cut, and what must not be said in HTTP/2 (RFC 9113 §8.1, §8.2.2; HOP-4, HOP-8).
 */
import { constants, Http2ServerRequest, Http2ServerResponse, type ServerHttp2Session } from 'node:http2'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'

/** A request that does not pass for complete when its stream was reset: Node ends it either way. */
export class StreamRequest extends Http2ServerRequest {
  constructor(...made: ConstructorParameters<typeof Http2ServerRequest>) {
    super(...made)
    this.stream.once('aborted', () => this.destroy())
  }
}

const ofConnection = new Set(['connection', 'keep-alive', 'transfer-encoding'])

/** An answer of which everything that is about the connection is left out. */
export class StreamAnswer extends Http2ServerResponse {
  static {
    // An accessor, where the types that Node's answers inherit have a property.
    Object.defineProperty(this.prototype, 'destroyed', {
      get(this: StreamAnswer) {
        return this.stream.destroyed || this.stream.closed
      },
    })
  }

  override setHeader(name: string, value: string): void {
    if (!ofConnection.has(name)) super.setHeader(name, value)
  }

  override writeHead(status: number, ...rest: unknown[]): this {
    const fields = (rest.at(-1) ?? {}) as OutgoingHttpHeaders
    const kept = Object.entries(fields).filter(([name]) => !ofConnection.has(name.toLowerCase()))
    return super.writeHead(status, Object.fromEntries(kept))
  }

  // HOP-8: an answer that is cut must not pass for one that has ended. Closing a stream ends what is said on it, whatever
  // the code; and destroying it without a cause says that nothing is wrong. The adapter destroys also what has ended, when
  // the request was not read: then it is flushed, and the rest of the request not wanted (RFC 9113 §8.1).
  override destroy(): this {
    if (this.writableEnded) this.stream.close(constants.NGHTTP2_NO_ERROR)
    else this.stream.destroy(new Error('cut'))
    return this
  }
}

/** The session of a request, if it came over HTTP/2. */
export function sessionOf(incoming: IncomingMessage): ServerHttp2Session | undefined {
  const request: unknown = incoming
  return request instanceof Http2ServerRequest ? (request.stream.session as ServerHttp2Session | undefined) : undefined
}

/** Nothing more on this connection, and not a word to this request; what else is under way there may end. */
export function hangUp(incoming: IncomingMessage): void {
  const request: unknown = incoming
  if (!(request instanceof Http2ServerRequest)) return void incoming.socket.destroy()
  const { session } = request.stream
  request.stream.destroy(new Error('not welcome any more'))
  session?.close()
}
