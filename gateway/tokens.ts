/**
 * Admission by anonymous token, inside the seal: the field that carries one is taken off the request before anything else
 * looks at it, so that no token reaches the CVM. RFC 9577 §2.2; PP-9, privacy.md 4.9.
 */
import type { RequestHead } from '../shared/bhttp/message.ts'
import type { Field } from '../shared/http/fields.ts'
import { asksForToken } from '../shared/privacy-pass/challenge.ts'
import type { Gate } from '../shared/privacy-pass/gate.ts'
import type { Turnstile } from './oblivious.ts'

export type Unburdened = {
  readonly head: RequestHead
  /** what was offered: several lines joined, which is then no token */
  readonly offered: string | undefined
}

export function turnstile(gate: Gate): Turnstile {
  return {
    take(burdened) {
      const { head, offered } = takeToken(burdened)
      return { head, check: () => gate.check(offered) }
    },
    challenge: () => gate.challenge(),
  }
}

/** Lines of `authorization` that name our scheme are ours; the others are the app's, and stay. */
export function takeToken(head: RequestHead): Unburdened {
  const offered = head.headers.filter(isOurs)
  if (offered.length === 0) return { head, offered: undefined }
  const headers = head.headers.filter((field) => !isOurs(field))
  return { head: { ...head, headers }, offered: offered.map(([, value]) => value).join(', ') }
}

function isOurs([name, value]: Field): boolean {
  return name === 'authorization' && asksForToken(value)
}
