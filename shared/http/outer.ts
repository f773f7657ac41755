/** Fields of the request that carries an encapsulated one. RFC 9110 §5.3. */
import type { IncomingMessage } from 'node:http'

type Context = { readonly env: unknown; readonly req: { readonly raw: Request } }

/**
 * As `Headers.get` would give it, several lines joined: two of a kind must not pass for the first of them, as they do in
 * Node's `headers`. Read from Node's own list where there is one; a Headers object for one look would be dear.
 */
export function outerField({ env, req }: Context, wanted: string): string | undefined {
  const incoming = (env as { incoming?: IncomingMessage } | null | undefined)?.incoming
  return incoming === undefined ? (req.raw.headers.get(wanted) ?? undefined) : line(incoming.rawHeaders, wanted)
}

/** The same from a list of names and values in turn; `wanted` in lower case. */
export function line(raw: readonly string[], wanted: string): string | undefined {
  let found: string | undefined
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? ''
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue
    found = found === undefined ? raw[at + 1] : `${found}, ${raw[at + 1] ?? ''}`
  }
  return found
}
