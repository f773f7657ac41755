/**
 * Leaks planted in what the taps recorded, for tests whose leak no relay or client of the lab can make: in the gateway's
 * answers, in the message on its way, and in what each party holds.
 */
import { encodingsOf } from '../../canary/encodings.ts'
import type { Canary } from '../../canary/canaries.ts'
import type { Profile } from '../../../../shared/shaping/profile.ts'
import type { Column, Placement } from '../../contract.ts'
import type { Piece } from '../../types.ts'
import type { Capture } from '../capture.ts'
import type { Exchange, Heard, Message } from '../heard.ts'

export type Doctor = {
  readonly name: string
  readonly leak: string
  readonly test: string
  /** default: everywhere */
  readonly placements?: readonly Placement[]
  readonly profiles?: readonly Profile[]
  /** the capture with the leak in it */
  readonly plant: (capture: Capture) => Capture
}

export const doctors: readonly Doctor[] = [
  {
    ...{ name: 'stamped-answers', leak: 'the gateway numbers its answers', test: 'heads.gateway-answers' },
    plant: onLink('b', ({ response, ...exchange }, i) => ({
      ...exchange,
      response: response && withHead(response, `x-served: ${String(exchange.connection)}.${String(i)}`),
    })),
  },
  {
    ...{ name: 'recompressed', leak: 'the relay makes messages shorter', test: 'size.across' },
    plant: onLink('b', ({ request, response, ...exchange }) => ({
      ...exchange,
      request,
      response: response && { ...response, body: response.body.subarray(0, -1) },
    })),
  },
  {
    ...{ name: 'copied-hello', leak: "the relay's hello to the gateway is the client's", test: 'tls.fingerprint' },
    plant: (capture) => ({
      ...capture,
      links: { ...capture.links, b: [...capture.links.b, ...capture.links.a.slice(0, 2)] },
    }),
  },
  {
    ...{ name: 'two-keys', leak: 'some clients seal to a key of their own', test: 'keys.key-ids' },
    plant: (capture) => {
      const other = (octets: Buffer): Buffer => Buffer.concat([Buffer.from([9]), octets.subarray(1)])
      const [first, ...rest] = capture.calls
      const change = onLink('b', ({ request, ...exchange }) =>
        first !== undefined && request.body.equals(first.message)
          ? { ...exchange, request: { ...request, body: other(request.body) } }
          : { ...exchange, request },
      )
      const calls = first === undefined ? [] : [{ ...first, message: other(first.message) }, ...rest]
      return { ...change(capture), calls }
    },
  },
  {
    ...{ name: 'cut-inside', leak: 'inner messages are not padded', test: 'size.inner', placements: ['sealed'] },
    plant: onLink('d', ({ request, ...exchange }) => ({
      ...exchange,
      request: { ...request, body: request.body.subarray(0, -1) },
    })),
  },
  {
    ...{ name: 'kept-outside', leak: 'the gateway passes on the outer message too', test: 'layers.apart' },
    placements: ['sealed'],
    plant: (capture) => {
      const outer = Buffer.concat(capture.calls.map(({ message }) => message))
      const [first, ...rest] = capture.links.d
      const longer = first && { ...first, forward: Buffer.concat([first.forward ?? Buffer.alloc(0), outer]) }
      return { ...capture, links: { ...capture.links, d: longer === undefined ? [] : [longer, ...rest] } }
    },
  },
  {
    ...{ name: 'telling-cvm', leak: 'the CVM numbers its answers', test: 'oracles.inner', placements: ['sealed'] },
    plant: onLink('d', ({ response, ...exchange }, i) => ({
      ...exchange,
      response: response && withHead(response, `x-served: ${String(i)}`),
    })),
  },
  {
    ...{ name: 'swollen-cell', leak: 'one cell of a stream is longer', test: 'stream.odd-cells', profiles: ['paced'] },
    plant: onStreams('a', (pieces) =>
      pieces.map((piece, i) => (i === 1 ? { ...piece, octets: piece.octets + 1 } : piece)),
    ),
  },
  {
    ...{
      name: 'exact-end',
      leak: 'a stream has as many cells as it needs',
      test: 'stream.bucket',
      profiles: ['paced'],
    },
    plant: onStreams('a', (pieces) => [...pieces, ...pieces.slice(-1)]),
  },
  {
    ...{ name: 'bare-tokens', leak: 'each token is a piece of its own', test: 'stream.tokens', profiles: ['paced'] },
    plant: (capture) => onStreams('app', () => spoken(0))(onStreams('b', () => spoken(5))(capture)),
  },
  held('NC', 'F18', 'the prompt goes over link A in the clear'),
  held('NR', 'F01', "the client's address goes over link B in the clear"),
  held('H', 'F18', 'the prompt goes over link D in the clear'),
  held('V', 'F01', "the client's address goes on into the CVM"),
  held('K', 'F01', "the client's address goes with a look at keys"),
]

export function doctorsIn(placement: Placement, profile: Profile = 'direct'): Doctor[] {
  return doctors.filter(
    ({ placements = [placement], profiles = [profile] }) =>
      placements.includes(placement) && profiles.includes(profile),
  )
}

/** Changes what came in pieces and stands for a stream. */
function onStreams(link: 'a' | 'b' | 'app', change: (pieces: readonly Piece[]) => readonly Piece[]): Doctor['plant'] {
  return onLink(link, ({ response, ...exchange }) => ({
    ...exchange,
    response: response && (response.pieces.length < 2 ? response : { ...response, pieces: change(response.pieces) }),
  }))
}

/** Pieces as long as what they carry, `after` milliseconds later. */
function spoken(after: number): Piece[] {
  return Array.from({ length: 24 }, (_, i) => ({ t: i * 15 + after, octets: 20 + ((i * 13) % 37) }))
}

/** `i` counts the exchanges of one connection. */
function onLink(link: 'a' | 'b' | 'd' | 'app', change: (exchange: Exchange, i: number) => Exchange): Doctor['plant'] {
  return (capture) => {
    const changed = (heard: Heard): Heard => ({ ...heard, exchanges: heard.exchanges.map(change) })
    return { ...capture, links: { ...capture.links, [link]: capture.links[link].map(changed) } }
  }
}

function withHead(message: Message, line: string): Message {
  return { ...message, head: Buffer.concat([message.head.subarray(0, -2), Buffer.from(`${line}\r\n\r\n`)]) }
}

/** The party holds one canary of that field, in base64, among nothing else. */
function held(party: Column, field: string, leak: string): Doctor {
  return {
    ...{ name: `${party.toLowerCase()}-holds-${field.toLowerCase()}`, leak, test: `canary.${party}` },
    plant: (capture) => {
      const canary = capture.canaries.find((each) => each.field === field) as Canary
      const form = encodingsOf(canary).find(({ name }) => name === 'base64')
      const octets = Buffer.concat([Buffer.from('before '), form?.pattern ?? Buffer.alloc(0), Buffer.from(' after')])
      return { ...capture, holdings: [{ party, source: 'wire', name: 'planted', octets }] }
    },
  }
}
