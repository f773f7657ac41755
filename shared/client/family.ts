/** Which of the two families a request travels in. An answer always comes back in its request's family; there is no fallback. */
import { fromUtf8 } from '../bytes.ts'
import { essence, type Family } from '../http/media-types.ts'
import type { Call } from './call.ts'

export type FamilyChoice = 'auto' | Family

/**
 * `auto` means: chunked if the caller's body is a stream, if `accept` names `text/event-stream`, or if the body is JSON
 * whose `stream` is true; otherwise standard, whose answers are padded whole and so say least about their length.
 */
export function familyFor(choice: FamilyChoice, call: Call): Family {
  const uploads = !(call.body instanceof Uint8Array)
  if (choice === 'standard' && uploads) throw new TypeError('family: a body stream needs the chunked family')
  if (choice !== 'auto') return choice
  return uploads || acceptsEvents(call) || asksForStream(call) ? 'chunked' : 'standard'
}

function acceptsEvents(call: Call): boolean {
  const accepted = valueOf(call, 'accept').split(',')
  return accepted.some((type) => essence(type) === 'text/event-stream')
}

function asksForStream(call: Call): boolean {
  if (essence(valueOf(call, 'content-type')) !== 'application/json' || !(call.body instanceof Uint8Array)) return false
  try {
    const value: unknown = JSON.parse(fromUtf8(call.body))
    return typeof value === 'object' && value !== null && 'stream' in value && value.stream === true
  } catch {
    return false // not our business: the application will say what it thinks of it
  }
}

function valueOf(call: Call, name: string): string {
  return call.headers.find(([field]) => field === name)?.[1] ?? ''
}
