/** What tests of the profile `mixed` share: a clock that stands still, bodies on the grid, gateways that never tire. */
import type { createRelay } from '../../relay/app.ts'
import { bodyOf, httpGateway, post, rawClient, until, wait, type RawClient, type TestRelay } from './harness.ts'

export const period = 50
export const chunked = { 'content-type': 'message/ohttp-chunked-req' }
export const streamed = { 'content-type': 'message/ohttp-chunked-res' }
export const MiB = 1 << 20

/** A body on the grid that says which one it is. */
export const body = (name: number | string): string => String(name).padEnd(1024, '.')
export const nameOf = (text: string): string => bodyOf(text).replace(/\.+$/, '')

/** A clock that stands between two ticks until it is told to go on. */
export function standing() {
  let ticks = 0
  return { now: (): number => 1_000_000_010 + ticks * period, next: () => ++ticks }
}

/** Lets ticks pass until something holds. */
export async function ticking(clock: ReturnType<typeof standing>, holds: () => boolean): Promise<void> {
  const timer = setInterval(clock.next, 10)
  await until(holds).finally(() => clearInterval(timer))
}

export function send(relay: TestRelay, text: string): RawClient {
  const client = rawClient(relay.port)
  client.socket.write(text, 'latin1')
  return client
}

/** Sends these one after the other, each complete at the relay before the next one begins. */
export async function arrive(relay: TestRelay, names: readonly number[]): Promise<RawClient[]> {
  const clients: RawClient[] = []
  for (const name of names) {
    clients.push(send(relay, post({}, body(name))))
    await until(() => relay.sizes.length === clients.length)
  }
  return clients
}

/** A gateway that sends so many octets as fast as they are taken. */
export async function pouring(octets: number) {
  const state = { written: 0, ended: 0, broken: false, finished: false }
  const piece = 'x'.repeat(65_536)
  const { port } = await httpGateway((asked, response) => {
    asked.resume()
    response.writeHead(200, streamed)
    let left = octets
    const pour = (): void => {
      while (left > 0) {
        left -= piece.length
        state.written += piece.length
        if (!response.write(piece)) return void response.once('drain', pour)
      }
      response.end(() => {
        state.ended++
        state.finished = true
      })
    }
    response.once('close', () => (state.broken ||= !response.writableFinished))
    pour()
  })
  return { port, state }
}

/** Until a while has passed in which nothing was taken. */
export async function stalled(state: { readonly written: number }): Promise<void> {
  for (let before = -1; state.written !== before;) {
    before = state.written
    await wait(300)
  }
}

/** Admits everybody. */
export const open = {
  meet: () => () => undefined,
  admit: () => undefined,
  enter: () => () => undefined,
  abandon: () => () => undefined,
  abandoned: () => 0,
  bucketOf: () => '' as never,
}

export function request(path: string, text: string, headers = { 'content-type': 'message/ohttp-req' }): Request {
  return new Request(`http://relay.example${path}`, { method: 'POST', headers, body: text })
}

type Forward = Parameters<typeof createRelay>[0]['routes'][0]['forward']

/** A gateway without a wire: answers each request with its own content; `done` is how many it has answered. */
export function recorded(asked: (name: string) => void): { forward: Forward; done: () => number } {
  let answered = 0
  const forward: Forward = ({ body: sent }, listener) => {
    const bytes = sent as Uint8Array
    asked(Buffer.from(bytes).toString('latin1').replace(/\.+$/, ''))
    queueMicrotask(() => {
      listener.head(200, (name) => (name === 'content-type' ? 'message/ohttp-res' : undefined))
      listener.data(bytes)
      listener.end()
      answered++
    })
    return { pause: () => undefined, resume: () => undefined, abort: () => undefined }
  }
  return { forward, done: () => answered }
}

/** A gateway without a wire that answers with a stream in these pieces, as fast as it is let. */
export function piecemeal(pieces: readonly Uint8Array[]): { forward: Forward } {
  const forward: Forward = (_request, listener) => {
    const left = pieces[Symbol.iterator]()
    let paused = false
    const pour = (): void => {
      while (!paused) {
        const { done, value } = left.next()
        if (done === true) {
          listener.end()
          return
        }
        listener.data(value)
      }
    }
    queueMicrotask(() => {
      listener.head(200, (name) => (name === 'content-type' ? 'message/ohttp-chunked-res' : undefined))
      pour()
    })
    return {
      pause() {
        paused = true
      },
      resume() {
        paused = false
        queueMicrotask(pour)
      },
      abort: () => undefined,
    }
  }
  return { forward }
}
