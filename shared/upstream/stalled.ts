/**
 * What was written must also be taken, an error or a list as much as an answer: a client that reads nothing would keep
 * it, and its connection, for ever. wire.md "Limits", stall.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends connections that took nothing of what is written to them for `stall` milliseconds, give or take an eighth. One
 * timer looks at all of them: nearly none ever has something waiting, and those that have get a timer of Node's, which
 * knows about progress within one long write.
 */
export function letGoOfStalled(server: Server, event: 'connection' | 'secureConnection', stall: number): void {
  const open = new Set<Socket>()
  const watched = new WeakSet<Socket>()
  server.on(event, (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => void open.delete(socket))
  })
  const look = (socket: Socket): void => {
    const waits = socket.writableLength > 0
    // A timer that somebody else set knows better what this connection waits for.
    const free = socket.timeout === undefined || socket.timeout === 0
    if (waits && free) watched.add(socket.setTimeout(stall))
    else if (!waits && watched.delete(socket) && socket.timeout === stall) socket.setTimeout(0)
  }
  const timer = setInterval(() => open.forEach(look), Math.ceil(stall / 8)).unref()
  server.once('close', () => clearInterval(timer))
}
