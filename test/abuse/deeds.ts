/** What somebody does at a relay's socket, and what comes of it. */
import { connect } from 'node:net'
import { onTestFinished } from 'vitest'
import { ask, head, post, rawClient, until, type RawClient, type TestRelay } from '../relay/harness.ts'

/** One thing that somebody does: what comes back, `ended` standing for a connection that ended without an answer. */
export type Deed = (relay: TestRelay) => Promise<string>
const first = (text: string): string => head(text)[0] ?? ''
export const status = (text: string): string => (text === '' ? 'ended' : first(text).replace('HTTP/1.1 ', ''))
export const asked =
  (text: string): Deed =>
  async ({ port }) =>
    status(await ask(port, text))

/** Sends and waits for the end of the connection. */
export const untilClosed =
  (...parts: readonly string[]): Deed =>
  async ({ port }) => {
    const client = rawClient(port)
    for (const part of parts) client.socket.write(part)
    await client.closed
    return status(client.heard())
  }

/** Does something while others hold what there is little of. */
export const behind =
  (holds: (relay: TestRelay) => Promise<unknown>, deed: Deed): Deed =>
  async (relay) => {
    await holds(relay)
    return deed(relay)
  }

export const get = (...lines: string[]): string => ['GET / HTTP/1.1', 'host: x', ...lines, '', ''].join('\r\n')
export const chunkedType = { 'content-type': 'message/ohttp-chunked-req' }
export const inChunks = (...parts: string[]): string =>
  `${post({ 'transfer-encoding': 'chunked' }, '').replace(/content-length: .*\r\n/, '')}${parts
    .map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
    .join('')}0\r\n\r\n`

/** Requests that the gateway never answers. */
export const under =
  (count: number, text: string) =>
  async ({ port, active }: TestRelay): Promise<RawClient[]> => {
    const clients = Array.from({ length: count }, () => rawClient(port))
    for (const { socket } of clients) socket.write(text)
    await until(() => active() === count)
    return clients
  }

export const onTheGrid = (fields: Record<string, string> = {}): string => post(fields, 'x'.repeat(1024))

/** One request that is stored and goes with the next tick. */
export const waiting = async ({ port, sizes }: TestRelay): Promise<void> => {
  rawClient(port).socket.write(onTheGrid())
  await until(() => sizes.length === 1)
}

export const abandoned = async (relay: TestRelay): Promise<void> => {
  for (const client of await under(2, post())(relay)) client.socket.resetAndDestroy()
  await until(() => relay.abandoned() === 2)
}

export const connected =
  (count: number) =>
  async ({ port, connections }: TestRelay): Promise<void> => {
    for (let i = 0; i < count; i++) rawClient(port)
    await until(() => connections() === count)
  }

/** Reads nothing of what it asked for. */
export const unread =
  (text: string): Deed =>
  async (relay) => {
    const socket = connect({ host: '127.0.0.1', port: relay.port }).on('error', () => undefined)
    onTestFinished(() => void socket.destroy())
    socket.pause().write(text)
    await until(() => relay.connections() === 1)
    await until(() => relay.connections() === 0)
    return 'ended'
  }
