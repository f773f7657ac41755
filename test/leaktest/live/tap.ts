/**
 * A tap on a link: passes octets between two sockets unchanged, ends no TLS, and remembers what went each way and when.
 * What a network sees is exactly this. privacy.md 2.1 (record taps). The far side is asked from the near side's own
 * address, so that a relay behind a tap meets its clients as they are.
 */
import { connect, createServer, type AddressInfo, type NetConnectOpts, type Server, type Socket } from 'node:net'

/** Octets as they passed, at `t` milliseconds on the clock of the tap. */
export type Passed = { readonly t: number; readonly octets: Buffer }

export type Connection = {
  /** from 0, in order of arrival */
  readonly id: number
  readonly opened: number
  /** how the far side knew the near one, as address and port */
  readonly peer: { readonly address: string; readonly port: number }
  readonly forward: readonly Passed[]
  readonly backward: readonly Passed[]
  /** when the near side ended or broke it; undefined while it lives */
  readonly nearGone: number | undefined
}

export type Tap = {
  /** where the near side connects */
  readonly host: string
  readonly port: number
  readonly connections: () => readonly Connection[]
  close(): void
}

export type TapOptions = {
  /** who stands behind the tap */
  readonly to: NetConnectOpts
  /** a path or a port to listen on, instead of a free port */
  readonly path?: string
  readonly port?: number
  readonly now?: () => number
}

export async function createTap({ to, path, port = 0, now = monotonic }: TapOptions): Promise<Tap> {
  const wires: Wire[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    wires.push(new Wire(wires.length, near, to, now))
  })
  await listening(server, path ?? port)
  const address = server.address() as AddressInfo | string
  return {
    host: '127.0.0.1',
    port: typeof address === 'string' ? 0 : address.port,
    connections: () => wires,
    close: () => {
      server.close()
      for (const wire of wires) wire.destroy()
    },
  }
}

/** Milliseconds that never go back, the same in all taps of this process. */
export function monotonic(): number {
  return performance.now()
}

export function joined(passed: readonly Passed[]): Buffer {
  return Buffer.concat(passed.map(({ octets }) => octets))
}

/** When the octet at `offset` of that direction passed; when the last one did, for an offset at or after the end. */
export function timeAt(passed: readonly Passed[], offset: number): number {
  let end = 0
  for (const { t, octets } of passed) {
    end += octets.length
    if (offset < end) return t
  }
  return passed.at(-1)?.t ?? Number.NaN
}

function listening(server: Server, at: string | number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const ready = (): void => resolve(void server.off('error', reject))
    if (typeof at === 'number') server.listen(at, '127.0.0.1', ready)
    else server.listen(at, ready)
  })
}

class Wire implements Connection {
  readonly id: number
  readonly opened: number
  readonly forward: Passed[] = []
  readonly backward: Passed[] = []
  nearGone: number | undefined
  readonly #near: Socket
  readonly #far: Socket
  #peer = { address: '', port: 0 }

  constructor(id: number, near: Socket, to: NetConnectOpts, now: () => number) {
    this.id = id
    this.opened = now()
    this.#near = near
    this.#far = connect({ ...to, ...sourceOf(near, to), allowHalfOpen: true, noDelay: true })
    this.#far.on('connect', () => (this.#peer = peerOf(this.#far)))
    for (const socket of [this.#near, this.#far]) socket.on('error', () => this.destroy())
    for (const event of ['end', 'close']) this.#near.once(event, () => (this.nearGone ??= now()))
    pass(this.#near, this.#far, this.forward, now)
    pass(this.#far, this.#near, this.backward, now)
  }

  get peer(): Connection['peer'] {
    return this.#peer
  }

  destroy(): void {
    this.#near.destroy()
    // A reset, if it was one, goes on as one.
    this.#far.destroy()
  }
}

function sourceOf(near: Socket, to: NetConnectOpts): { localAddress?: string } {
  const address = near.remoteAddress
  // Beyond this machine nobody can be reached from 127/8.
  const near127 = 'host' in to && to.host?.startsWith('127.') === true
  return !near127 || address === undefined || address === '127.0.0.1' ? {} : { localAddress: address }
}

function peerOf(far: Socket): Connection['peer'] {
  return { address: far.localAddress ?? 'unix socket', port: far.localPort ?? 0 }
}

function pass(from: Socket, to: Socket, kept: Passed[], now: () => number): void {
  from.on('data', (octets: Buffer) => {
    kept.push({ t: now(), octets })
    if (!to.write(octets)) from.pause()
  })
  to.on('drain', () => from.resume())
  from.on('end', () => to.end())
  from.on('close', () => to.destroySoon())
}
