/** What counts as our own machine. Plaintext is spoken there and nowhere else, and only where a setting says so. */

/** A literal loopback address, or the name that RFC 6761 §6.3 reserves for it. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return name === 'localhost' || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
}
