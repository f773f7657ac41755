/** The four parts that can be attacked, as an attacker meets them: what they are told, and what can be seen of them. */
import type { Question } from '../../../shared/attestation/verdict.ts'
import type { Issuer } from '../../../shared/client/issuer.ts'
import type { RollbackMemory } from '../../../shared/client/memory.ts'
import type { Part } from '../frame/scenario.ts'
import type { Stage } from '../frame/stage.ts'
import type { App } from './app.ts'

/** Something with a listener on loopback. */
export type Served = {
  readonly port: number
  readonly url: string
  /** everything that it has written for its operator so far */
  readonly log: () => string
  /** what it shows to who reads its metrics */
  readonly metrics: () => Promise<string>
  readonly close: () => Promise<void>
}

export type RelayOptions = {
  /** origin of the gateway: `http:` or `https:` on loopback */
  readonly gateway: string
  /** rows of the settings page, over the defaults */
  readonly settings?: Readonly<Record<string, unknown>>
  /** rows of its one route */
  readonly route?: Readonly<Record<string, unknown>>
}

export type GatewayOptions = {
  readonly cvmPort: number
  readonly settings?: Readonly<Record<string, unknown>>
  /** rows of `cvm` in its settings */
  readonly cvm?: Readonly<Record<string, unknown>>
  /** behind TLS, for relays with a certificate of the run's authority only */
  readonly tls?: boolean
  /** where keys and claims rest between two runs; absent: in memory */
  readonly rest?: string
}

export type CvmOptions = { readonly app: App }

export type ClientOptions = {
  readonly relay: string
  readonly family?: 'auto' | 'standard' | 'chunked'
  readonly memory?: RollbackMemory
  readonly ca?: string
  readonly limits?: { readonly request?: number; readonly answer?: number }
  /** instead of the run's own root */
  readonly trust?: string
  /** whose tokens it brings to either side, as its application ships it */
  readonly tokens?: { readonly relay?: Issuer; readonly gateway?: Issuer }
}

export type WalletOptions = {
  readonly issuer: Issuer
  /** tokens of one batch; absent: as many as it buys by itself */
  readonly batch?: number
  readonly now?: () => number
  readonly wait?: (milliseconds: number) => Promise<void>
}

/** Gives values for `authorization`, each once. */
export type Purse = { readonly take: () => Promise<string> }

export type Client = {
  readonly fetch: (url: string, init?: RequestInit & { readonly duplex?: 'half' }) => Promise<Response>
  /** milliseconds that it would have waited before it asked again, had we not spared it */
  readonly waits: readonly number[]
  readonly close: () => Promise<void>
}

export type Gateway = Served & {
  /** Resolves when it would take a request; rejects when that does not happen. */
  readonly ready: () => Promise<void>
}

export type Subject = {
  readonly name: 'ours' | 'naive' | 'foreign'
  /** what it has; asking for another part throws `NotThere` */
  readonly has: readonly Part[]
  readonly relay: (stage: Stage, options: RelayOptions) => Promise<Served>
  readonly gateway: (stage: Stage, options: GatewayOptions) => Promise<Gateway>
  readonly cvm: (stage: Stage, options: CvmOptions) => Promise<Served>
  readonly client: (stage: Stage, options: ClientOptions) => Client
  readonly wallet: (stage: Stage, options: WalletOptions) => Purse
  /** Whether this evidence is believed; rejects when it is not. */
  readonly judge: (question: Question) => Promise<void>
  /** What somebody who watches these relays for the public alarms about: codes. */
  readonly monitor: (stage: Stage, relays: readonly string[]) => Promise<readonly string[]>
}

/** A part, a placement or a profile that this subject has not; the scenario says nothing about it. */
export class NotThere extends Error {}
