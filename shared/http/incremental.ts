/** The Incremental field: whether a message is to be passed on as it arrives. RFC 10036 §3, RFC 9651, RFC 9209. */
import { parseItem } from 'structured-headers'

/** The value that we send and forward: parameters of others are dropped. */
export const incrementalValue = '?1'

/** Said with 501: RFC 10036 §3 wants an error from whoever would buffer, and this word for it. */
export const incrementalRefused = 'asunder; error=incremental_refused'

/** Said with 429: as many incremental messages as we carry at once are under way. RFC 10036 §4.2. */
export const incrementalLimit = 'asunder; error=connection_limit_reached'

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
