/** What `asunder doctor` says of one rule: whether it holds, what was seen, and what to do if it does not. */

export type Result = 'ok' | 'fails' | 'not observable'

export type Row = {
  readonly name: string
  /** the rule */
  readonly rule: string
  /** what the operator does where it does not hold */
  readonly remedy: string
}

export type Finding = { readonly result: Result; readonly seen: string }

export type Check = Row & Finding

export const ok = (seen: string): Finding => ({ result: 'ok', seen })
export const fails = (seen: string): Finding => ({ result: 'fails', seen })
/** Nothing can be said: what would have to be seen is not given, or not there. */
export const unseen = (why: string): Finding => ({ result: 'not observable', seen: why })

/** `whenWell` if there is nothing to complain about. */
export function unless(complaints: readonly string[], whenWell: string): Finding {
  return complaints.length === 0 ? ok(whenWell) : fails(complaints.join('; '))
}

/** Nobody answered, or not as HTTP or TLS: the code is the system's word for it. */
export class Unheard extends Error {
  override readonly name = 'Unheard'
  readonly code: string

  constructor(code: string, options?: ErrorOptions) {
    super(`no answer (${code})`, options)
    this.code = code
  }
}

/** Looks, and takes silence for a failure. What a stranger cannot cause is thrown on. */
export async function checked(row: Row, look: () => Promise<Finding> | Finding): Promise<Check> {
  try {
    return { ...row, ...(await look()) }
  } catch (cause) {
    if (!(cause instanceof Unheard)) throw cause
    return { ...row, ...fails(cause.message) }
  }
}
