/**
 * HTTP/2 for sockets whose TLS is done: the same handler as HTTP/1.1 and the same limits, and where HTTP/2 has no answer
 * of its own a frame without words. What many streams of one connection could do to the others is bounded here, beside
 * Node's own bounds. RFC 9113 §6.8, §10.5; OHTTP-R7, HOP-4; wire.md "Heads are constants", "Limits".
 */
import { constants, createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { arrive } from '../limits/bucket.ts'
import { StreamAnswer, StreamRequest } from './http2-messages.ts'

export type SpeakerLimits = {
  readonly streams: number
  readonly fields: number
  readonly headerSection: number
  /** milliseconds until the first request, without any, and without anything taken of an answer */
  readonly head: number
  readonly keepAlive: number
  readonly stall: number
}

export type SpeakerOptions = {
  readonly answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void
  /** CONNECT, and expectations that are none of HTTP's */
  readonly refuse: (outgoing: ServerResponse, status: 400 | 405) => void
  /** Somebody sent more of what is no request than anybody needs. */
  readonly flooded: () => void
  readonly limits: SpeakerLimits
}

export type Speaker = {
  /** Begins to speak on a socket that is ready for it; `begun` is told what its requests will name as their session. */
  take(socket: TLSSocket, begun: (session: ServerHttp2Session) => void): void
  /** Says that no further request is wanted, without losing one that is on its way (RFC 9113 §6.8). */
  notice(): void
  /** No further request; what is under way may end. */
  close(): void
  destroy(): void
  /** Forgets its clock. */
  stop(): void
}

/** `:method`, `:scheme`, `:authority`, `:path`, and one field too many, which gets its 431. */
const beside = 5
/** PING, SETTINGS and PRIORITY: a peer sends one now and then. CVE-2019-9512, -9515. */
const ofControl = { perSecond: 10, burst: 100 } as const
/** Streams that are begun and taken back: CVE-2023-44487. A relay lets go of an answer now and then, of no crowd. */
const resets = { streamResetBurst: 200, streamResetRate: 20 } as const
/** Streams beyond what is advertised, and frames that mean nothing, before the connection ends. */
const patience = { maxSessionRejectedStreams: 100, maxSessionInvalidFrames: 100 } as const
const windows = { stream: 1 << 18, session: 1 << 22 } as const
const noError = constants.NGHTTP2_NO_ERROR
const largestStreamId = 2 ** 31 - 1
/** milliseconds for the other side to close what was said goodbye to */
const linger = 1_000

export function http2Speaker({ answer, refuse, flooded, limits }: SpeakerOptions): Speaker {
  const sessions = new Map<ServerHttp2Session, TLSSocket>()
  const streams = new Set<ServerHttp2Stream>()
  const server = createServer(serverSettings(limits), (incoming, outgoing) =>
    answer(incoming as unknown as IncomingMessage, outgoing as unknown as ServerResponse),
  )
  const refusing = (status: 400 | 405) => (_: unknown, outgoing: unknown) => refuse(outgoing as ServerResponse, status)
  server.on('connect', refusing(405)).on('checkExpectation', refusing(400))
  const begin = (session: ServerHttp2Session, socket: TLSSocket): void => {
    sessions.set(session, socket)
    session.once('close', () => sessions.delete(session))
    session.once('connect', () => session.setLocalWindowSize(windows.session))
    session.on('stream', (stream) => watch(streams, stream))
    endWhenUnused(session, limits, () => {
      goodbye(socket, session)
      // Node waits for the rest of what was begun, which may never come.
      setTimeout(() => session.destroy(), linger).unref()
    })
    endWhenFlooded(session, flooded)
  }
  const looks = letGoOfStalled(streams, limits.stall)
  return {
    take(socket, begun) {
      server.once('session', (session) => {
        begin(session, socket)
        begun(session)
      })
      // Node makes the session, and tells of it, before this returns.
      server.emit('connection', socket)
    },
    notice: () => sessions.forEach((_, session) => session.destroyed || session.goaway(noError, largestStreamId)),
    close: () => sessions.forEach(goodbye),
    destroy: () =>
      sessions.forEach((socket, session) => {
        session.destroy()
        // One that was closing would wait for the other side.
        socket.destroy()
      }),
    stop: () => clearInterval(looks),
  }
}

function serverSettings({ streams, fields, headerSection }: SpeakerLimits) {
  return {
    settings: {
      maxConcurrentStreams: streams,
      maxHeaderListSize: headerSection,
      initialWindowSize: windows.stream,
      enableConnectProtocol: false,
      // Nothing of one head is kept to shorten the next, in either direction: its length would tell of the one before.
      headerTableSize: 0,
    },
    maxDeflateDynamicTableSize: 0,
    maxHeaderListPairs: fields + beside,
    ...resets,
    ...patience,
    Http2ServerRequest: StreamRequest,
    Http2ServerResponse: StreamAnswer,
  } as const
}

function goodbye(socket: TLSSocket, session: ServerHttp2Session): void {
  session.once('close', () => setTimeout(() => socket.destroy(), linger).unref())
  session.close()
}

/** Whatever else is said on it: a connection without a request is idle. */
function endWhenUnused(session: ServerHttp2Session, { head, keepAlive }: SpeakerLimits, end: () => void): void {
  let open = 0
  let timer = setTimeout(end, head)
  session.on('stream', (stream) => {
    open++
    clearTimeout(timer)
    stream.once('close', () => {
      if (--open === 0 && !session.closed) timer = setTimeout(end, keepAlive)
    })
  })
  session.once('close', () => clearTimeout(timer))
}

function endWhenFlooded(session: ServerHttp2Session, flooded: () => void): void {
  let arrival = 0
  const control = (): void => {
    const next = arrive(ofControl, arrival, Date.now())
    if (next !== undefined) return void (arrival = next)
    if (session.destroyed) return
    flooded()
    session.destroy()
  }
  session.on('ping', control).on('remoteSettings', control)
}

function watch(streams: Set<ServerHttp2Stream>, stream: ServerHttp2Stream): void {
  streams.add(stream)
  stream.once('close', () => streams.delete(stream))
  stream.on('timeout', () => stream.destroy(new Error('stalled')))
}

/** As for whole connections: what was written must also be taken, and whoever has a whole answer must let it end. */
function letGoOfStalled(streams: ReadonlySet<ServerHttp2Stream>, stall: number): NodeJS.Timeout {
  const watched = new WeakSet<ServerHttp2Stream>()
  const look = (stream: ServerHttp2Stream): void => {
    const waits = stream.writableLength > 0 || stream.writableEnded
    if (waits === watched.has(stream)) return
    if (waits) watched.add(stream)
    else watched.delete(stream)
    stream.setTimeout(waits ? stall : 0)
  }
  return setInterval(() => streams.forEach(look), Math.ceil(stall / 8)).unref()
}
