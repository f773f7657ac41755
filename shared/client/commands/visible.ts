/** What strangers wrote, on its way to a terminal, which obeys control characters and turns lines around. */

// Line feeds and tabs are layout. The rest of C0, DEL and C1 move the cursor; the others reorder what stands beside them.
const obeyed = String.raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]`
const everyObeyed = new RegExp(obeyed, 'gu')

// The styles that a command paints its own words with; anything else after an escape is somebody else's.
const paintedOr = new RegExp(String.raw`\u001b\[(?:1|2|22|31|33|39)m|${obeyed}`, 'gu')

/** Text without anything that a terminal obeys: each becomes U+FFFD. */
export function visible(text: string): string {
  return text.replace(everyObeyed, '\u{fffd}')
}

/** The same, of a line that we may have painted. */
export function visiblePainted(text: string): string {
  return text.replace(paintedOr, (found) => (found.length > 1 ? found : '\u{fffd}'))
}
