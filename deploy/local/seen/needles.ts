/** Looks for a message, and for an address, in recorded bytes: as written, and in every dress in which they might be carried. */
import { words } from '../app/text.ts'

/** latin1 strings, one character an octet: `folded` is looked for whatever its case, `exact` (base64) as it stands. */
export type Needle = { readonly word: string; readonly folded: readonly string[]; readonly exact: readonly string[] }

const shortest = 6 // octets: a shorter word turns up in sealed bytes, and in the words of HTTP itself, by chance
const mostWords = 400 // of a long text an even sample is searched, its phrases included

// Words that stand in every HTTP head, with us or without us, and those of every signed bundle; they prove nothing
// wherever they are found.
const spoken = new Set(
  'accept access anchor application assistant asunder attested binary bundle bytes cache checkpoint chunked client collateral config connection content control development encoding endorsements evidence example gateway gzip header headers host incremental inside invalid length localhost machine measurement message method model number object origin placement policy public relay report request response sealed serial server sha256 simulated statement status stream system timestamp transfer trusted unknown version witness'.split(
    ' ',
  ),
)

/** Distinct words of the text that are long enough to be told from chance, and phrases of three words for those that are not. */
export function needlesOf(text: string): Needle[] {
  const all = words(text)
  const single = all.filter((word) => tellable(word) && !spoken.has(word.toLowerCase()))
  const phrases = [...text.matchAll(/\S+\s+\S+\s+\S+/gu)].map(([phrase]) => phrase).filter(tellable)
  const distinct = [...new Set([...sampled([...new Set(single)]), ...sampled([...new Set(phrases)])])]
  const needles = distinct.length > 0 || !tellable(text.trim()) ? distinct : [text.trim()]
  return needles.map((word) => needleOf(word))
}

/** Which of the needles occur. */
export function found(needles: readonly Needle[], bytes: Uint8Array): string[] {
  const plain = Buffer.from(bytes).toString('latin1')
  const low = fold(plain)
  return needles
    .filter(
      ({ folded, exact }) => folded.some((form) => low.includes(form)) || exact.some((form) => plain.includes(form)),
    )
    .map(({ word }) => word)
}

/** An IPv4 address with the ways of writing it down; with a port, only as written. */
export function addressNeedle(address: string): Needle {
  if (address.includes(':')) return needleOf(address)
  const octets = Buffer.from(address.split('.').map(Number))
  const [a = 0, b = 0, c = 0, d = 0] = octets
  return needleOf(address, [
    octets.toString('latin1'),
    octets.toString('hex'),
    String(octets.readUInt32BE()),
    `${d}.${c}.${b}.${a}.in-addr`,
    `${a}-${b}-${c}-${d}`,
  ])
}

function needleOf(word: string, more: readonly string[] = []): Needle {
  const folded = [...dresses(word), ...more].filter((form) => form !== '').map(fold)
  return { word, folded: [...new Set(folded)], exact: [...new Set(base64Forms(Buffer.from(word)))] }
}

/** ASCII alone: the octets of other scripts must not be taken for accented letters. */
function fold(text: string): string {
  return text.replace(/[A-Z]+/g, (run) => run.toLowerCase())
}

function tellable(word: string): boolean {
  return Buffer.byteLength(word) >= shortest
}

function sampled(list: readonly string[]): string[] {
  const step = Math.max(1, list.length / mostWords)
  return Array.from({ length: Math.min(list.length, mostWords) }, (_, i) => list[Math.floor(i * step)] ?? '')
}

function dresses(word: string): string[] {
  const cases = [word, word.toLowerCase(), word.toUpperCase()]
  const plain = cases.flatMap((text) => [text.normalize('NFC'), text.normalize('NFD'), text])
  const octets = Buffer.from(word)
  return [
    ...plain.map((text) => Buffer.from(text).toString('latin1')),
    ...cases.map((text) => Buffer.from(text, 'utf16le').toString('latin1')),
    ...cases.map((text) => Buffer.from(text, 'utf16le').swap16().toString('latin1')),
    octets.toString('hex'),
    Buffer.from(octets).reverse().toString('latin1'),
    encodeURIComponent(word.toWellFormed()),
    ...escapedJson(word),
  ]
}

/** The characters of base64 and base64url that depend on this word alone, at each of the three places it can stand. */
function base64Forms(octets: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), octets])
      .toString('base64')
      .replace(/=+$/, '')
    const first = Math.ceil((offset * 8) / 6)
    const whole = Math.floor(((offset + octets.length) * 8) / 6)
    const certain = text.slice(first, whole)
    return [certain, certain.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

/** As JSON writes it, with other scripts as they are or as escapes. */
function escapedJson(word: string): string[] {
  const text = JSON.stringify(word).slice(1, -1)
  const ascii = text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return [Buffer.from(text).toString('latin1'), ascii]
}
