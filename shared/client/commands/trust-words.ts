/** A trust root in words: what it says, what is wrong with it, and what somebody should look at. trust.md 1. */
import { sha256 } from '@noble/hashes/sha2.js'
import type { RootFields } from '../../attestation/root-fields.ts'
import { products } from '../../attestation/sev-snp/products.ts'
import { hex, utf8 } from '../../bytes.ts'
import { timeText } from '../../tlog/json-fields.ts'
import type { VerifierKey } from '../../tlog/key.ts'
import { parseNote } from '../../tlog/note.ts'
import { durationText, type Row } from './output.ts'

const day = 86_400_000
/** Time enough for a release of the application. */
const soon = 30 * day

/** SHA-256 of the text that is signed: what two people read to one another. */
export function fingerprint(note: string): string {
  return hex(sha256(utf8(parseNote(note).text)))
}

export function rootRows(note: string, root: RootFields, signers: readonly VerifierKey[], now: number): readonly Row[] {
  const { rootThreshold, policyThreshold, quorum } = root
  const operators = new Set(root.witnesses.map(({ operator }) => operator)).size
  return [
    ['trust root', `version ${root.version}, ${root.use}`],
    ['fingerprint', fingerprint(note)],
    [
      'valid until',
      `${timeText(root.notAfter)}${root.notAfter > now ? `, for ${durationText(roughly(root.notAfter - now))}` : ''}`,
    ],
    ['signed by', signers.map(({ name }) => name).join(', ') || 'nobody that it names'],
    ...keyRows('root keys', `${rootThreshold} of ${root.rootKeys.length} say what follows this root`, root.rootKeys),
    ...keyRows('bundle keys', 'each signs key bundles', root.bundleKeys),
    ...keyRows('policy keys', `${policyThreshold} of ${root.policyKeys.length} sign a policy`, root.policyKeys),
    ...keyRows('timestamps', 'each states which policy serial is current', root.timestampKeys),
    ...root.logs.flatMap(({ origin, key }) => keyRows('logs', origin, [key])),
    ...(operators === 0 ? [] : [['witnesses', `${quorum} of ${operators} operators must have seen a tree`] as const]),
    ...root.witnesses.flatMap(({ operator, key }) => keyRows('witnesses', operator, [key])),
    ...root.vendorRoots.map((digest): Row => ['vendor roots', `${digest} (${vendorOf(digest)})`]),
    ['chips', chipWords[root.chips]],
    ['policies', `serial ${root.minPolicySerial} and higher`],
    ['placements', root.placements.join(', ')],
  ]
}

/** What is allowed, and weaker than it could be, or soon over. */
export function rootConcerns(root: RootFields, now: number): readonly string[] {
  const { use, quorum, notAfter } = root
  const operators = new Set(root.witnesses.map(({ operator }) => operator)).size
  const concerns: readonly (readonly [boolean, string])[] = [
    [notAfter > now && notAfter - now <= soon, 'it ends within 30 days: rotate it'],
    [use === 'development', 'for development: whoever relies on it may be relying on simulated evidence'],
    [root.rootThreshold === 1, 'a single stolen root key replaces everything: have 2 of 3'],
    [root.policyThreshold === 1, 'a single stolen policy key signs policies: have 2 of 3'],
    [root.logs.length === 0, 'no log: only placement front, where the operator is trusted'],
    [operators > 0 && quorum < 3, `a quorum of ${quorum}: 3 of 5 operators is what we advise`],
    [operators > 0 && quorum === operators, 'every witness must speak: one that is silent stops everybody'],
    [root.chips !== 'allowlist', `chips ${root.chips}: a stolen chip key of anybody's machine may do`],
    [root.vendorRoots.includes(products.Milan.root), 'Milan is pinned: its chip secrets can be drawn out by software'],
    [root.logs.length > 0 && root.vendorRoots.length === 0, 'no vendor root: evidence of hardware is refused'],
  ]
  return concerns.filter(([holds]) => holds).map(([, words]) => words)
}

const chipWords = {
  allowlist: 'only chips that the policy lists',
  log: 'chips that the policy lists, or that a log has',
  any: 'chips of anybody',
} as const satisfies Record<RootFields['chips'], string>

/** The short id stands in signatures; the digest of the public key is what a person compares. */
function keyRows(topic: string, task: string, keys: readonly VerifierKey[]): readonly Row[] {
  const lines = keys.map(({ name, id, publicKey }): Row => [topic, `  ${name}+${id}  ${hex(sha256(publicKey))}`])
  return [[topic, task], ...lines]
}

function vendorOf(digest: string): string {
  return Object.values(products).find(({ root }) => root === digest)?.name ?? 'not one that we know'
}

/** Whole days where there are some, else whole minutes. */
function roughly(milliseconds: number): number {
  const unit = milliseconds > 2 * day ? day : 60_000
  return Math.floor(milliseconds / unit) * unit
}
