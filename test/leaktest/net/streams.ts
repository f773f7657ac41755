/**
 * TCP connections out of packets, as a tap on the link would have them: what went each way and when it passed. Octets are
 * taken in the order of their sequence numbers, whatever was sent twice or came late. RFC 9293 §3.4, §3.10.
 */
import type { Connection, Passed } from '../live/tap.ts'
import { flag, type Packet } from './packet.ts'

export type Streams = {
  readonly connections: readonly Connection[]
  /** octets that were never seen although later ones were */
  readonly missing: number
}

export type Link = {
  /** where its connections lead */
  readonly to: { readonly address: string; readonly port: number }
  /** what to add to a packet's time */
  readonly clock: number
}

/** Connections that were opened to that address, of packets in the order in which they were captured. */
export function streamsOf(packets: readonly Packet[], { to, clock }: Link): Streams {
  const open = new Map<string, Stream>()
  const all: Stream[] = []
  for (const packet of packets) {
    if (packet.protocol !== 'tcp') continue
    const forward = packet.to === to.address && packet.toPort === to.port
    if (!forward && !(packet.from === to.address && packet.fromPort === to.port)) continue
    const key = forward ? `${packet.from} ${packet.fromPort}` : `${packet.to} ${packet.toPort}`
    if (forward && opens(packet) && open.get(key)?.begins(packet) !== true) {
      const stream = new Stream(all.length, packet, clock)
      open.set(key, stream)
      all.push(stream)
    }
    open.get(key)?.take(packet, forward)
  }
  return { connections: all, missing: all.reduce((sum, stream) => sum + stream.missing, 0) }
}

function opens({ flags }: Packet): boolean {
  return (flags & (flag.syn | flag.ack)) === flag.syn
}

class Stream implements Connection {
  readonly id: number
  readonly opened: number
  readonly peer: Connection['peer']
  nearGone: number | undefined
  readonly #first: number
  readonly #clock: number
  readonly #ways = { forward: new Way(), backward: new Way() }

  constructor(id: number, { from, fromPort, at, sequence }: Packet, clock: number) {
    this.id = id
    this.#first = sequence
    this.#clock = clock
    this.opened = at + clock
    this.peer = { address: from, port: fromPort }
  }

  get forward(): readonly Passed[] {
    return this.#ways.forward.passed
  }

  get backward(): readonly Passed[] {
    return this.#ways.backward.passed
  }

  get missing(): number {
    return this.#ways.forward.missing + this.#ways.backward.missing
  }

  /** This opening is the one that this stream began with, sent again. */
  begins({ sequence }: Packet): boolean {
    return sequence === this.#first
  }

  take(packet: Packet, forward: boolean): void {
    const t = packet.at + this.#clock
    if (forward && (packet.flags & (flag.fin | flag.rst)) !== 0) this.nearGone ??= t
    this.#ways[forward ? 'forward' : 'backward'].take(packet, t)
  }
}

type Early = { readonly from: number; readonly octets: Buffer }

/** One direction. Numbers are counted from the opening, so that they do not turn over. */
class Way {
  readonly passed: Passed[] = []
  #start: number | undefined
  #next = 0
  #early: Early[] = []

  get missing(): number {
    const end = Math.max(this.#next, ...this.#early.map(({ from, octets }) => from + octets.length))
    const held = this.#early.reduce((sum, { octets }) => sum + octets.length, 0)
    return Math.max(0, end - this.#next - held, this.#early.length > 0 ? 1 : 0)
  }

  take({ flags, sequence, payload }: Packet, t: number): void {
    if ((flags & flag.syn) !== 0) this.#start = sequence + 1
    if (this.#start === undefined || payload.length === 0) return
    this.#add({ from: this.#offset(sequence, this.#start), octets: payload }, t)
    for (let ready = this.#ready(); ready !== undefined; ready = this.#ready()) this.#add(ready, t)
  }

  /** Within 2 GiB of what comes next, so that streams of any length are counted on. */
  #offset(sequence: number, start: number): number {
    const expected = (start + this.#next) >>> 0
    return this.#next + ((sequence - expected) | 0)
  }

  #ready(): Early | undefined {
    const at = this.#early.findIndex(({ from }) => from <= this.#next)
    return at < 0 ? undefined : this.#early.splice(at, 1)[0]
  }

  #add(part: Early, t: number): void {
    if (part.from > this.#next) {
      this.#early.push(part)
      return
    }
    const octets = part.octets.subarray(this.#next - part.from)
    if (octets.length === 0) return
    this.passed.push({ t, octets })
    this.#next += octets.length
  }
}
