/** From recorded wires to what each process received: its peers, the heads, and every byte, before and after its own TLS. */
import { fieldValue, readHttp, type HeardMessage } from './http-log.ts'
import type { Recording } from './recorder.ts'
import { readTls, speaks, type KeyLog } from './tls-log.ts'

export type Party = 'relay' | 'gateway' | 'cvm' | 'app'

export type Observation = {
  readonly party: Party
  /** addresses from which it was asked */
  readonly peers: readonly string[]
  /** heads of the requests that carried the message, as `POST /path` and its field names */
  readonly heads: readonly string[]
  /** octets that came in from the side that asks */
  readonly bytes: number
  /** what came from the side that asks: raw, and as read after TLS and HTTP framing */
  readonly asked: readonly Buffer[]
  /** everything else that went through its hands: what it sent on, what it got back, what it answered */
  readonly handled: readonly Buffer[]
  /** false if some of it was under TLS and could not be read, so that a search would prove nothing */
  readonly legible: boolean
}

/** A party that is no process of its own has no wire: in `inside` the gateway is in the CVM. */
export type Wires = Readonly<Partial<Record<Party, readonly Recording[]>>>

const order: readonly Party[] = ['relay', 'gateway', 'cvm', 'app']

/** `wires[party]`: the connections on which that party is asked. What it sends on and gets back runs on those of the next. */
export function witness(wires: Wires, log: KeyLog): Observation[] {
  const read = order.flatMap((party) => {
    const own = wires[party]
    return own === undefined ? [] : [{ party, wires: own, heard: own.map((wire) => heard(wire, log)) }]
  })
  return read.map(({ party, wires: own, heard: asking }, i) => {
    const beyond = read[i + 1]?.heard ?? []
    return {
      party,
      peers: [...new Set(asking.filter(({ carried }) => carried.length > 0).map(({ peer }) => peer))],
      heads: [...new Set(asking.flatMap(({ carried }) => carried.map(headLine)))],
      bytes: own.reduce((sum, { forward }) => sum + forward.length, 0),
      asked: asking.flatMap(({ forward }) => forward),
      handled: [
        ...asking.flatMap(({ backward }) => backward),
        ...beyond.flatMap(({ forward, backward }) => [...forward, ...backward]),
      ],
      legible: [...asking, ...beyond].every(({ legible }) => legible),
    }
  })
}

type Heard = {
  readonly peer: string
  readonly carried: readonly HeardMessage[]
  readonly forward: readonly Buffer[]
  readonly backward: readonly Buffer[]
  readonly legible: boolean
}

function heard(wire: Recording, log: KeyLog): Heard {
  const tls = wire.forward[0] === 0x16 // a TLS handshake record; no HTTP method begins so
  const plain = tls ? readTls(wire, log) : wire
  const forward = plain === undefined ? [] : readHttp(plain.forward)
  const backward = plain === undefined ? [] : readHttp(plain.backward)
  const bodies = (list: readonly HeardMessage[]): Buffer[] => list.map(({ body }) => body)
  return {
    peer: wire.peer,
    carried: forward.filter(carries),
    forward: [wire.forward, ...(plain === undefined ? [] : [plain.forward]), ...bodies(forward)],
    backward: [wire.backward, ...(plain === undefined ? [] : [plain.backward]), ...bodies(backward)],
    // A connection that nothing came through hides nothing.
    legible: plain !== undefined || wire.forward.length + wire.backward.length === 0 || !speaks(wire.forward),
  }
}

/** Fetching keys and showing evidence carry no message. */
function carries({ start, body }: HeardMessage): boolean {
  return start.startsWith('POST ') && body.length > 0 && !/\/\.well-known\/asunder-(key-)?evidence/.test(start)
}

function headLine(message: HeardMessage): string {
  const type = fieldValue(message, 'content-type')
  const names = message.fields.map(([name]) =>
    name === 'content-type' && type !== undefined ? `${name}: ${type}` : name,
  )
  return `${message.start.replace(/ HTTP\/1\.1$/, '')} · ${names.join(', ')}`
}
