/** A check as people read it: what was held against what, by whose word, and how it ended. */
import { Refusal, type RefusalCode } from '../../refusal.ts'

export type CheckRow = {
  readonly name: string
  /** what is held against what */
  readonly compared: string
  /** by whose word it must be so */
  readonly from: string
}

export type Check = CheckRow & {
  /** what it is about: `bundle`, `policy`, `evidence`, `key` and its id, or `whole` */
  readonly part: string
  readonly result: 'ok' | 'refused' | 'not reached'
  /** only where it is refused */
  readonly code?: RefusalCode
  /** what was found, or why it is refused */
  readonly says?: string
}

/** Does the work and writes down how it ended. What a stranger cannot cause is thrown on. */
export async function asked<T>(
  checks: Check[],
  part: string,
  row: CheckRow,
  work: () => Promise<T> | T,
  says: (value: T) => string = () => '',
): Promise<T | undefined> {
  try {
    const value = await work()
    checks.push({ part, ...row, result: 'ok', ...saying(says(value)) })
    return value
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    checks.push(refusedBy(cause, part, row))
    return undefined
  }
}

export function refusedBy({ code, message }: Refusal, part: string, row: CheckRow): Check {
  return { part, ...row, result: 'refused', code, ...saying(message) }
}

export function notReached(part: string, rows: readonly CheckRow[]): Check[] {
  return rows.map((row) => ({ part, ...row, result: 'not reached' }))
}

export function saying(words: string): { readonly says?: string } {
  return words === '' ? {} : { says: words }
}
