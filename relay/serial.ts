/**
 * The one thing the relay reads of a bundle: its serial, so that nobody who asks through it is shown an older one
 * (trust.md 2). Everything else, the signatures too, stays opaque: the relay has no key to check them with.
 */

const firstLine = 'asunder bundle v1\n'
const member = /"serial":(0|[1-9]\d{0,14})(?=[,}])/y

/** The serial of a signed bundle (C2SP signed note, one line of JSON); undefined when it cannot be read beyond doubt. */
export function bundleSerial(bytes: Uint8Array): number | undefined {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  // The text ends where the note's signatures begin: after its second line comes an empty one.
  const end = text.indexOf('\n\n')
  if (!text.startsWith(firstLine) || text.indexOf('\n', firstLine.length) !== end) return undefined
  const line = text.slice(firstLine.length, end)
  return line.startsWith('{') && line.endsWith('}') ? topLevelSerial(line) : undefined
}

// A walk by depth: the notes and proofs inside have names and braces of their own, all of them within strings or deeper.
function topLevelSerial(line: string): number | undefined {
  let depth = 0
  let found: number | undefined
  for (let at = 0; at < line.length; at++) {
    const character = line[at]
    if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
    if (character !== '"') continue
    const end = endOfString(line, at)
    if (end < 0) return undefined
    if (depth === 1 && line[end + 1] === ':' && line.slice(at, end + 1) === '"serial"') {
      member.lastIndex = at
      const value = member.exec(line)?.[1]
      // Said twice, clients would refuse it, and we would not know which of the two to remember.
      if (value === undefined || found !== undefined) return undefined
      found = Number(value)
    }
    at = end
  }
  return depth === 0 ? found : undefined
}

function endOfString(line: string, start: number): number {
  for (let end = line.indexOf('"', start + 1); end >= 0; end = line.indexOf('"', end + 1)) {
    let backslashes = 0
    while (line[end - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return end
  }
  return -1
}
