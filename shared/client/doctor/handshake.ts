/** A TLS handshake and nothing behind it: who is there, and how it speaks. */
import { isIP } from 'node:net'
import { connect, type ConnectionOptions, type PeerCertificate } from 'node:tls'
import { unheardBy } from './ask.ts'
import { Unheard } from './findings.ts'

export type Handshake = {
  readonly protocol: string
  readonly certificate: PeerCertificate
  /** why it is not to be believed; undefined if it is */
  readonly why: string | undefined
  /** whom we reached */
  readonly address: string
}

type Asking = { readonly signal: AbortSignal; readonly patience: number }

/** Refuses with `Unheard`. Whoever is there is heard out, believed or not. */
export function handshake(url: URL, { signal, patience }: Asking, options: ConnectionOptions): Promise<Handshake> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const within = AbortSignal.any([signal, AbortSignal.timeout(patience)])
  return new Promise((resolve, reject) => {
    const names = isIP(host) === 0 ? { servername: host } : {}
    const port = url.port === '' ? 443 : Number(url.port)
    const socket = connect({ host, port, ALPNProtocols: ['http/1.1'], ...names, ...options, rejectUnauthorized: false })
    const late = (): void => void socket.destroy(new Unheard('TIMEOUT'))
    within.addEventListener('abort', late, { once: true })
    socket.once('close', () => within.removeEventListener('abort', late))
    socket.once('error', (cause) => reject(unheardBy(cause)))
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate(true)
      const { authorizationError, remoteAddress: address = '' } = socket
      const why = socket.authorized ? undefined : String(authorizationError)
      resolve({ protocol: socket.getProtocol() ?? 'unknown', certificate, why, address })
      socket.destroy()
    })
  })
}
