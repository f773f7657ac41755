/** The claims of each placement, judged on recorded bytes. A claim that could not be tested counts as broken. trust.md 3. */
import type { Placement } from '../../../shared/attestation/trust-root.ts'
import { addressNeedle, found, needlesOf, type Needle } from './needles.ts'
import type { Observation, Party } from './witness.ts'

export type Row = {
  readonly party: Party
  readonly peers: readonly string[]
  readonly heads: readonly string[]
  readonly bytes: number
  /** of the message's words, how many occur in what this party was asked, and in all that went through its hands */
  readonly wordsAsked: number
  readonly words: number
  readonly sawClient: boolean
}

export type Claim = { readonly says: string; readonly held: boolean }

export type Judgement = {
  readonly placement: Placement
  readonly rows: readonly Row[]
  readonly needles: number
  readonly claims: readonly Claim[]
  readonly held: boolean
}

export type Case = {
  readonly placement: Placement
  readonly message: string
  /** The answer came to the client; its words must not have been the relay's either. */
  readonly answer: string
  /** The address that only the relay may know, with its port where the address alone is everybody's. */
  readonly client: string
  readonly observations: readonly Observation[]
}

export function judge({ placement, message, answer, client, observations }: Case): Judgement {
  const needles = needlesOf(message)
  const address = addressNeedle(client)
  const rows = observations.map((observation) => rowOf(observation, needles, address))
  const told = { placement, observations, rows, needles: needles.length, words: [...needles, ...needlesOf(answer)] }
  const claims = [
    { says: 'the recording can be read and searched', held: controls(told) },
    ...blind[placement].map((party) => ({
      says: `no word of message or answer went through the ${names[party]}`,
      held: sawNothing(party, told),
    })),
    ...sealedTo[placement].map((party) => ({
      says: `the ${names[party]} was asked in sealed bytes only`,
      held: rows.find((row) => row.party === party)?.wordsAsked === 0,
    })),
    ...parties[placement].slice(1).map((party) => ({
      says: `the ${names[party]} never received the client's address`,
      held: rows.find((row) => row.party === party)?.sawClient === false,
    })),
  ]
  return { placement, rows, needles: needles.length, claims, held: claims.every(({ held }) => held) }
}

type Told = {
  readonly placement: Placement
  readonly observations: readonly Observation[]
  readonly rows: readonly Row[]
  readonly needles: number
  readonly words: readonly Needle[]
}

/** The processes, in the order of the way. */
const parties: Readonly<Record<Placement, readonly Party[]>> = {
  front: ['relay', 'gateway', 'cvm', 'app'],
  inside: ['relay', 'cvm', 'app'],
  sealed: ['relay', 'gateway', 'cvm', 'app'],
}

/** Whose hands nothing legible may pass through, in either direction. */
const blind: Readonly<Record<Placement, readonly Party[]>> = {
  front: ['relay'],
  inside: ['relay'],
  sealed: ['relay', 'gateway'],
}

/** Who opens: what comes to it is sealed. */
const sealedTo: Readonly<Record<Placement, readonly Party[]>> = { front: ['gateway'], inside: ['cvm'], sealed: ['cvm'] }

function sawNothing(party: Party, { observations, words }: Told): boolean {
  const observation = observations.find((one) => one.party === party)
  return observation !== undefined && count(words, observation) === 0
}

export const names: Record<Party, string> = { relay: 'relay', gateway: 'gateway', cvm: 'CVM agent', app: 'app' }

/** Positive controls: what must be seen was seen. Without them "nothing found" would only mean that nobody looked. */
function controls({ placement, observations, rows, needles }: Told): boolean {
  const row = (party: Party) => rows.find((one) => one.party === party)
  return (
    needles > 0 &&
    rows.map(({ party }) => party).join() === parties[placement].join() &&
    observations.every(({ legible, bytes }) => legible && bytes > 0) &&
    rows.every(({ peers }) => peers.length > 0) &&
    row('app')?.words === needles &&
    row('relay')?.sawClient === true
  )
}

function rowOf(observation: Observation, needles: readonly Needle[], address: Needle): Row {
  const { party, peers, heads, bytes, asked } = observation
  const inBytes = [...asked, ...observation.handled].some((part) => found([address], part).length > 0)
  const asPeer = peers.some((peer) => peer === address.word || peer.startsWith(`${address.word}:`))
  const wordsAsked = new Set(asked.flatMap((part) => found(needles, part))).size
  return { party, peers, heads, bytes, wordsAsked, words: count(needles, observation), sawClient: inBytes || asPeer }
}

function count(needles: readonly Needle[], { asked, handled }: Observation): number {
  return new Set([...asked, ...handled].flatMap((part) => found(needles, part))).size
}
