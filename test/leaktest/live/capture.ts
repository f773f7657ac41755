/** Everything that one run of the workload leaves to judge. The octets stay in the taps; this says what the lab did, and when. */
import type { Canary } from '../canary/canaries.ts'
import type { Column, Need, Placement } from '../contract.ts'
import type { Observation, Source } from '../types.ts'
import type { Profile } from '../../../shared/shaping/profile.ts'
import type { Heard } from './heard.ts'
import type { Link } from './wiring.ts'

/** One sealed request of a synthetic client and what came of it. */
export type Call = {
  readonly client: number
  /** the kind of request, from 0: its prompt has that kind's length */
  readonly intent: number
  readonly phase: Phase
  /** what it asked for, inside the seal */
  readonly path?: string
  /** octets that were sealed, before padding: content alone */
  readonly asked: number
  readonly told: number
  /** status inside the seal */
  readonly status: number
  /** the encapsulated request, and everything that was sealed for it, in whatever layer */
  readonly message: Buffer
  readonly inside: Buffer
  /** in `sealed`: what the gateway finds when it opens the outer layer, and how the message in there begins */
  readonly shown?: Buffer | undefined
  readonly inner?: Buffer | undefined
}

/** One answer to something that a relay or gateway must refuse. */
export type Refused = {
  readonly client: number
  /** what was wrong, such as `flipped tag` */
  readonly kind: string
  /** answers of one class must look alike */
  readonly group: string
  /** everything that the sender can tell: status, head without the date, length, and the body where it is not sealed */
  readonly looks: string
  /** in `sealed`, of what the CVM refuses: the inner message, and whose answers the CVM's must look like */
  readonly inner?: Buffer | undefined
  readonly innerGroup?: 'unopened' | 'opened'
}

export type Mirrored = {
  readonly client: number
  readonly resource: string
  readonly digest: string
}

export type Scrape = { readonly operator: 'relay' | 'gateway'; readonly t: number; readonly page: string }

export const phases = [
  ...(['keys', 'calls', 'statuses', 'refusals', 'departures', 'drips', 'streams', 'arrivals', 'single'] as const),
] as const
export type Phase = (typeof phases)[number]
export type Span = { readonly phase: Phase; readonly from: number; readonly to: number }

/** Octets that a party holds, and where they come from. */
export type Holding = {
  readonly party: Column
  readonly source: Source
  /** such as `link B, connection 3, from the relay` */
  readonly name: string
  readonly octets: Uint8Array
}

export type Capture = {
  readonly placement: Placement
  readonly profile: Profile
  readonly clients: number
  readonly canaries: readonly Canary[]
  readonly links: Readonly<Record<Link, readonly Heard[]>>
  readonly calls: readonly Call[]
  readonly refused: readonly Refused[]
  readonly mirrored: readonly Mirrored[]
  readonly scrapes: readonly Scrape[]
  /** before and after one single request, within one minute */
  readonly single: readonly Scrape[]
  readonly spans: readonly Span[]
  readonly holdings: readonly Holding[]
  /** what the application counted of those who left */
  readonly leftAtApp: number
  /** requests that reached an address which only an answer named */
  readonly trapped: number
  readonly unreadable: number
  /** what this pair has and not every pair */
  readonly has?: ReadonlySet<Need>
  /** of a pair that is not ours: parties of whom one side alone could be watched */
  readonly partly?: ReadonlySet<Column>
  /** what parties are seen to know by other means than these */
  readonly known?: readonly Observation[]
}
