/**
 * The signed policy by which this gateway judges the CVMs behind it: from its settings (`front`), or the one that clients
 * are shown (`sealed`). A new one ends what was believed under the old; one that does not hold changes nothing. trust.md 3.
 */
import { readBundle } from '../shared/attestation/bundle-note.ts'
import { verifyCurrentPolicy } from '../shared/attestation/current-policy.ts'
import type { EvidencePolicy } from '../shared/attestation/policy.ts'
import { verifyPolicy, type VerifiedPolicy } from '../shared/attestation/signed-policy.ts'
import { newestRoot, type TrustRoot } from '../shared/attestation/trust-root.ts'
import { Refusal, type RefusalCode } from '../shared/refusal.ts'
import type { GatewayLog } from './vocabulary.ts'

export type PolicyOptions = {
  readonly root: TrustRoot
  readonly now: () => number
  readonly log: GatewayLog
}

export class PolicyInForce {
  readonly #options: PolicyOptions
  #taken = ''
  #complaint = ''
  #policy: VerifiedPolicy | undefined

  constructor(options: PolicyOptions) {
    this.#options = options
  }

  /** Whether the one that was shown last does not hold. */
  get refused(): boolean {
    return this.#complaint !== ''
  }

  /** When the one in force ends, milliseconds since 1970; undefined where there is none. */
  get notAfter(): number | undefined {
    return this.#policy?.notAfter
  }

  /**
   * What evidence is held against, and until when a verdict may rest on it. Without a policy there is only the role, and
   * so no hardware evidence that would be good enough. Throws Refusal.
   */
  wanted(role: string): { readonly policy: EvidencePolicy; readonly notAfter: number } {
    if (this.#policy === undefined) return { policy: { role }, notAfter: Infinity }
    const { evidence, notAfter } = this.#policy
    if (this.#policy.role !== role) throw new Refusal('role-refused', `the policy is for ${this.#policy.role}`)
    if (this.#options.now() >= notAfter) throw new Refusal('policy-expired', 'the policy ended')
    return { policy: evidence, notAfter }
  }

  /** `text`: a policy note. True if another policy is in force now than before. */
  fromNote(text: string): Promise<boolean> {
    const { root, now } = this.#options
    return this.#take(text, () => verifyPolicy(text, { root, now: now(), lastSerial: this.#policy?.serial }))
  }

  /** `text`: a bundle of placement `sealed`, which has proof and statement as well. */
  fromBundle(text: string): Promise<boolean> {
    return this.#take(text, async () => {
      const bundle = readBundle(text)
      if (bundle.placement === 'front') throw new Refusal('placement-mismatch', 'a bundle without a policy')
      const root = await newestRoot(this.#options.root, bundle.roots)
      const notes = { policy: bundle.policy, proof: bundle.policyProof, statement: bundle.statement }
      const { policy } = await verifyCurrentPolicy({ ...notes, root, now: this.#options.now() })
      if (policy.serial >= (this.#policy?.serial ?? 0)) return policy
      throw new Refusal('rolled-back', 'an older policy in the bundle')
    })
  }

  async #take(text: string, verify: () => Promise<VerifiedPolicy>): Promise<boolean> {
    if (text === this.#taken) {
      this.#complaint = ''
      return false
    }
    try {
      const policy = await verify()
      this.#taken = text
      this.#complaint = ''
      const other = policy.sha256 !== this.#policy?.sha256
      this.#policy = policy
      if (other)
        this.#options.log('info', 'policy-in-force', { serial: policy.serial, policy: `sha256:${policy.sha256}` })
      return other
    } catch (cause) {
      this.#complain(text, cause instanceof Refusal ? cause.code : 'unexpected')
      return false
    }
  }

  // Looked at again each time, since what is not yet in force heals by waiting; but told once.
  #complain(text: string, why: RefusalCode | 'unexpected'): void {
    const complaint = `${why} ${text}`
    if (complaint !== this.#complaint) this.#options.log('warn', 'policy-refused', { why })
    this.#complaint = complaint
  }
}
