/**
 * A wire that remembers: passes bytes between two sockets unchanged and keeps a copy of what went each way.
 * It ends no TLS and reads nothing; whoever stands behind it receives exactly what is recorded.
 */
import { connect, createServer, type AddressInfo, type NetConnectOpts, type Server, type Socket } from 'node:net'

/** What passed on one connection, and the address by which the far side knew the near one. */
export type Recording = {
  readonly peer: string
  readonly forward: Buffer
  readonly backward: Buffer
}

export type Recorder = {
  readonly port: number
  recordings(): Recording[]
  close(): void
}

export type RecorderOptions = {
  /** a port on 127.0.0.1 or a Unix socket's path: who stands behind the wire */
  readonly to: () => NetConnectOpts
  /** a path to listen on, instead of a free port */
  readonly path?: string
}

const most = 64 * 1024 * 1024 // octets kept on one connection and direction; a longer one is cut, not passed unseen

export async function createRecorder({ to, path }: RecorderOptions): Promise<Recorder> {
  const wires: Wire[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => void wires.push(new Wire(near, to())))
  await listening(server, path)
  const address = server.address() as AddressInfo | string
  return {
    port: typeof address === 'string' ? 0 : address.port,
    recordings: () => wires.map((wire) => wire.recording()),
    close: () => {
      server.close()
      for (const wire of wires) wire.destroy()
    },
  }
}

function listening(server: Server, path: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const ready = (): void => resolve(void server.off('error', reject))
    if (path === undefined) server.listen(0, '127.0.0.1', ready)
    else server.listen(path, ready)
  })
}

class Wire {
  readonly #near: Socket
  readonly #far: Socket
  readonly #forward: Buffer[] = []
  readonly #backward: Buffer[] = []
  #peer = ''

  constructor(near: Socket, to: NetConnectOpts) {
    this.#near = near
    this.#far = connect({ ...to, allowHalfOpen: true, noDelay: true })
    this.#far.on('connect', () => (this.#peer = nameOf(this.#far, 'path' in to)))
    for (const socket of [this.#near, this.#far]) socket.on('error', () => this.destroy())
    pass(this.#near, this.#far, this.#forward)
    pass(this.#far, this.#near, this.#backward)
  }

  recording(): Recording {
    return { peer: this.#peer, forward: Buffer.concat(this.#forward), backward: Buffer.concat(this.#backward) }
  }

  destroy(): void {
    this.#near.destroy()
    this.#far.destroy()
  }
}

function nameOf(far: Socket, local: boolean): string {
  return local ? 'unix socket' : `${far.localAddress ?? ''}:${far.localPort ?? 0}`
}

function pass(from: Socket, to: Socket, kept: Buffer[]): void {
  let length = 0
  from.on('data', (part: Buffer) => {
    length += part.length
    if (length > most) {
      from.destroy()
      to.destroy()
      return
    }
    kept.push(part)
    if (!to.write(part)) from.pause()
  })
  to.on('drain', () => from.resume())
  from.on('end', () => to.end())
  from.on('close', () => to.destroySoon())
}
