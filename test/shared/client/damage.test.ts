/** Answers that are wrong in any way, sealed or inside the seal, end in a typed error, and no connection stays behind. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { x25519 } from '../../../shared/hpke/suites.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { operator, type Operator } from './operator.ts'
import { town, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'
const typed = ['no error', 'answer-damaged', 'answer-truncated', 'too-large']

let pair: Town
let fetch: Visitor

afterEach(async () => {
  await fetch.close()
  await pair.close()
})

/** `codeOf` throws on whatever is not typed. */
const read = (): Promise<string> => codeOf(fetch(target, { method: 'POST', body: 'x' }).then((answer) => answer.text()))

describe.each(['standard', 'chunked'] as const)('in the %s family', (family) => {
  beforeEach(async () => {
    pair = await town()
    fetch = visitor(pair, { family, connections: 1 })
  })

  test('an authentic field with a control character is damage, and lets go of its connection', async () => {
    const content = family === 'chunked' ? endless() : 'short'
    pair.app = (_request, count) => (count > 1 ? {} : { headers: [['x-note', 'a\u0001b']], content })
    expect([await read(), await read()]).toEqual(['answer-damaged', 'no error'])
  })

  test('random damage to the sealed answer', async () => {
    const damage = fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) }), {
      minLength: 1,
      maxLength: 3,
    })
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(400), async (changes, lost) => {
        pair.alter = (pieces) =>
          pieces.map((piece) => {
            for (const { at, byte } of changes) piece[Math.floor(at * (piece.length - 1))] = byte
            return piece.subarray(0, Math.max(1, piece.length - (lost > 200 ? lost - 200 : 0)))
          })
        expect(typed).toContain(await read())
      }),
      { numRuns: 60 },
    )
  })

  test('random damage to the message inside the seal', async () => {
    const damage = fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), byte: fc.nat(255) }), {
      minLength: 1,
      maxLength: 3,
    })
    pair.app = () => ({ headers: [['content-type', 'text/plain']], content: 'one two three' })
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        pair.alterInside = (plain) => {
          // Toward the front: that is where status, lengths and fields are.
          for (const { at, byte } of changes) plain[Math.floor(at * Math.min(plain.length - 1, 50))] = byte
          return plain
        }
        expect(typed).toContain(await read())
      }),
      { numRuns: 100 },
    )
  })
})

test('a signed key that is a point of low order', async () => {
  const people: Operator = await operator()
  pair = await town(people)
  const keys = serializeKeyConfigs([{ ...pair.key.config, publicKey: new Uint8Array(x25519.publicKeyLength) }])
  pair.bundle = await people.bundle({ serial: 8, keys })
  for (const family of ['standard', 'chunked'] as const) {
    fetch = visitor(pair, { family })
    expect(await read()).toBe('key-unusable')
  }
  expect(pair.posts()).toEqual([])
})

async function* endless(): AsyncGenerator<string> {
  for (;;) {
    yield 'more '
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
