/** Arbitrary valid messages, and arbitrary ways to cut and to spoil them. */
import fc from 'fast-check'
import type { BinaryRequest, BinaryResponse, Field } from '../../../shared/bhttp/message.ts'

const characters = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i))

const text = (alphabet: readonly string[], minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength })

const tokenCharacters = characters(0x21, 0x7e).filter((character) => /[!#$%&'*+\-.^_`|~\da-z]/.test(character))
const valueCharacters = ['\t', ...characters(0x20, 0x7e), ...characters(0x80, 0xff)]

const token = text(tokenCharacters, 1, 20)
const value = text(valueCharacters, 0, 90).map((inner) => inner.replace(/^[ \t]+|[ \t]+$/g, ''))
const field = fc.tuple(token, value)
const pseudo = fc.tuple(fc.constantFrom(':protocol', ':x'), value)

const trailers: fc.Arbitrary<Field[]> = fc.array(field, { maxLength: 5 })
const headers: fc.Arbitrary<Field[]> = fc
  .tuple(fc.array(pseudo, { maxLength: 2 }), trailers)
  .map(([first, then]) => [...first, ...then])

const body = {
  framing: fc.constantFrom('known', 'indeterminate'),
  headers,
  content: fc.uint8Array({ maxLength: 300 }),
  trailers,
  padding: fc.nat(70),
} as const

export const requests: fc.Arbitrary<BinaryRequest> = fc.record({
  kind: fc.constant('request'),
  method: fc.constantFrom('GET', 'POST', 'QUERY', "!#$%&'*"),
  scheme: fc.constantFrom('https', 'http'),
  authority: fc.constantFrom('', 'e.com', '[::1]:443', 'a.example:8443'),
  path: fc.constantFrom('/', '/a?b=c&d', '/%7e;x//y'),
  ...body,
})

const informational = fc.record({ status: fc.integer({ min: 100, max: 199 }), headers })

export const responses: fc.Arbitrary<BinaryResponse> = fc.record({
  kind: fc.constant('response'),
  informational: fc.array(informational, { maxLength: 3 }),
  status: fc.integer({ min: 200, max: 599 }),
  ...body,
})

export const messages: fc.Arbitrary<BinaryRequest | BinaryResponse> = fc.oneof(requests, responses)

/** Sizes of pieces, empty ones included. */
export const cuts = fc.array(fc.oneof(fc.nat(3), fc.nat(60)), { maxLength: 60 })

type Spoil = { at: number; byte: number; how: 'change' | 'insert' | 'remove' | 'end' }

export const spoils: fc.Arbitrary<Spoil[]> = fc.array(
  fc.record({
    at: fc.nat(400),
    byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff)),
    how: fc.constantFrom('change', 'change', 'insert', 'remove', 'end'),
  }),
  { minLength: 1, maxLength: 3 },
)

export function spoiled(bytes: Uint8Array, all: readonly Spoil[]): Uint8Array {
  const spoil = (list: number[], { at, byte, how }: Spoil): number[] => {
    const place = at % (list.length + 1)
    if (how === 'end') return list.slice(0, place)
    if (how === 'insert') return list.toSpliced(place, 0, byte)
    return how === 'remove' ? list.toSpliced(place, 1) : list.toSpliced(place, 1, byte)
  }
  return Uint8Array.from(all.reduce(spoil, [...bytes]))
}
