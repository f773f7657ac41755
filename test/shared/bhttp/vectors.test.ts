/** Messages from other hands: the examples of RFC 9292 §5 and the shared vector files, fed in every manner. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fromHex, hex } from '../../../shared/bytes.ts'
import { encode } from '../../../shared/bhttp/encode.ts'
import type { Kind } from '../../../shared/bhttp/message.ts'
import { sharedVectors } from '../../vectors/shared.ts'
import { decodedOf, eventsOf, manners, messageOf, outcome, told, type Decoded } from './feeding.ts'

type Valid = { id: string; kind: Kind; hex: string; decoded: Decoded; equivalent_to?: string }
type Invalid = { id: string; kind: Kind; hex: string; reason: string }
type Prefixes = { id: string; kind: Kind; hex: string; accepted_prefix_lengths: number[] }
type Example = { name: string; section: string; kind: Kind; hex: string; decoded: Decoded }

const published = JSON.parse(readFileSync(new URL('../../vectors/rfc9292.json', import.meta.url), 'utf8')) as {
  examples: Example[]
}

describe('RFC 9292 §5', () => {
  test.each(published.examples)('$section $name reads as published, however it arrives', ({ kind, hex, decoded }) => {
    const bytes = fromHex(hex)
    expect(decodedOf(kind, bytes)).toEqual(decoded)
    for (const [, cuts] of manners) expect(told(kind, eventsOf(kind, bytes, cuts(bytes.length)))).toEqual(decoded)
  })

  test.each(published.examples)('$section $name is written as published', (example) => {
    // The known-length request and the informational response stand in the RFC with their last empty parts left out.
    const written = hex(encode(messageOf(example.kind, example.decoded)))
    expect(written.startsWith(example.hex)).toBe(true)
    expect(written.slice(example.hex.length)).toMatch(/^(00){0,2}$/)
  })

  test('5.1: up to 12 bytes can be left off the indeterminate request, and no more', () => {
    const example = published.examples.find(({ name }) => name === 'request-indeterminate')
    const bytes = fromHex(example?.hex ?? '')
    for (let removed = 0; removed <= 12; removed++) {
      const left = decodedOf('request', bytes.subarray(0, bytes.length - removed))
      expect(left).toEqual({ ...example?.decoded, padding: Math.max(0, 10 - removed) })
    }
    expect(outcome(() => decodedOf('request', bytes.subarray(0, bytes.length - 13)))).toBe('truncated')
  })
})

const valid = sharedVectors('bhttp-valid') as { cases: Valid[] } | undefined
const invalid = sharedVectors('bhttp-invalid') as { cases: Invalid[] } | undefined
const prefixes = sharedVectors('bhttp-prefixes') as { cases: Prefixes[] } | undefined

describe.skipIf(!valid)('bhttp-valid.json', () => {
  test.each(valid?.cases ?? [])('$id reads as stated, whole, in halves and byte by byte', ({ kind, hex, decoded }) => {
    const bytes = fromHex(hex)
    expect(decodedOf(kind, bytes)).toEqual(decoded)
    for (const [, cuts] of manners) expect(told(kind, eventsOf(kind, bytes, cuts(bytes.length)))).toEqual(decoded)
  })

  test.each(valid?.cases ?? [])('$id comes back from our own writing', ({ kind, decoded }) => {
    expect(decodedOf(kind, encode(messageOf(kind, decoded)))).toEqual(decoded)
  })

  test('equivalent messages differ in nothing but padding', () => {
    const cases = new Map(valid?.cases.map((vector) => [vector.id, vector]))
    const equivalents = [...cases.values()].filter(({ equivalent_to: other }) => other !== undefined)
    expect(equivalents.length).toBeGreaterThan(0)
    for (const { kind, hex, equivalent_to: other } of equivalents) {
      const same = decodedOf(kind, fromHex(cases.get(other ?? '')?.hex ?? ''))
      expect({ ...decodedOf(kind, fromHex(hex)), padding: same.padding }).toEqual(same)
    }
  })
})

describe.skipIf(!invalid)('bhttp-invalid.json', () => {
  const codes: Record<string, string[]> = {
    BAD_FRAMING_INDICATOR: ['bad-framing'],
    WRONG_MESSAGE_KIND: ['bad-framing'],
    FIELD_OVERRUNS_SECTION: ['bad-framing'],
    // A length over the limit is refused before anybody waits for its bytes.
    TRUNCATED: ['truncated', 'body-too-large'],
    BAD_METHOD: ['bad-control-data'],
    BAD_SCHEME: ['bad-control-data'],
    BAD_PATH: ['bad-control-data'],
    BAD_STATUS: ['bad-control-data'],
    BAD_AUTHORITY: ['bad-authority'],
    BAD_FIELD_NAME: ['bad-field'],
    BAD_FIELD_VALUE: ['bad-field'],
    FORBIDDEN_PSEUDO_FIELD: ['bad-field'],
    PSEUDO_FIELD_IN_TRAILER: ['bad-field'],
    NONZERO_PADDING: ['bad-padding'],
  }

  test.each(invalid?.cases ?? [])('$id is refused as $reason, however it arrives', ({ kind, hex, reason }) => {
    const bytes = fromHex(hex)
    const whole = outcome(() => decodedOf(kind, bytes))
    expect(codes[reason]).toContain(whole)
    for (const [, cuts] of manners) expect(outcome(() => eventsOf(kind, bytes, cuts(bytes.length)))).toBe(whole)
  })
})

describe.skipIf(!prefixes)('bhttp-prefixes.json', () => {
  test.each(prefixes?.cases ?? [])('B-13: $id may end only at the stated lengths', ({ kind, hex, ...vector }) => {
    const bytes = fromHex(hex)
    const lengths = Array.from({ length: bytes.length + 1 }, (_, length) => length)
    const results = lengths.map((length) => outcome(() => decodedOf(kind, bytes.subarray(0, length))))
    expect(lengths.filter((length) => typeof results[length] === 'object')).toEqual(vector.accepted_prefix_lengths)
    for (const result of results) if (typeof result === 'string') expect(result).toBe('truncated')
  })

  test.each(prefixes?.cases ?? [])('B-13: $id, byte by byte, ends where it ends whole', ({ kind, hex }) => {
    const bytes = fromHex(hex)
    for (let length = 0; length <= bytes.length; length++) {
      const prefix = bytes.subarray(0, length)
      const single = Array.from({ length }, () => 1)
      expect(outcome(() => told(kind, eventsOf(kind, prefix, single)))).toEqual(outcome(() => decodedOf(kind, prefix)))
    }
  })
})
