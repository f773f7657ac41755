/** What holds for every message, every cut and every spoiled byte. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat } from '../../../shared/bytes.ts'
import { encode } from '../../../shared/bhttp/encode.ts'
import type { Kind } from '../../../shared/bhttp/message.ts'
import { decodedForm, decodedOf, eventsOf, messageOf, outcome, told } from './feeding.ts'
import { cuts, messages, spoiled, spoils } from './messages.ts'

const kinds = fc.constantFrom<Kind>('request', 'response')

describe('every message', () => {
  test('B-22: comes back as it was written, in either framing', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodedOf(message.kind, encode(message))).toEqual(decodedForm(message))
      }),
      { numRuns: 300 },
    )
  })

  test('B-21: reads the same however it is cut', () => {
    fc.assert(
      fc.property(messages, cuts, (message, sizes) => {
        expect(told(message.kind, eventsOf(message.kind, encode(message), sizes))).toEqual(decodedForm(message))
      }),
      { numRuns: 300 },
    )
  })

  test('B-14: takes any number of zeros after it', () => {
    fc.assert(
      fc.property(messages, fc.nat(300), (message, zeros) => {
        const longer = decodedOf(message.kind, concat(encode(message), new Uint8Array(zeros)))
        expect(longer).toEqual({ ...decodedForm(message), padding: message.padding + zeros })
      }),
    )
  })

  test('B-13: loses nothing when empty parts at its end are left out, and cannot lose more', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bare = { ...message, padding: 0 }
        const bytes = encode(bare)
        const empty =
          (message.trailers.length === 0 ? 1 : 0) + (message.trailers.length + message.content.length === 0 ? 1 : 0)
        for (let removed = 0; removed <= empty; removed++) {
          expect(decodedOf(message.kind, bytes.subarray(0, bytes.length - removed))).toEqual(decodedForm(bare))
        }
        if (message.trailers.length > 0) {
          expect(outcome(() => decodedOf(message.kind, bytes.subarray(0, -1)))).toBe('truncated')
        }
      }),
    )
  })
})

describe('spoiled messages and noise', () => {
  test('B-15, B-21: are read or refused, the same way however they are cut', () => {
    fc.assert(
      fc.property(messages, spoils, cuts, (message, spoil, sizes) => {
        const bytes = spoiled(encode(message), spoil)
        const whole = outcome(() => decodedOf(message.kind, bytes))
        expect(outcome(() => told(message.kind, eventsOf(message.kind, bytes, sizes)))).toEqual(whole)
      }),
      { numRuns: 1000 },
    )
  })

  test('B-22: whatever is read can be written, and reads the same again', () => {
    fc.assert(
      fc.property(messages, spoils, (message, spoil) => {
        const read = outcome(() => decodedOf(message.kind, spoiled(encode(message), spoil)))
        if (typeof read === 'string') return
        expect(decodedOf(message.kind, encode(messageOf(message.kind, read)))).toEqual(read)
      }),
      { numRuns: 500 },
    )
  })

  test('random bytes cause a Refusal and nothing else', () => {
    const indicators = fc.constantFrom<number[]>([], [0], [1], [2], [3], [1, 0x40, 0xc8], [3, 0x40, 0xc8, 0])
    fc.assert(
      fc.property(kinds, indicators, fc.uint8Array({ maxLength: 100 }), cuts, (kind, start, noise, sizes) => {
        const bytes = concat(Uint8Array.from(start), noise)
        const whole = outcome(() => decodedOf(kind, bytes))
        expect(outcome(() => told(kind, eventsOf(kind, bytes, sizes)))).toEqual(whole)
      }),
      { numRuns: 2000 },
    )
  })
})
