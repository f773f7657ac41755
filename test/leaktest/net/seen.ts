/** What the watchers of all places saw in a span of time: who began to talk to whom, and who asked for which name. */
import { readQuestion } from './dns.ts'
import { flag, type Packet } from './packet.ts'
import { linkPlans, mayAsk, operators, resolver, type LinkPlan, type Place } from './plan.ts'

/** The first packet of something new. */
export type Contact = {
  readonly place: Place
  readonly packet: Packet
  /** the named link whose named port it goes to; undefined for everything else */
  readonly link: LinkPlan['name'] | undefined
  /** to the other end of a link that there is, or beyond all of them */
  readonly beyond: boolean
}

export type Lookup = {
  readonly place: Place
  readonly packet: Packet
  readonly name: string
  readonly allowed: boolean
}

export type Seen = {
  /** when the first client of the span came, milliseconds since 1970 */
  readonly since: number
  readonly contacts: readonly Contact[]
  readonly lookups: readonly Lookup[]
  /** per link, what its near end sent on it; and what its far end did */
  readonly sent: ReadonlyMap<LinkPlan['name'], { readonly near: readonly Packet[]; readonly far: readonly Packet[] }>
}

export type Ports = ReadonlyMap<LinkPlan['name'], number>

/** `packets`: of each place, those of the span alone. */
export function seenIn(packets: (place: Place) => readonly Packet[], ports: Ports, since: number): Seen {
  const sent = new Map(operators.map((place) => [place, packets(place).filter(({ outgoing }) => outgoing)]))
  const of = (place: Place): readonly Packet[] => sent.get(place) ?? []
  const begun = operators.flatMap((place) => of(place).flatMap((packet) => contactOf(place, packet, ports)))
  return {
    since,
    contacts: begun.filter(({ packet }) => !isQuestion(packet)),
    lookups: begun.flatMap(({ place, packet }) => lookupOf(place, packet)),
    sent: new Map(
      linkPlans.map((plan) => {
        const to = addressesOf(plan)
        return [plan.name, { near: of(plan.near).filter(to.near), far: of(plan.far).filter(to.far) }]
      }),
    ),
  }
}

function addressesOf({ near, nearAddress, farAddress }: LinkPlan): Record<'near' | 'far', (packet: Packet) => boolean> {
  // Clients have many addresses, and only one link.
  const isNear = (address: string): boolean =>
    address === nearAddress || (near === 'client' && address.startsWith('127.'))
  return {
    near: ({ to }) => to === farAddress,
    far: ({ from, to }) => from === farAddress && isNear(to),
  }
}

function isQuestion({ protocol, to, toPort }: Packet): boolean {
  return protocol === 'udp' && to === resolver.address && toPort === resolver.port
}

function lookupOf(place: Place, packet: Packet): Lookup[] {
  if (!isQuestion(packet)) return []
  const name = readQuestion(packet.payload)?.name ?? 'what is no question'
  return [{ place, packet, name, allowed: mayAsk[place].includes(name) }]
}

function contactOf(place: Place, packet: Packet, ports: Ports): Contact[] {
  if (!begins(packet)) return []
  const towards = linkPlans.find((plan) => plan.near === place && plan.farAddress === packet.to)
  const back = linkPlans.find((plan) => plan.far === place && plan.nearAddress === packet.to)
  const named = towards !== undefined && packet.protocol === 'tcp' && packet.toPort === ports.get(towards.name)
  const beyond = towards === undefined && back === undefined
  return [{ place, packet, link: named ? towards.name : undefined, beyond }]
}

/** Kernels talk among neighbours by themselves (RFC 4861, RFC 3810), and say what could not be delivered: nobody's data is in that. */
function begins({ protocol, flags, payload, to }: Packet): boolean {
  if (protocol === 'tcp') return (flags & (flag.syn | flag.ack)) === flag.syn
  if (protocol !== 'icmp') return true
  const echo = to.includes(':') ? 128 : 8
  return payload[0] === echo
}
