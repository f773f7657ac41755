/** Fields of the request that carries an encapsulated one. RFC 9110 §5.3. */
import type { IncomingMessage } from 'node:http'

type Context = { readonly env: unknown; readonly req: { readonly raw: Request } }

/**
 * As `Headers.get` would give it, several lines joined: two of a kind must not pass for the first of them, as they do in
 * Node's `headers`. Read from Node's own list where there is one; a Headers object for one look would be dear.
 */
export function outerField({ env, req }: Context, wanted: string): string | null {
  const { incoming } = (env ?? {}) as { incoming?: IncomingMessage }
  return incoming === undefined ? req.raw.headers.get(wanted) : joined(incoming.rawHeaders, wanted)
}

function joined(raw: readonly string[], wanted: string): string | null {
  let found: string | null = null
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]]
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue
    found = found === null ? value : `${found}, ${value}`
  }
  return found
}
