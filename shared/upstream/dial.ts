/**
 * How a connection to an upstream is had: dialled, and believed only if the other side's certificate is what the operator
 * said: of an authority, of a pinned key, or both. Nothing is sent on it before that. RFC 9458 §6.2.2, trust.md 1.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls'
import { Refusal } from '../refusal.ts'
import { pinnedBy, type Pin } from './pins.ts'
import type { DialTrouble } from './trouble.ts'

export type HttpVersion = '1.1' | '2'

/** RFC 7301: the names under which the versions are chosen in the handshake. */
export const alpn: Record<HttpVersion, string> = { '1.1': 'http/1.1', '2': 'h2' }

export type TrustOptions = {
  /** PEM; replaces the public roots: with it only these certify the upstream. */
  readonly ca?: string | Buffer | undefined
  /** PEM; shows who we are (RFC 9458 §6.2.2): one certificate for the whole process, never one per client. */
  readonly own?: { readonly key: string | Buffer; readonly cert: string | Buffer } | undefined
  /** One of these keys must be the upstream's: beside `ca`, or alone without it. */
  readonly pins?: readonly Pin[] | undefined
}

/** Whom a connection believes and what it shows. */
export type Trust = {
  readonly context: SecureContext
  /** Whether an authority must vouch for the other side. Without it a pin must, and alone. */
  readonly certified: boolean
  readonly pins: readonly Pin[] | undefined
}

/** Refuses `insecure-configuration` what is not PEM, and a key that is not the certificate's. */
export function trustOf({ ca, own, pins }: TrustOptions): Trust {
  // Whoever pins has a counterpart of this house, and it speaks TLS 1.3.
  const minVersion = pins === undefined ? 'TLSv1.2' : 'TLSv1.3'
  const context = secureContext({ ...(ca === undefined ? {} : { ca }), ...own, minVersion })
  return { context, certified: ca !== undefined || pins === undefined, pins }
}

/** Files that were read before OpenSSL was asked: what it does not take of them is their operator's to mend. */
export function secureContext(options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new Refusal('insecure-configuration', `key, certificate or authority cannot be used together: ${why}`)
  }
}

export type DialOptions = {
  readonly origin: URL
  /** Asked anew for each connection; unused for `http:`. */
  readonly trust: () => Trust
  readonly http: HttpVersion
  /** milliseconds */
  readonly limit: number
  readonly now: () => number
}

export type Dialled = {
  readonly socket: Socket
  /** when what it was believed for ends */
  readonly until: number
}

/** A new connection, over which nothing has been said. Rejects with DialFailure. */
export async function dial({ origin, trust, http, limit, now }: DialOptions): Promise<Dialled> {
  const host = origin.hostname.replace(/^\[|\]$/g, '')
  const port = Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80)
  if (origin.protocol === 'http:') {
    return { socket: await opened(connectTcp({ host, port }), 'connect', limit), until: Infinity }
  }
  const believed = trust()
  const socket = connectTls({
    host,
    port,
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: [alpn[http]],
    secureContext: believed.context,
    rejectUnauthorized: believed.certified,
  })
  await opened(socket, 'secureConnect', limit)
  const until = believedUntil(socket, believed, now())
  // HTTP/1.1 needs no name in the handshake; what chose nothing speaks no HTTP/2.
  const speaks = http === '1.1' || socket.alpnProtocol === alpn[http]
  if (until !== undefined && speaks) return { socket, until }
  socket.destroy()
  if (speaks) throw new DialFailure('broken', 'not who is pinned', {}, 'not-pinned')
  throw new DialFailure('broken', 'no HTTP/2', {}, 'tls')
}

/** Why no connection was had: nobody took it in time, or anything else; and what it was, where that can be told. */
export class DialFailure extends Error {
  override readonly name = 'DialFailure'
  readonly why: 'timeout' | 'broken'
  readonly trouble: DialTrouble | undefined

  constructor(why: 'timeout' | 'broken', message: string, options: ErrorOptions = {}, trouble?: DialTrouble) {
    super(message, options)
    this.why = why
    this.trouble = trouble
  }
}

function believedUntil(socket: TLSSocket, { pins }: Trust, now: number): number | undefined {
  return pins === undefined ? Infinity : pinnedBy(socket, pins, now)?.notAfter
}

/** Resolves with the socket once it has emitted `event`, within `limit` milliseconds. */
function opened<S extends Socket>(socket: S, event: 'connect' | 'secureConnect', limit: number): Promise<S> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => fail(new DialFailure('timeout', 'nobody took the connection in time')), limit)
    const fail = (cause: Error): void => {
      clearTimeout(late)
      socket.destroy()
      reject(
        cause instanceof DialFailure
          ? cause
          : new DialFailure(whyOf(cause), 'no connection', { cause }, troubleOf(cause)),
      )
    }
    socket.setNoDelay(true)
    // Stays: between two readers an error must not take the process with it.
    socket.on('error', fail)
    socket.once('close', () => fail(new DialFailure('broken', 'closed before it was open')))
    socket.once(event, () => {
      clearTimeout(late)
      resolve(socket)
    })
  })
}

function whyOf(cause: Error & { code?: string }): 'timeout' | 'broken' {
  return cause.code === 'ETIMEDOUT' ? 'timeout' : 'broken'
}

const nameless = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME'])
const closed = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EACCES', 'EPERM'])

/** Codes of the system begin with E and are one word; what else there is comes from TLS, and EPROTO too. */
function troubleOf({ code = 'EUNKNOWN' }: Error & { code?: string }): DialTrouble | undefined {
  if (nameless.has(code)) return 'no-address'
  if (closed.has(code)) return 'unreachable'
  return code === 'EPROTO' || !/^E[A-Z0-9]+$/.test(code) ? 'tls' : undefined
}
