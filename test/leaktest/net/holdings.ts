/** What packets give each party to hold, besides what streams do: addresses, whatever is no stream of a link, and questions for names. */
import type { Column } from '../contract.ts'
import type { Holding } from '../live/capture.ts'
import type { Observation } from '../types.ts'
import type { Packet } from './packet.ts'
import { linkPlans, type LinkPlan, type Place } from './plan.ts'
import type { Lookup, Seen } from './seen.ts'

/** Whose network a link is, and whose is what leaves an operator on any other way. */
const linkParty: Readonly<Record<LinkPlan['name'], Column>> = { a: 'NC', b: 'NR', d: 'H' }
const placeParty: Readonly<Record<Place, Column>> = { client: 'NC', relay: 'NR', gateway: 'NR', cvm: 'H' }

export function netHoldings({ contacts, lookups, sent }: Seen): Holding[] {
  const addresses = linkPlans.map(({ name }): Holding => {
    const { near = [], far = [] } = sent.get(name) ?? {}
    const pairs = new Set([...near, ...far].map(({ from, to }) => `${from} ${to}`))
    return of(linkParty[name], `addresses on link ${name.toUpperCase()}`, Buffer.from([...pairs].join('\n')))
  })
  const stray = contacts
    .filter(({ link, packet }) => link === undefined && packet.payload.length > 0)
    .map(({ place, packet }) => of(partyOf(place, packet), `${packet.protocol} of the ${place}`, packet.payload))
  return [...addresses, ...stray, ...lookups.flatMap(asked)].filter(({ octets }) => octets.length > 0)
}

/** On a link it is that link's network which sees it. */
function partyOf(place: Place, { to }: Packet): Column {
  const link = linkPlans.find(({ nearAddress, farAddress }) => to === nearAddress || to === farAddress)
  return link === undefined ? placeParty[place] : linkParty[link.name]
}

/** The name as it is written, since in the message its parts have lengths between them. A client's resolver is of its own network. */
function asked({ place, packet, name }: Lookup): Holding[] {
  const party = place === 'client' ? 'NC' : 'DNS'
  const text = `${packet.from} ${name}`
  return [packet.payload, Buffer.from(text)].map((octets) => of(party, `question of the ${place}`, octets))
}

function of(party: Column, name: string, octets: Uint8Array): Holding {
  return { party, source: 'wire', name, octets }
}

/** The relay asks from its own address: that somebody is a relay is seen there. */
export function netStructure({ lookups }: Seen): Observation[] {
  const relays = lookups.filter(({ place, allowed }) => place === 'relay' && allowed)
  return relays.slice(0, 1).map(({ name }) => ({
    ...{ party: 'DNS', source: 'wire', t: 0, fieldId: 'F27', bytesRef: `question of the relay for ${name}` },
  }))
}
