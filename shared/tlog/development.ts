/**
 * Logs and witnesses for development, whose keys lie open in a folder: they say what they are in every name, so that
 * nobody can take one for the public log. trust.md 7.
 */

/** The host part of their names; `.invalid` is nobody's (RFC 6761 §6.4). */
export const developmentHosts = { log: 'development-log.invalid', witness: 'development-witness.invalid' } as const

/** Wider than our own names on purpose: what only looks like development is not production either. */
export function saysDevelopment(name: string): boolean {
  return name.normalize('NFKC').toLowerCase().includes('development')
}
