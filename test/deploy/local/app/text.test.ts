/** Sentences and words of many scripts. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countTokens, pieces, sentences, words } from '../../../../deploy/local/app/text.ts'

const cut = (text: string): string[] => sentences(text).map((sentence) => sentence.text)

describe('sentences', () => {
  test.each<[string, string[]]>([
    ['', []],
    [' \n\t ', []],
    ['ok', ['ok']],
    ['One. Two! Three?', ['One.', 'Two!', 'Three?']],
    ['Dr. Osei met Prof. J. R. Miller. He left.', ['Dr. Osei met Prof. J. R. Miller.', 'He left.']],
    ['It was, e.g. Berlin or Rome. Nice.', ['It was, e.g. Berlin or Rome.', 'Nice.']],
    ['Am 3. März war es kalt. Am 4. April nicht.', ['Am 3. März war es kalt.', 'Am 4. April nicht.']],
    ['It costs 3.50 euros. Really.', ['It costs 3.50 euros.', 'Really.']],
    ['a line\nwrapped by hand. Next.', ['a line wrapped by hand.', 'Next.']],
    ['A heading\n\nA text.', ['A heading', 'A text.']],
    ['- milk\n- bread\n1. Call Tom.\n2. Leave.', ['- milk', '- bread', '1. Call Tom.', '2. Leave.']],
    ['今日は晴れ。明日は雨？はい！', ['今日は晴れ。', '明日は雨？', 'はい！']],
    ['مرحبا. كيف حالك؟ بخير.', ['مرحبا.', 'كيف حالك؟', 'بخير.']],
    ['यह पहला है। यह दूसरा है।', ['यह पहला है।', 'यह दूसरा है।']],
  ])('%j is cut well', (text, expected) => {
    expect(cut(text)).toEqual(expected)
  })

  test.each([
    ['[18:02] Nadia: Hello there. How are you?', 'Nadia'],
    ['12.03.25, 18:02 - Ana María: Hola. ¿Qué tal?', 'Ana María'],
    ['7:15 pm Tom: Hi. Fine?', 'Tom'],
    ['Ruth (18:02): Hi. Fine?', 'Ruth'],
  ])('a chat line knows who said it: %j', (line, speaker) => {
    expect(sentences(line).map((sentence) => sentence.speaker)).toEqual([speaker, speaker])
  })

  test('a colon alone makes no speaker', () => {
    expect(sentences('Note: the door is open.')).toEqual([{ text: 'Note: the door is open.' }])
  })

  test('text without punctuation is cut into readable lengths, and nothing of it is lost', () => {
    for (const text of ['word '.repeat(5000), 'ไปตลาดเมื่อวานนี้ '.repeat(500), 'x'.repeat(100_000), '😀'.repeat(2000)]) {
      const found = cut(text)
      expect(Math.max(...found.map((part) => part.length))).toBeLessThanOrEqual(400)
      expect(found.join('').replace(/\s/gu, '')).toBe(text.replace(/\s/gu, ''))
    }
  })

  test('endless abbreviations cost no square', () => {
    const started = performance.now()
    expect(cut('Dr. '.repeat(100_000)).length).toBeGreaterThan(100)
    expect(performance.now() - started).toBeLessThan(5_000)
  })
})

test('pieces joined are the text, whatever it is', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => pieces(text).join('') === text))
  expect(pieces('Hello, wide world.')).toEqual(['Hello, ', 'wide ', 'world.'])
  expect(pieces('今日は晴れ。').length).toBeGreaterThan(1)
})

test('words and tokens are counted in scripts without spaces too', () => {
  expect(words('Call Tom, at 5!')).toEqual(['Call', 'Tom', 'at', '5'])
  expect(words('東京の天気').length).toBeGreaterThan(1)
  expect(countTokens('Call Tom!')).toBe(3)
  expect(countTokens('')).toBe(0)
})
