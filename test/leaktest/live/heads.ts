/**
 * Heads as constants: what is left of a head once the few parts that may differ are masked. wire.md "Heads are constants",
 * privacy.md 2.3 (egress header canonical form). Order and capitals stay as they were.
 */

/** The length of a message is judged elsewhere; age and max-age count down for everybody alike; a date to the minute. */
const masks: readonly (readonly [RegExp, string])[] = [
  [/^(content-length: )\d+$/i, '$1n'],
  [/^(age: )\d+$/i, '$1n'],
  [/^(cache-control: .*max-age=)\d+(.*)$/i, '$1n$2'],
  [/^(date: \w{3}, \d\d \w{3} \d{4} \d\d:)\d\d(:00 GMT)$/i, '$1mm$2'],
  [/^(etag: ")[0-9a-f]{64}(")$/i, '$1digest$2'],
]

export function maskedHead(head: Uint8Array): string {
  const lines = Buffer.from(head).toString('latin1').trimEnd().split('\r\n')
  return lines.map((line) => masks.reduce((text, [pattern, by]) => text.replace(pattern, by), line)).join('\n')
}

/** What kind of exchange a head belongs to: its method, path without a query, or its status. */
export function operationOf(start: string): string {
  const [first = '', second = ''] = start.split(' ')
  return first.startsWith('HTTP/') ? second : `${first} ${second.split('?')[0] ?? ''}`
}
