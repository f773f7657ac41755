/** Where the doctor stands: whom it looks at, from where, with which clock; and everything that was answered so far. */
import type { AllowSimulated } from '../../attestation/policy.ts'
import type { Placement, TrustRoot } from '../../attestation/trust-root.ts'
import { isLoopback } from '../../upstream/loopback.ts'
import { ask, type Answer, type Question } from './ask.ts'

export type Judging = {
  readonly root: TrustRoot
  readonly placement: Placement
  readonly role?: string | undefined
  readonly allowSimulated?: AllowSimulated | undefined
}

export type DoctorOptions = {
  /** the resource that clients use */
  readonly relay: URL
  readonly gateway?: URL | undefined
  /** the same deployment, through another relay or from another side */
  readonly vantage?: URL | undefined
  /** PEM of the authority to accept for the relay instead of the system's */
  readonly ca?: string | undefined
  readonly judging?: Judging | undefined
  /** where plaintext is looked for */
  readonly plainPort?: number
  /** addresses of a host name */
  readonly lookup: (host: string) => Promise<readonly string[]>
  /** milliseconds since 1970 */
  readonly now: () => number
  readonly signal: AbortSignal
  /** milliseconds for one answer */
  readonly patience?: number
}

export type Heard = { readonly question: Question; readonly answer: Answer }

export class Scene {
  readonly options: DoctorOptions
  /** what the relay itself answered, for checks over all of it */
  readonly heard: Heard[] = []

  constructor(options: DoctorOptions) {
    this.options = options
  }

  get signal(): AbortSignal {
    return this.options.signal
  }

  get patience(): number {
    return this.options.patience ?? 10_000
  }

  /** Plain HTTP on one's own machine has no TLS to look at. */
  get plain(): boolean {
    return this.options.relay.protocol === 'http:'
  }

  get local(): boolean {
    return isLoopback(this.options.relay.hostname)
  }

  /** The relay, and keeps what it said. Refuses with `Unheard`. */
  async ask(question: Question): Promise<Answer> {
    const answer = await this.elsewhere(question)
    this.heard.push({ question, answer })
    return answer
  }

  /** Anybody else. */
  elsewhere(question: Question): Promise<Answer> {
    return ask(question, this)
  }
}

/** A resource below the route's own path. wire.md Resources. */
export function below(relay: URL, name: string): URL {
  const path = relay.pathname.endsWith('/') ? relay.pathname : `${relay.pathname}/`
  return new URL(`${path}.well-known/${name}`, relay)
}
