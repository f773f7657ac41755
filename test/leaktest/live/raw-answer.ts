/** One HTTP/1.1 answer read off a socket, with its head as it came. RFC 9112. */
import type { Socket } from 'node:net'
import { readHttp } from '../../../deploy/local/seen/http-log.ts'

export type RawAnswer = {
  readonly status: number
  /** octets up to and with the empty line */
  readonly head: Buffer
  readonly body: Buffer
  field(name: string): string | null
  /** the connection ends with it */
  readonly closes: boolean
}

/** Rejects if the connection ends before the answer does. The socket carries nothing else meanwhile. */
export function readAnswer(socket: Socket): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0)
    const settle = (end: () => void): void => {
      socket.off('data', take).off('close', broken).off('error', broken)
      end()
    }
    const broken = (): void => settle(() => reject(new Error('the relay broke off')))
    const take = (part: Buffer): void => {
      seen = Buffer.concat([seen, part])
      const answer = complete(seen)
      if (answer !== undefined) settle(() => resolve(answer))
    }
    socket.on('data', take).on('close', broken).on('error', broken)
  })
}

/** Undefined while some of it is missing. */
function complete(bytes: Buffer): RawAnswer | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const chunked = /\r\ntransfer-encoding: *chunked\r\n/i.test(bytes.toString('latin1', 0, headEnd + 2))
  if (chunked && !bytes.subarray(-7).toString('latin1').endsWith('0\r\n\r\n')) return undefined
  const [message] = readHttp(bytes)
  if (message === undefined) return undefined
  const field = (name: string): string | null => message.fields.find(([key]) => key === name)?.[1] ?? null
  const wanted = Number(field('content-length') ?? 0)
  if (!chunked && message.body.length < wanted) return undefined
  return {
    status: Number(message.start.split(' ')[1]),
    head: bytes.subarray(0, headEnd + 4),
    body: message.body,
    field,
    closes: field('connection') === 'close',
  }
}
