/** What an IP packet says in its headers: who to whom, and of TCP where in the stream. RFC 791, RFC 8200, RFC 9293, RFC 768. */
import type { Frame } from './pcap.ts'

export type Protocol = 'tcp' | 'udp' | 'icmp' | 'other'

export type Packet = {
  /** milliseconds since 1970 */
  readonly at: number
  readonly outgoing: boolean
  readonly interface: number
  readonly protocol: Protocol
  readonly from: string
  readonly to: string
  /** 0 where the protocol has none */
  readonly fromPort: number
  readonly toPort: number
  /** of TCP */
  readonly flags: number
  readonly sequence: number
  /** what lies behind the last header that was understood */
  readonly payload: Buffer
  /** the packet's network and transport headers */
  readonly headers: Buffer
}

export const flag = { fin: 1, syn: 2, rst: 4, ack: 16 } as const

const protocols: ReadonlyMap<number, Protocol> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmp'],
])

/** Undefined for what is not IP (such as ARP) or not whole, and for what a host tells itself. */
export function readPacket(frame: Frame): Packet | undefined {
  if (frame.loopback || frame.cut) return undefined
  if (frame.protocol === 0x0800) return four(frame)
  return frame.protocol === 0x86dd ? six(frame) : undefined
}

function four(frame: Frame): Packet | undefined {
  const { octets } = frame
  const header = ((octets[0] ?? 0) % 16) * 4
  if (octets.length < 20 || header < 20) return undefined
  const whole = octets.subarray(0, octets.readUInt16BE(2))
  const addresses = { from: dotted(whole.subarray(12, 16)), to: dotted(whole.subarray(16, 20)) }
  return transport(frame, whole, { header, protocol: whole[9] ?? 0, ...addresses })
}

function six(frame: Frame): Packet | undefined {
  const { octets } = frame
  if (octets.length < 40) return undefined
  const whole = octets.subarray(0, 40 + octets.readUInt16BE(4))
  const addresses = { from: grouped(whole.subarray(8, 24)), to: grouped(whole.subarray(24, 40)) }
  const next = whole[6] ?? 0
  // Options for every hop are before what hosts tell each other about groups (RFC 2710), and nowhere else here.
  const [header, protocol] = next === 0 ? [48, whole[40] ?? 0] : [40, next]
  return transport(frame, whole, { header, protocol, ...addresses })
}

type Network = { readonly header: number; readonly protocol: number; readonly from: string; readonly to: string }

function transport(frame: Frame, whole: Buffer, { header, protocol, from, to }: Network): Packet {
  const kind = protocols.get(protocol) ?? 'other'
  const rest = whole.subarray(header)
  const { at, outgoing, interface: on } = frame
  const packet = {
    at,
    outgoing,
    interface: on,
    protocol: kind,
    from,
    to,
    fromPort: 0,
    toPort: 0,
    flags: 0,
    sequence: 0,
  }
  const split = (length: number) => ({ payload: rest.subarray(length), headers: whole.subarray(0, header + length) })
  if (kind === 'tcp' && rest.length >= 20) {
    const ports = { fromPort: rest.readUInt16BE(0), toPort: rest.readUInt16BE(2) }
    const stream = { sequence: rest.readUInt32BE(4), flags: rest[13] ?? 0 }
    return { ...packet, ...ports, ...stream, ...split(((rest[12] ?? 0) >> 4) * 4) }
  }
  if (kind === 'udp' && rest.length >= 8)
    return { ...packet, fromPort: rest.readUInt16BE(0), toPort: rest.readUInt16BE(2), ...split(8) }
  return { ...packet, ...split(0) }
}

function dotted(octets: Buffer): string {
  return [...octets].join('.')
}

function grouped(octets: Buffer): string {
  return Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16)).join(':')
}
