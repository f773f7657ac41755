/**
 * One synthetic client: an address, a TLS fingerprint, a header order of its own, and every header that might give it
 * away. It speaks HTTP/1.1 by hand, so that what goes out is what was meant. The sealing is the product's own client.
 */
import type { Socket } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RelayAnswer, RelayRequest, Transport } from '../../../shared/client/transport.ts'
import { readAnswer, type RawAnswer } from './raw-answer.ts'
import type { Planted } from './planted.ts'

export type Sending = {
  readonly method?: string
  /** default `/` */
  readonly path?: string
  /** besides the client's own */
  readonly fields?: readonly (readonly [name: string, value: string])[]
  readonly body?: Uint8Array
  /** in this many pieces, with a pause of so many milliseconds between two */
  readonly drip?: { readonly pieces: number; readonly pause: number }
  /** leaves after so many milliseconds, without a word */
  readonly leaveAfter?: number
}

export type ClientOptions = {
  readonly index: number
  readonly planted: Planted
  /** the tap on link A, and its address where that is not 127.0.0.1 */
  readonly port: number
  readonly at?: string
  readonly ca: string | undefined
  /** the relay's own name, where it is not ours */
  readonly host?: string
  /** gets the secrets of this client's TLS sessions, so that the lab can read what the relay reads */
  readonly secrets: (line: string) => void
}

export class LabClient {
  readonly index: number
  readonly planted: Planted
  /** how sealed requests are sent until further notice */
  manner: Pick<Sending, 'drip' | 'leaveAfter'> = {}
  readonly #options: ClientOptions
  #socket: TLSSocket | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: ClientOptions) {
    this.index = options.index
    this.planted = options.planted
    this.#options = options
  }

  /** One after the other on one connection, as a browser does with a relay that it knows. */
  send(sending: Sending): Promise<RawAnswer> {
    const next = this.#turn.then(() => this.#exchange(sending))
    this.#turn = next.catch(() => undefined)
    return next
  }

  /** `query`: in the relay's address, as a client with a marked link would have it. */
  transport(query = ''): Transport {
    return {
      send: async ({ method, url, fields, body }: RelayRequest): Promise<RelayAnswer> => {
        if (body !== undefined && !(body instanceof Uint8Array)) throw new TypeError('the lab sends whole requests')
        const path = `${url.pathname}${query === '' ? '' : `?${query}`}`
        const answer = await this.send({
          method,
          path,
          fields: Object.entries(fields),
          ...(body === undefined ? {} : { body, ...this.manner }),
        })
        return { status: answer.status, field: (name) => answer.field(name), body: once(answer.body) }
      },
    }
  }

  get #at(): string {
    return this.#options.at ?? '127.0.0.1'
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  async #exchange(sending: Sending): Promise<RawAnswer> {
    const socket = await this.#connected()
    const { leaveAfter } = sending
    const answer = readAnswer(socket)
    answer.catch(() => this.close())
    if (leaveAfter !== undefined) setTimeout(() => socket.destroy(), leaveAfter)
    await write(socket, this.#head(sending), sending)
    const heard = await answer
    if (heard.closes) this.close()
    return heard
  }

  #head({ method = 'POST', path = '/', fields = [], body }: Sending): string {
    const host = this.#options.host ?? `${this.#at}:${String(this.#options.port)}`
    const own: Sending['fields'] = [['Host', host], ...this.planted.outer]
    const length: Sending['fields'] = body === undefined ? [] : [['Content-Length', String(body.length)]]
    const lines = [...own, ...fields, ...length].map(([name, value]) => `${name}: ${value}\r\n`)
    return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
  }

  async #connected(): Promise<TLSSocket> {
    if (this.#socket?.writable === true && !this.#socket.destroyed) return this.#socket
    const { port, ca, planted, index, secrets } = this.#options
    const socket = connect({
      host: this.#at,
      ...{ port, ca, localAddress: planted.address, servername: planted.serverName, ...fingerprint(index) },
      // The name is a canary; who is asked is known by the tap that stands there.
      checkServerIdentity: () => undefined,
    } as ConnectionOptions)
    socket.on('keylog', (line: Buffer) => secrets(line.toString()))
    socket.setNoDelay(true)
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    // From here on whoever waits for an answer learns of it; between two requests nobody has to.
    socket.on('error', () => socket.destroy())
    this.#socket = socket
    return socket
  }
}

/** Different ciphers, groups and protocols for one client and the next: their hellos tell them apart (F03). */
function fingerprint(index: number): ConnectionOptions {
  const suites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']
  const turned = [...suites.slice(index % 3), ...suites.slice(0, index % 3)]
  const groups = ['X25519:P-256', 'P-256:X25519', 'X25519:P-256:P-384', 'P-384:P-256']
  return {
    minVersion: 'TLSv1.3',
    ciphers: turned.join(':'),
    ecdhCurve: groups[index % groups.length] ?? 'X25519',
    ...(index % 2 === 0 ? { ALPNProtocols: ['http/1.1'] } : {}),
  }
}

async function write(socket: Socket, head: string, { body, drip }: Sending): Promise<void> {
  if (body === undefined || drip === undefined) {
    socket.write(body === undefined ? head : Buffer.concat([Buffer.from(head), body]))
    return
  }
  socket.write(head)
  const step = Math.ceil(body.length / drip.pieces)
  for (let at = 0; at < body.length; at += step) {
    await sleep(drip.pause)
    socket.write(body.subarray(at, at + step))
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes)
}
