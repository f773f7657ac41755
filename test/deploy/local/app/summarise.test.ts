/** Summaries: of any text, in any script, from one character to a book. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { summarise, summaryText } from '../../../../deploy/local/app/summarise.ts'
import { sentences } from '../../../../deploy/local/app/text.ts'

const folder = join(import.meta.dirname, '../../../../deploy/local')
const message = readFileSync(join(folder, 'message.txt'), 'utf8')
const flat = (text: string): string => text.replace(/\s+/gu, ' ').trim()

const samples: Record<string, string> = {
  english:
    'The bridge is closed. Trains run late. The bridge will open in May. Buses replace trains on the bridge route.',
  german:
    'Die Brücke ist gesperrt. Züge fahren später. Ab 3. Mai ist die Brücke wieder offen. Busse fahren z.B. alle 10 Minuten.',
  french: 'Le pont est fermé. Les trains ont du retard. Le pont rouvrira en mai. Des bus remplacent les trains.',
  russian: 'Мост закрыт. Поезда опаздывают. Мост откроют в мае. Автобусы заменяют поезда.',
  greek: 'Η γέφυρα είναι κλειστή. Τα τρένα αργούν. Η γέφυρα θα ανοίξει τον Μάιο.',
  arabic: 'الجسر مغلق. القطارات متأخرة. سيفتح الجسر في مايو. الحافلات بديلة.',
  hebrew: 'הגשר סגור. הרכבות מאחרות. הגשר ייפתח במאי.',
  hindi: 'पुल बंद है। ट्रेनें देर से चल रही हैं। पुल मई में खुलेगा।',
  japanese: '橋は閉鎖されています。電車は遅れています。橋は五月に開きます。バスが代わりに走ります。',
  chinese: '大桥已关闭。火车晚点。大桥将于五月开放。公交车代替火车。',
  korean: '다리가 폐쇄되었습니다. 기차가 늦습니다. 다리는 5월에 열립니다.',
  thai: 'สะพานปิด รถไฟล่าช้า สะพานจะเปิดในเดือนพฤษภาคม มีรถบัสให้บริการแทน '.repeat(6),
  emoji: '🎉🎉🎉',
}

describe.each(Object.entries(samples))('%s', (_, text) => {
  test('the summary is made of the text, in its order, shorter, and not empty', () => {
    const all = sentences(text)
    const chosen = summarise(text)
    expect(chosen.length).toBeGreaterThan(0)
    expect(chosen.length).toBeLessThanOrEqual(Math.max(1, all.length - 1))
    const places = chosen.map((sentence) => all.findIndex((other) => other.text === sentence.text))
    expect(places).not.toContain(-1)
    expect(places).toEqual([...places].sort((a, b) => a - b))
  })
})

test('any text at all: sentences are from the input, order is kept, never empty for visible text', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc
      .array(
        fc.constantFrom(
          'Tom. ',
          'Is it? ',
          'Dr. ',
          '3. ',
          'はい。',
          '\n',
          '- ',
          'a',
          '[1:02] B: ',
          '…',
          '\u2028',
          '\ud83d',
        ),
      )
      .map((list) => list.join('')),
  )
  fc.assert(
    fc.property(text, fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }), (input, count) => {
      const chosen = summarise(input, count === undefined ? {} : { count })
      let at = 0
      for (const sentence of chosen) {
        const place = flat(input).indexOf(flat(sentence.text), at)
        expect(place).toBeGreaterThanOrEqual(at)
        at = place + 1
      }
      expect(chosen.length > 0).toBe(sentences(input).length > 0)
      if (/[\p{L}\p{N}]/u.test(input.replace(/\[1:02\] B:/gu, ''))) expect(summaryText(chosen)).not.toBe('')
    }),
    { numRuns: 150 },
  )
})

test('the count that was asked for is kept', () => {
  expect(summarise(message, { count: 3 })).toHaveLength(3)
  expect(summarise('One. Two.', { count: 9 })).toHaveLength(2)
})

test('what is said twice is chosen once', () => {
  const text = `The harbour opens on Monday at nine. ${'Fish is sold there. '.repeat(6)}The harbour opens on Monday at nine. Bring a coat for the cold wind.`
  const chosen = summarise(text, { count: 3 }).map((sentence) => sentence.text)
  expect(new Set(chosen).size).toBe(3)
})

test('a chat keeps who said what, one line each', () => {
  const lines = summaryText(summarise(message)).split('\n')
  expect(lines.length).toBeGreaterThanOrEqual(4)
  expect(lines.every((line) => /^- (?:Nadia|Tomas|Ruth): \S/u.test(line))).toBe(true)
})

test('scripts without spaces get none between sentences', () => {
  expect(summaryText([{ text: '橋は閉鎖。' }, { text: 'バスあり。' }])).toBe('橋は閉鎖。バスあり。')
  expect(summaryText([{ text: 'One.' }, { text: 'Two.' }])).toBe('One. Two.')
})

test('a megabyte takes seconds at most and gives a page at most', () => {
  const book = Array.from(
    { length: 10_000 },
    (_, i) => `Sentence ${i} speaks of topic ${i % 97} and thing ${i % 31}.`,
  ).join(' ')
  const started = performance.now()
  expect(summarise(book)).toHaveLength(12)
  expect(performance.now() - started).toBeLessThan(10_000)
})
