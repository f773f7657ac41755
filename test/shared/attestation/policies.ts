/** Releasers, their root with a log, and policies to sign: each maker takes only what its test is about. */
import { developmentRoot } from '../../../shared/attestation/development-root.ts'
import type { RootFields, TrustRoot } from '../../../shared/attestation/trust-root.ts'
import { verifyRoot } from '../../../shared/attestation/trust-root.ts'
import { policySha256 } from '../../../shared/attestation/signed-policy.ts'
import { fromHex, type Bytes } from '../../../shared/bytes.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { policyLeaf } from '../../../shared/tlog/release.ts'
import { generateSigner, type Signer } from '../../../shared/tlog/signer.ts'
import { ledger, type Ledger } from './ledger.ts'
import { hour, now } from './makers.ts'

export const digest = 'aa'.repeat(48)
export const build = 'ef'.repeat(32)
export const role = 'orchestrator-cvm'

export type House = {
  readonly root: TrustRoot
  /** two of these three sign a policy */
  readonly releasers: readonly [Signer, Signer, Signer]
  readonly timestamp: Signer
  readonly log: Ledger
}

export async function house(changes: Partial<RootFields> = {}): Promise<House> {
  const log = await ledger()
  const releasers = [
    await generateSigner('ana.example/policy'),
    await generateSigner('ben.example/policy'),
    await generateSigner('cleo.example/policy'),
  ] as const
  const { note, signers } = await developmentRoot({
    notAfter: now + 1000 * hour,
    signers: { policy: releasers },
    changes: { ...log.trust, policyThreshold: 2, placements: ['inside', 'sealed'], ...changes },
  })
  return { root: await verifyRoot(note), releasers, timestamp: signers.timestamp, log }
}

/** A policy that stands, valid for six days around `now`. */
export function policyJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    version: 1,
    serial: 42,
    notBefore: timeText(now - 24 * hour),
    notAfter: timeText(now + 5 * 24 * hour),
    role,
    snp: snpJson(),
    ...changes,
  }
}

export function snpJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const notAfter = timeText(now + 30 * 24 * hour)
  return { measurements: [{ digest, minGuestSvn: 4, notAfter, build: `sha256:${build}` }], ...changes }
}

/** What the log holds of this policy. */
export function leafOf(note: string): Bytes {
  return policyLeaf(fromHex(policySha256(parseNote(note).text)))
}
