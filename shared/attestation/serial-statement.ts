/**
 * The serial statement: "the current policy for this role is serial N", at most a day old. It tells a client that has
 * seen nothing yet that what it is offered is not last week's. trust.md 1 and 2.
 */
import { Refusal } from '../refusal.ts'
import { at, fieldsOf, integerOf, textOf, timeOf, timeText } from '../tlog/json-fields.ts'
import { signNote } from '../tlog/note.ts'
import { makeText, readText, verifyText } from '../tlog/signed-text.ts'
import type { Signer } from '../tlog/signer.ts'
import type { RootFields } from './root-fields.ts'
import { defaultSkew } from './sev-snp/policy.ts'

/** Serials are counted by role, so a statement for one says nothing of another. */
export type Statement = {
  readonly role: string
  readonly serial: number
  /** when it was made: milliseconds since 1970, whole seconds */
  readonly time: number
}

/** `notAfter`: the end of what it says, whoever holds it. */
export type VerifiedStatement = Statement & { readonly notAfter: number }

export type StatementQuestion = {
  readonly root: RootFields
  /** the role of the policy that it shall speak of */
  readonly role: string
  /** milliseconds since 1970 */
  readonly now: number
  /** the time of the newest one seen for this role, if any */
  readonly lastTime?: number | undefined
  /** milliseconds by which our clock may be behind the signer's */
  readonly skew?: number | undefined
}

/** Milliseconds. */
export const maxStatementAge = 24 * 3_600_000

/** A single signer: one timestamp key is enough, and the bundle carries one statement. */
export async function signStatement({ role, serial, time }: Statement, signer: Signer): Promise<string> {
  const text = makeText('serial', { role, serial, time: timeText(time) })
  readStatement(readText('serial', text))
  return signNote(text, [signer])
}

/**
 * Refuses with `unsigned`, `bad-signature`, `malformed-note`, `bad-encoding`, `role-refused`, `statement-too-old`,
 * `statement-from-future` or `rolled-back`.
 */
export async function verifyStatement(note: string, question: StatementQuestion): Promise<VerifiedStatement> {
  const { root, role, now, lastTime = 0, skew = defaultSkew } = question
  const statement = readStatement(await verifyText('serial', note, root.timestampKeys, 1))
  const { time } = statement
  if (statement.role !== role) throw new Refusal('role-refused', `a statement for ${statement.role}, not for ${role}`)
  if (time > now + skew) throw new Refusal('statement-from-future', 'it is newer than our clock')
  if (now - time > maxStatementAge) throw new Refusal('statement-too-old', 'it is more than a day old')
  if (time < lastTime) throw new Refusal('rolled-back', 'a newer statement was seen')
  return { ...statement, notAfter: time + maxStatementAge }
}

/** The rule that joins the two: a policy may be newer than the statement, never older. */
export function checkStated(policy: { readonly serial: number }, statement: Statement): void {
  if (policy.serial >= statement.serial) return
  throw new Refusal('rolled-back', `policy.serial ${policy.serial}, the current one is ${statement.serial}`)
}

/** Not verified. */
export function readStatement(value: unknown): Statement {
  const from = fieldsOf(at(value, 'statement'), ['role', 'serial', 'time'])
  return { role: textOf(from.role), serial: integerOf(from.serial, 1), time: timeOf(from.time) }
}
