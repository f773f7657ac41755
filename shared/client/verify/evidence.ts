/** One piece of evidence, check by check: the judge's own answer, spread out over its rows. attestation.md a.6. */
import type { EvidenceKind } from '../../attestation/evidence.ts'
import type { Verdict } from '../../attestation/verdict.ts'
import { Refusal } from '../../refusal.ts'
import { notReached, refusedBy, saying, type Check } from './checks.ts'
import { evidenceRows, numberOf, type EvidenceRow } from './evidence-rows.ts'

export async function judged(
  checks: Check[],
  part: string,
  kind: EvidenceKind,
  judging: () => Promise<Verdict>,
): Promise<Verdict | undefined> {
  const rows = evidenceRows[kind]
  try {
    const verdict = await judging()
    checks.push(...rows.map((row): Check => held(part, row, row.found?.(verdict) ?? '')))
    return verdict
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    const number = numberOf(kind, cause.code)
    const before = rows.filter((row) => row.number < number).map((row) => held(part, row, ''))
    const refused = rows.filter((row) => row.number === number).map((row) => refusedBy(cause, part, plain(row)))
    const after = rows.filter((row) => row.number > number).map(plain)
    checks.push(...before, ...refused, ...notReached(part, after))
    return undefined
  }
}

function held(part: string, row: EvidenceRow, says: string): Check {
  return { part, ...plain(row), result: 'ok', ...saying(says) }
}

function plain({ name, compared, from }: EvidenceRow) {
  return { name, compared, from }
}

/** What evidence cannot show, in sentences; a word of the judge without one stands for itself. */
const sentences: Readonly<Record<string, string>> = {
  hardware: 'hardware, firmware, chip: the evidence is simulated, no machine vouches for anything',
  chip: 'chip: any chip of the vendor was taken, also one that somebody bought',
  'chip log': 'chip: whether the log of chips knows it',
  'firmware floor': 'firmware floor: the policy names none for this product',
  gpu: 'GPU: nothing in this evidence speaks of one',
  'age of TCB ratings': 'age of TCB ratings: the policy names no least evaluation number',
  'transparency log': 'release: whether a log knows this image',
  'policy signature': 'policy: who signed it',
}

/** `verified`: words of the judge to which somebody else has the answer. */
export function unseen(verdicts: readonly Verdict[], verified: (verdict: Verdict) => readonly string[]): string[] {
  const words = verdicts.flatMap((verdict) => {
    const known = [...verified(verdict), ...(verdict.simulated ? ['firmware', 'chip'] : [])]
    return verdict.notVerified.filter((word) => !known.includes(word))
  })
  return [...new Set(words)].map((word) => sentences[word] ?? word)
}
