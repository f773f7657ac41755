/** A way around Node's HTTP parser for TLS connections that it reads from underneath (26.10). */
import type { TLSSocket } from 'node:tls'

/**
 * Makes Node read this connection through its stream. Left to itself its parser takes records straight from the TLS layer, which
 * goes on giving what it has after the parser was paused because an answer is not taken yet: a request of several records
 * that comes then would be refused as malformed, and its connection ended (`HPE_PAUSED`). A listener is all that it takes.
 * To be called when HTTP has the connection already.
 */
export function readByStream(socket: TLSSocket): void {
  socket.on('data', () => undefined)
}
