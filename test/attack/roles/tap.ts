/** A, B, D: somebody on a link, below TLS. It sees octets and times, holds no key, and does to them what its script says. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Stage } from '../frame/stage.ts'
import { listening } from './trap.ts'

export type Piece = {
  /** connections, in the order in which they were made */
  readonly connection: number
  readonly from: 'client' | 'server'
  readonly bytes: Buffer
  /** milliseconds */
  readonly t: number
}

export type TapScript = {
  /** What goes on instead of a piece; `cut` ends both sides at once, `hold` swallows it. */
  readonly onPiece?: (piece: Piece, seen: readonly Piece[]) => Buffer | 'cut' | 'hold'
}

export type Tap = {
  readonly port: number
  readonly url: string
  readonly pieces: readonly Piece[]
  readonly connections: () => number
  /** Resets every connection. */
  readonly reset: () => void
  /** latin1 of all that one side said */
  readonly heard: (from: Piece['from']) => string
  /** what it does from now on */
  script: TapScript
}

/** `at`: its own port; 0 takes a free one. */
export async function tap({ defer }: Pick<Stage, 'defer'>, to: number, script: TapScript = {}, at = 0): Promise<Tap> {
  const pieces: Piece[] = []
  const ends = new Set<Socket>()
  let connections = 0
  const pass = (connection: number, from: Piece['from'], source: Socket, sink: Socket): void => {
    ends.add(source)
    source.setNoDelay(true)
    source.on('error', () => sink.destroy())
    source.on('close', () => sink.destroySoon())
    source.on('end', () => sink.end())
    source.on('data', (bytes: Buffer) => {
      const piece = { connection, from, bytes, t: performance.now() }
      pieces.push(piece)
      const next = self.script.onPiece?.(piece, pieces) ?? bytes
      if (next === 'cut') for (const end of [source, sink]) end.resetAndDestroy()
      else if (next !== 'hold' && !sink.destroyed && !sink.write(next)) {
        source.pause()
        sink.once('drain', () => source.resume())
      }
    })
  }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const number = connections++
    const onward = connect({ host: '127.0.0.1', port: to, allowHalfOpen: true })
    pass(number, 'client', client, onward)
    pass(number, 'server', onward, client)
  })
  await listening(server, at)
  const reset = (): void => ends.forEach((end) => end.resetAndDestroy())
  defer(() => {
    reset()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const heard = (from: Piece['from']): string =>
    pieces.map((piece) => (piece.from === from ? piece.bytes.toString('latin1') : '')).join('')
  const self: Tap = {
    port,
    url: `http://127.0.0.1:${port}`,
    pieces,
    connections: () => connections,
    reset,
    heard,
    script,
  }
  return self
}
