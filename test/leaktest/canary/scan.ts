/** Looks for canaries in what a party holds: octets, files, and what is compressed inside of either. privacy.md 2.3. */
import { createReadStream } from 'node:fs'
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { encodingsOf } from './encodings.ts'
import { createFinder, type Finder } from './finder.ts'
import type { Canary } from './canaries.ts'

export type Hit = {
  readonly canary: Canary
  /** how it was written */
  readonly encoding: string
  /** where it begins; inside a compressed member, where that begins */
  readonly offset: number
}

export type Scanner = {
  /** how many patterns are looked for */
  readonly patterns: number
  scan(octets: Uint8Array): Hit[]
  /** In pieces, so that a log may be larger than memory. */
  scanFile(path: string): Promise<Hit[]>
}

export function createScanner(canaries: readonly Canary[]): Scanner {
  const known = canaries.flatMap((canary) => encodingsOf(canary).map((encoding) => ({ canary, ...encoding })))
  const find = createFinder(known)
  const longest = known.reduce((most, { pattern }) => Math.max(most, pattern.length), 0)
  const hits = (octets: Uint8Array, finder: Finder): Hit[] =>
    finder(octets).map(({ pattern, offset }) => ({ ...hitOf(known[pattern]), offset }))
  const scan = (octets: Uint8Array): Hit[] => [
    ...hits(octets, find),
    ...members(octets).flatMap(({ offset, content }) =>
      scan(content).map((hit): Hit => ({ ...hit, encoding: `${hit.encoding}, compressed`, offset })),
    ),
  ]
  return { patterns: known.length, scan, scanFile: (path) => inPieces(path, scan, longest) }
}

function hitOf(known: { readonly canary: Canary; readonly name: string } | undefined): Omit<Hit, 'offset'> {
  if (known === undefined) throw new TypeError('a finder gives what it was made of')
  return { canary: known.canary, encoding: known.name }
}

/** A hit that lies in two pieces is found in the second, which begins with the end of the first. */
async function inPieces(path: string, scan: (octets: Uint8Array) => Hit[], longest: number): Promise<Hit[]> {
  const found = new Map<string, Hit>()
  let kept = Buffer.alloc(0)
  let start = 0
  for await (const piece of createReadStream(path, { highWaterMark: pieceSize })) {
    const octets = Buffer.concat([kept, piece as Buffer])
    for (const hit of scan(octets)) {
      const offset = start + hit.offset
      found.set(`${hit.canary.id} ${hit.encoding} ${offset}`, { ...hit, offset })
    }
    kept = octets.subarray(Math.max(0, octets.length - longest))
    start += octets.length - kept.length
  }
  return [...found.values()]
}

const pieceSize = 8 << 20
const mostOpened = 64 << 20

type Opener = (octets: Buffer, options: { maxOutputLength: number }) => Buffer
/** By their first octets: RFC 1952 §2.3.1, RFC 8878 §3.1.1, RFC 1950 §2.2 (the usual three levels). Brotli has none. */
const members_: readonly { readonly magic: Buffer; readonly open: Opener }[] = [
  { magic: Buffer.from([0x1f, 0x8b, 0x08]), open: gunzipSync },
  { magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), open: zstdDecompressSync },
  { magic: Buffer.from([0x78, 0x9c]), open: inflateSync },
]

function members(octets: Uint8Array): { offset: number; content: Buffer }[] {
  const all = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
  const found = members_.flatMap(({ magic, open }) => {
    const opened: { offset: number; content: Buffer }[] = []
    for (let at = all.indexOf(magic); at >= 0; at = all.indexOf(magic, at + 1)) {
      const content = attempt(open, all.subarray(at))
      if (content !== undefined) opened.push({ offset: at, content })
    }
    return opened
  })
  // A brotli stream cannot be told by its beginning; a small body is tried as a whole.
  const brotli = all.length > 0 && all.length <= 1 << 16 ? attempt(brotliDecompressSync, all) : undefined
  return brotli === undefined || brotli.length === 0 ? found : [...found, { offset: 0, content: brotli }]
}

function attempt(open: Opener, octets: Buffer): Buffer | undefined {
  try {
    return open(octets, { maxOutputLength: mostOpened })
  } catch {
    return undefined
  }
}
