/**
 * Whom to believe about a log: its own key, and a quorum of witnesses who are different people. C2SP tlog-policy as
 * one threshold; trust.md 1 and 6, conformance.md TL-7. Times are milliseconds since 1970, the clock is the caller's.
 */
import { hex } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { parseCheckpoint, type Checkpoint } from './checkpoint.ts'
import { verifyCosignature } from './cosignature.ts'
import type { VerifierKey } from './key.ts'
import { linesOf, parseNote, verifyNote, type Note } from './note.ts'

export type LogKey = { readonly origin: string; readonly key: VerifierKey }
export type WitnessKey = { readonly operator: string; readonly key: VerifierKey }

/** A trust root is one of these. Several logs may be listed; a caller who wants one gives that one. */
export type LogTrust = {
  readonly logs: readonly LogKey[]
  readonly witnesses: readonly WitnessKey[]
  /** distinct operators, at least 1 */
  readonly quorum: number
}

/** `skew`: how far a witness's clock may be ahead of ours. */
export type Clock = { readonly now: number; readonly skew: number }

/** `fresh` from the cosignature on, `stale` after that, then refused. */
export type AgeLimits = { readonly fresh: number; readonly stale: number }

export type Cosigned = WitnessKey & { readonly time: number }

/** Signed by its log. Every cosignature of a known witness is good, but nobody has counted them. */
export type SignedCheckpoint = Checkpoint & {
  /** the complete note, byte for byte */
  readonly note: string
  readonly log: LogKey
  readonly cosignatures: readonly Cosigned[]
}

/** What a caller remembers: origin, size and root against rollback, `newest` because no good clock is older. */
export type VerifiedCheckpoint = SignedCheckpoint & {
  /** distinct, newest first */
  readonly operators: readonly string[]
  /** the time by which the whole quorum, at its newest, had spoken: ages are counted from here */
  readonly oldest: number
  readonly newest: number
}

export async function verifyCheckpoint(note: string, trust: LogTrust, clock: Clock): Promise<VerifiedCheckpoint> {
  const signed = await verifySignatures(note, trust)
  const counted = countOperators(signed.cosignatures, trust.quorum)
  checkClock(counted.newest, clock)
  return { ...signed, ...counted }
}

/** Without a quorum: for monitors and logs, who need what is signed rather than what may be relied on. */
export async function verifySignatures(
  note: string,
  { logs, witnesses }: Pick<LogTrust, 'logs' | 'witnesses'>,
): Promise<SignedCheckpoint> {
  const parsed = parseNote(note)
  const origins = logs.map(({ origin }) => origin)
  const checkpoint = parseCheckpoint(parsed.text, origins)
  const log = await verifyLog(
    note,
    logs.filter(({ origin }) => origin === checkpoint.origin),
  )
  return { ...checkpoint, note, log, cosignatures: await verifyWitnesses(parsed, witnesses, checkpoint) }
}

/** One operator is one voice, however many keys or lines; so is one public key, under however many names. */
export function countOperators(cosignatures: readonly Cosigned[], quorum: number) {
  if (!Number.isSafeInteger(quorum) || quorum < 1) throw new TypeError('a quorum is at least 1')
  const counted: Cosigned[] = []
  for (const one of cosignatures.toSorted((a, b) => b.time - a.time)) {
    if (!counted.some((other) => isSameVoice(one, other))) counted.push(one)
  }
  const [first, last] = [counted[0], counted[quorum - 1]]
  if (first === undefined || last === undefined) {
    const code = cosignatures.length < quorum ? 'quorum-not-met' : 'witness-repeated'
    throw new Refusal(code, `${counted.length} of ${quorum} witness operators`)
  }
  return { operators: counted.map(({ operator }) => operator), oldest: last.time, newest: first.time }
}

/** How old a quorum's word is. The limits are the caller's: an anchor's come from trust.md 6, narrowed by policy. */
export function judgeAge(oldest: number, now: number, limits: AgeLimits): 'fresh' | 'stale' {
  const age = now - oldest
  if (age <= limits.fresh) return 'fresh'
  if (age <= limits.fresh + limits.stale) return 'stale'
  throw new Refusal('cosignature-too-old', `the quorum spoke ${Math.floor(age / 3_600_000)} hours ago`)
}

/** One witness from the future is enough: either it lies or our clock is wrong, and then no age means anything. */
export function checkClock(newest: number, { now, skew }: Clock): void {
  if (newest <= now + skew) return
  throw new Refusal('cosignature-from-future', 'a cosignature is newer than our clock')
}

async function verifyLog(note: string, logs: readonly LogKey[]): Promise<LogKey> {
  try {
    const { signers } = await verifyNote(
      note,
      logs.map(({ key }) => key),
    )
    const log = logs.find(({ key }) => signers.includes(key))
    if (log !== undefined) return log
  } catch (cause) {
    if (!(cause instanceof Refusal) || cause.code !== 'unsigned') throw cause
  }
  throw new Refusal('unknown-log-key', "no signature of the log's own key")
}

async function verifyWitnesses(note: Note, witnesses: readonly WitnessKey[], checkpoint: Checkpoint) {
  const operators = new Map(witnesses.map(({ operator, key }) => [key, operator]))
  const cosignatures: Cosigned[] = []
  for (const { key, signature } of linesOf(note, [...operators.keys()])) {
    const time = await verifyCosignature(key, signature, checkpoint)
    cosignatures.push({ operator: operators.get(key) ?? key.name, key, time })
  }
  return cosignatures
}

function isSameVoice(one: WitnessKey, other: WitnessKey): boolean {
  return one.operator === other.operator || hex(one.key.publicKey) === hex(other.key.publicKey)
}
