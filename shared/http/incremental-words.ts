/** What we say of incremental messages, apart from the reading of what others say, which takes a library. RFC 10036, RFC 9209. */

/** The value that we send and forward: parameters of others are dropped. */
export const incrementalValue = '?1'

/** Said with 501: RFC 10036 §3 wants an error from whoever would buffer, and this word for it. */
export const incrementalRefused = 'asunder; error=incremental_refused'

/** Said with 429: as many incremental messages as we carry at once are under way. RFC 10036 §4.2. */
export const incrementalLimit = 'asunder; error=connection_limit_reached'
