/** The claims of placement `front`, judged on recorded bytes. A claim that could not be tested counts as broken. */
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
  readonly rows: readonly Row[]
  readonly needles: number
  readonly claims: readonly Claim[]
  readonly held: boolean
}

export type Case = {
  readonly message: string
  /** The answer came to the client; its words must not have been the relay's either. */
  readonly answer: string
  /** The address that only the relay may know, with its port where the address alone is everybody's. */
  readonly client: string
  readonly observations: readonly Observation[]
}

export function judge({ message, answer, client, observations }: Case): Judgement {
  const needles = needlesOf(message)
  const told = [...needles, ...needlesOf(answer)]
  const address = addressNeedle(client)
  const rows = observations.map((observation) => rowOf(observation, needles, address))
  const of = (party: Party): Row | undefined => rows.find((row) => row.party === party)
  const relay = observations.find(({ party }) => party === 'relay')
  const claims: Claim[] = [
    { says: 'the recording can be read and searched', held: controls(observations, rows, needles.length) },
    {
      says: 'no word of message or answer went through the relay',
      held: relay !== undefined && count(told, relay) === 0,
    },
    { says: 'the gateway was asked in sealed bytes only', held: of('gateway')?.wordsAsked === 0 },
    ...(['gateway', 'cvm', 'app'] as const).map((party) => ({
      says: `the ${names[party]} never received the client's address`,
      held: of(party)?.sawClient === false,
    })),
  ]
  return { rows, needles: needles.length, claims, held: claims.every(({ held }) => held) }
}

export const names: Record<Party, string> = { relay: 'relay', gateway: 'gateway', cvm: 'CVM agent', app: 'app' }

/** Positive controls: what must be seen was seen. Without them "nothing found" would only mean that nobody looked. */
function controls(observations: readonly Observation[], rows: readonly Row[], needles: number): boolean {
  const app = rows.find(({ party }) => party === 'app')
  const relay = rows.find(({ party }) => party === 'relay')
  return (
    needles > 0 &&
    rows.length === 4 &&
    observations.every(({ legible, bytes }) => legible && bytes > 0) &&
    rows.every(({ peers }) => peers.length > 0) &&
    app?.words === needles &&
    relay?.sawClient === true
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
