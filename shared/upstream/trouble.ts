/** What an operator can mend of a connection that was not had: a key or a certificate, a name, a port. */
export const dialTroubles = ['not-pinned', 'tls', 'no-address', 'unreachable'] as const
export type DialTrouble = (typeof dialTroubles)[number]
