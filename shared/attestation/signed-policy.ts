/**
 * The signed policy: what a verifier demands of evidence, by the word of a threshold of the root's policy keys. It
 * narrows the root and never widens it, lives for a week at most, and never goes back. trust.md 1 and 4.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { hex, utf8 } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { every } from '../tlog/json-options.ts'
import { signNote, verifyThreshold } from '../tlog/note.ts'
import { makeText, readText } from '../tlog/signed-text.ts'
import type { Signer } from '../tlog/signer.ts'
import { readPolicyFields, type PolicyFields } from './policy-fields.ts'
import type { EvidencePolicy } from './policy.ts'
import type { RootFields } from './root-fields.ts'
import { chipModes, defaultSkew } from './sev-snp/policy.ts'

export type { PolicyFields } from './policy-fields.ts'

/** Made by verifyPolicy alone. Whether it is the current one is for verifyCurrentPolicy to say. */
export type VerifiedPolicy = PolicyFields & {
  readonly note: string
  /** lower-case hex: of the text without its signature lines, as evidence and the log name it */
  readonly sha256: string
  /** names of the policy keys whose signatures are good */
  readonly signers: readonly string[]
  /** what the judge takes */
  readonly evidence: EvidencePolicy
}

export type PolicyQuestion = {
  /** what narrows the policy and says who may sign it; a TrustRoot is one */
  readonly root: RootFields
  /** milliseconds since 1970 */
  readonly now: number
  /** the highest serial seen for its role, if any */
  readonly lastSerial?: number | undefined
  /** milliseconds by which our clock may be behind the signers' */
  readonly skew?: number | undefined
}

/**
 * `policy` is the JSON value of attestation.md d.1. What verifiers would refuse to read is refused here; whether it
 * fits a root is for verifyPolicy, or for narrows, to say.
 */
export async function signPolicy(policy: unknown, signers: readonly Signer[]): Promise<string> {
  return signNote(policyText(policy), signers)
}

/** The text to sign. */
export function policyText(policy: unknown): string {
  const text = makeText('policy', policy)
  readPolicyFields(readText('policy', text))
  return text
}

/**
 * Signatures first: nothing of a text that nobody vouches for is read. Refuses with `unsigned`, `bad-signature`,
 * `malformed-note`, `bad-encoding`, `policy-widens`, `policy-expired`, `root-expired` or `rolled-back`.
 */
export async function verifyPolicy(note: string, question: PolicyQuestion): Promise<VerifiedPolicy> {
  const { root, now, skew, lastSerial = 0 } = question
  const { text, signers } = await verifyThreshold(note, root.policyKeys, root.policyThreshold)
  const policy = readPolicyFields(readText('policy', text))
  narrows(policy, root)
  if (now >= root.notAfter) throw new Refusal('root-expired', 'the newest trust root ended')
  checkPolicyTimes(policy, now, skew)
  if (policy.serial < lastSerial) throw new Refusal('rolled-back', `policy.serial ${policy.serial} after ${lastSerial}`)
  return {
    ...policy,
    note,
    sha256: policySha256(text),
    signers: signers.map(({ name }) => name),
    evidence: evidencePolicy(policy),
  }
}

/** Of a policy's text, as it was signed. */
export function policySha256(text: string): string {
  return hex(sha256(utf8(text)))
}

/** What is asked of one piece of evidence; the caller adds `allowSimulated`, which no policy can hold. */
export function evidencePolicy({ role, snp, tdx, collateral, clockSkew }: PolicyFields): EvidencePolicy {
  return { role, snp, tdx, collateral, clockSkew }
}

/**
 * Refuses, with every reason, what is wider than the root lets it be. The judge narrows as well (`narrowed`), but a
 * policy that claims more than it gets is a mistake or an attempt, and its signers shall hear of it.
 */
export function narrows(policy: PolicyFields, root: RootFields): void {
  every([() => checkSerial(policy, root), () => checkChips(policy, root), () => checkProduction(policy, root)])
}

function checkSerial({ serial }: PolicyFields, { minPolicySerial }: RootFields): void {
  if (serial >= minPolicySerial) return
  throw new Refusal('rolled-back', `policy.serial ${serial} is below ${minPolicySerial}, where the root begins`)
}

function checkChips({ snp, tdx }: PolicyFields, { chips }: RootFields): void {
  const said = { snp: snp?.chips.mode, tdx: tdx?.chips?.mode }
  const works = Object.entries(said).map(([kind, mode]) => () => {
    if (mode === undefined || chipModes.indexOf(mode) <= chipModes.indexOf(chips)) return
    throw widens(`policy.${kind}.chips.mode ${mode} is wider than the root's ${chips}`)
  })
  every(works)
}

/** As `narrowed` has it: in production no guest is open to its host, and Milan counts only chip by chip. */
function checkProduction({ snp, tdx }: PolicyFields, { use }: RootFields): void {
  if (use !== 'production') return
  const bounds = {
    'snp.guestPolicy.debug': snp?.guestPolicy.debug,
    'snp.guestPolicy.migrateMa': snp?.guestPolicy.migrateMa,
    'tdx.attributes.debug': tdx?.attributes.debug,
    'tdx.attributes.migratable': tdx?.attributes.migratable,
  }
  const open = Object.entries(bounds).filter(([, bound]) => bound !== undefined && bound !== 0)
  every([
    ...open.map(([rule]) => (): never => {
      throw widens(`policy.${rule} must be 0 in production`)
    }),
    () => {
      if (snp?.products.includes('Milan') !== true || snp.chips.mode === 'allowlist') return
      throw widens('policy.snp.products may hold Milan only with policy.snp.chips.mode allowlist')
    },
  ])
}

/** `skew`: milliseconds by which our clock may be behind the signers'. */
export function checkPolicyTimes({ notBefore, notAfter }: PolicyFields, now: number, skew = defaultSkew): void {
  if (now < notBefore - skew) throw new Refusal('policy-expired', 'policy.notBefore is in the future')
  if (now >= notAfter) throw new Refusal('policy-expired', 'policy.notAfter has passed')
}

function widens(why: string): Refusal {
  return new Refusal('policy-widens', why)
}
