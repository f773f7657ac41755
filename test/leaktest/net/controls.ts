/**
 * Planted leaks that only packets show: in an operator's process (leaks.ts), in a client of the lab, or, where nothing of
 * ours could leak so, in what was captured. Which row must fail for each. privacy.md 2.2.
 */
import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import type { Capture } from '../live/capture.ts'
import { flag, type Packet } from './packet.ts'
import { gatewayName, planOf, vendorName } from './plan.ts'
import type { Seen } from './seen.ts'

export type NetMutant = {
  readonly name: string
  readonly leak: string
  /** the row that has to fail */
  readonly test: string
  /** which operator leaks, and what it is told; or what the client does */
  readonly by: readonly ['relay' | 'gateway' | 'cvm', string] | (() => Promise<void>)
}

async function bypass(): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect({ host: planOf('b').farAddress, port: 443 })
    for (const event of ['connect', 'error'] as const) socket.once(event, () => resolve(void socket.destroy()))
  })
}

/** That nobody knows the name is no failure: it was asked for. */
async function lookUp(name: string): Promise<void> {
  await lookup(name).catch(() => undefined)
}

export const netMutants: readonly NetMutant[] = [
  {
    ...{ name: 'relay-phones-home', leak: 'the relay opens a connection to somebody else with each request' },
    ...{ test: 'net.beyond', by: ['relay', 'phones-home'] },
  },
  {
    ...{ name: 'cvm-phones-home', leak: 'the CVM tells somebody far away, over IPv6, that it was asked' },
    ...{ test: 'net.beyond', by: ['cvm', 'phones-home-6'] },
  },
  {
    ...{ name: 'client-goes-around', leak: 'a client asks the gateway itself', test: 'net.beyond', by: bypass },
  },
  {
    ...{ name: 'relay-tells-gateway', leak: 'the relay tells the gateway’s host who asked, beside the sealed request' },
    ...{ test: 'net.links', by: ['relay', 'tells-next'] },
  },
  {
    ...{ name: 'told-on-link-b', leak: 'the client’s address goes over link B in a packet of its own' },
    ...{ test: 'canary.NR', by: ['relay', 'tells-next'] },
  },
  {
    ...{ name: 'gateway-tells-host', leak: 'the gateway tells the CVM’s host who asked', test: 'net.links' },
    by: ['gateway', 'tells-cvm'],
  },
  {
    ...{ name: 'client-looks-up-gateway', leak: 'a client asks for the gateway’s name', test: 'dns.names' },
    by: () => lookUp(gatewayName),
  },
  {
    ...{ name: 'client-looks-up-vendor', leak: 'a client that judges evidence asks for a vendor’s name' },
    ...{ test: 'dns.names', by: () => lookUp(vendorName) },
  },
  {
    ...{ name: 'gateway-looks-up-vendor', leak: 'the gateway asks for a vendor’s name', test: 'dns.names' },
    by: ['gateway', 'looks-up-vendor'],
  },
  {
    ...{ name: 'gateway-looks-up-target', leak: 'the gateway looks up the host that a request names inside the seal' },
    ...{ test: 'canary.DNS', by: ['gateway', 'looks-up-target'] },
  },
  {
    ...{
      name: 'relay-looks-up-client',
      leak: 'the relay asks for the name of the client’s address',
      test: 'canary.DNS',
    },
    by: ['relay', 'looks-up-client'],
  },
  {
    ...{
      name: 'relay-looks-up-gateway',
      leak: 'the relay looks the gateway up for each request',
      test: 'dns.requests',
    },
    by: ['relay', 'looks-up-gateway'],
  },
]

export type NetDoctor = {
  readonly name: string
  readonly leak: string
  readonly test: string
  readonly plant: (seen: Seen, capture: Capture) => readonly [Seen, Capture]
}

export const netDoctors: readonly NetDoctor[] = [
  {
    ...{ name: 'transparent-relay', leak: 'the relay asks from the client’s address', test: 'net.sources' },
    plant: (seen, capture) => [onB(seen, (packet) => ({ ...packet, from: '127.77.20.20' })), capture],
  },
  {
    ...{ name: 'copied-options', leak: 'the relay’s connections have the lifetime of the client’s', test: 'net.stack' },
    plant: (seen, capture) => {
      const openings = (seen.sent.get('b')?.near ?? []).filter(({ flags }) => flags === flag.syn)
      const lifetime = onB(seen, (packet) => {
        const headers = Buffer.from(packet.headers)
        headers.writeUInt8(64 + (Math.max(0, openings.indexOf(packet)) % 2), 8)
        return { ...packet, headers }
      })
      return [lifetime, capture]
    },
  },
  {
    ...{ name: 'copied-name', leak: 'the relay calls the gateway as the client called the relay', test: 'net.names' },
    plant: (seen, capture) => [
      seen,
      { ...capture, links: { ...capture.links, b: [...capture.links.b, ...capture.links.a.slice(0, 1)] } },
    ],
  },
]

function onB(seen: Seen, change: (packet: Packet) => Packet): Seen {
  const b = seen.sent.get('b')
  if (b === undefined) return seen
  return { ...seen, sent: new Map(seen.sent).set('b', { ...b, near: b.near.map((packet) => change(packet)) }) }
}
