/** The Incremental field: whether a message is to be passed on as it arrives. RFC 10036 §3, RFC 9651, RFC 9209. */
import { parseItem } from 'structured-headers'

/**
 * True or false as the field says, whatever its parameters; null when there is no such field or it must be ignored:
 * another type, not a structured item, or more than one line (which combine to a list, and a list is not an item).
 */
export function incremental(fieldLines: readonly string[]): boolean | null {
  if (fieldLines.length === 0) return null
  try {
    const value: unknown = parseItem(fieldLines.join(', '))[0]
    return typeof value === 'boolean' ? value : null
  } catch {
    // RFC 9651 §4.2: a field that fails to parse is ignored as a whole.
    return null
  }
}
