/** HTTP/2 by hand: frames in and out of a TLS connection, for what no library would say. RFC 9113 §4.1, RFC 7541 §6.2.2. */
import { once } from 'node:events'
import { connect, type ConnectionOptions } from 'node:tls'
import { onTestFinished } from 'vitest'

export type Frame = { readonly type: number; readonly flags: number; readonly stream: number; readonly payload: Buffer }

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  continuation: 9,
}

export const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

export function frame(type: number, stream: number, flags = 0, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** Whole frames of what was heard, after `skip` octets. */
export function framesOf(parts: readonly Buffer[], skip = 0): readonly Frame[] {
  const bytes = Buffer.concat(parts)
  const frames: Frame[] = []
  for (let at = skip; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const payload = bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3))
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload,
    })
  }
  return frames
}

/** A header block in which nothing is compressed and nothing is to be kept. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string): Buffer => {
    const octets = Buffer.from(value, 'latin1')
    const length: number[] = []
    let left = octets.length
    if (left < 127) length.push(left)
    else
      for (length.push(127), left -= 127; ; left >>= 7)
        if ((length.push(left < 128 ? left : (left & 127) | 128), left < 128)) break
    return Buffer.concat([Buffer.from(length), octets])
  }
  return Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])))
}

export const asking = (path = '/', method = 'GET') =>
  [
    [':method', method],
    [':scheme', 'https'],
    [':authority', 'x'],
    [':path', path],
  ] as const

/** A connection that has begun to speak HTTP/2: what it is told, and whether it has ended. */
export async function speaker(options: ConnectionOptions) {
  const socket = connect({ host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false, ...options })
  const heard: Buffer[] = []
  let ended = false
  socket
    .on('error', () => undefined)
    .on('data', (bytes: Buffer) => heard.push(bytes))
    .on('close', () => (ended = true))
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  socket.write(preface)
  socket.write(frame(frameTypes.settings, 0))
  return { socket, frames: () => framesOf(heard), ended: () => ended }
}
