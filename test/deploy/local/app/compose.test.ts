/** Reply drafts: what they take from a message, and that they invent nothing. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compose, readMessage } from '../../../../deploy/local/app/compose.ts'
import { languageOf } from '../../../../deploy/local/app/language.ts'

const message = readFileSync(join(import.meta.dirname, '../../../../deploy/local/message.txt'), 'utf8')

test('the shipped message is read: group, sad, its last questions, requests and times', () => {
  const reading = readMessage(message)
  expect(reading.greet).toEqual({ kind: 'group' })
  expect(reading.tone).toBe('sad')
  expect(reading.questions).toContain('Should we tell the grandchildren?')
  expect(reading.requests).toContain('We have to confirm by Monday noon or they give it away.')
  expect(reading.times).toContain('Thursday 19 March at 7:30')
})

describe('whom to greet', () => {
  test.each([
    ['Can we meet?\n\nBest regards,\nJane Doe', { kind: 'person', name: 'Jane Doe' }],
    ['Can we meet? Regards, Jane', { kind: 'person', name: 'Jane' }],
    ['Dear Ms Lee, I write to you. Sincerely, Tom', { kind: 'formal', name: 'Tom' }],
    ['Kommst du?\n\nViele Grüße\nAnna', { kind: 'person', name: 'Anna' }],
    ['[9:01] Omar: lunch?', { kind: 'person', name: 'Omar' }],
    ['[9:01] Omar: lunch?\n[9:02] Li: yes', { kind: 'group' }],
    ['see you', { kind: 'nobody' }],
    ['thanks for everything you did for us', { kind: 'nobody' }],
  ])('%j', (text, greet) => {
    expect(readMessage(text).greet).toEqual(greet)
  })
})

test.each([
  ['Grandma passed away on Sunday.', 'sad'],
  ['We got engaged, congratulations to us!', 'glad'],
  ['I am sorry, I forgot your birthday.', 'sorry'],
  ['This is urgent, call me back.', 'urgent'],
  ['The meeting is at ten.', 'plain'],
  ['Oma ist gestorben.', 'sad'],
])('tone of %j is %s', (text, tone) => {
  expect(readMessage(text).tone).toBe(tone)
})

test.each([
  ['See you on Friday at 5 pm, or 2026-03-14.', ['Friday at 5 pm', '2026-03-14']],
  ['Am Freitag, 14. März um 10:00 Uhr.', ['Freitag, 14. März um 10:00 Uhr']],
  ['[18:02] Ana: nothing here', []],
  ['3月4日の午後3時に', ['3月4日', '午後3時']],
])('times in %j', (text, times) => {
  expect(readMessage(text).times).toEqual(times)
})

test('the draft quotes the questions and leaves the answers to the writer', () => {
  const draft = compose('Hi! Can you come on Friday? Please bring the keys.\nBest, Tom')
  expect(draft).toMatch(/^Hi Tom,/)
  expect(draft).toContain('“Can you come on Friday?” [your answer]')
  expect(draft).toContain('“Please bring the keys.”')
  expect(draft).toMatch(/Best wishes$/)
})

test.each([
  ['de', 'Kannst du am Montag kommen? Bitte bring die Schlüssel mit, wir haben keine.', 'Viele Grüße'],
  ['fr', 'Est-ce que tu peux venir lundi avec les clés ? Nous ne les avons pas.', 'Bien à vous'],
  ['es', '¿Puedes venir el lunes con las llaves? No las tenemos en la casa.', 'Un saludo'],
  ['en', 'Can you come on Monday with the keys? We do not have them.', 'Best wishes'],
])('a message in %s is answered in it', (language, text, closing) => {
  expect(languageOf(text)).toBe(language)
  expect(compose(text)).toContain(closing)
})

test('another script is quoted as it is', () => {
  expect(languageOf('明日会えますか？')).toBeUndefined()
  expect(compose('明日会えますか？')).toContain('“明日会えますか？”')
})

test('any text gives a draft, in little time', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => compose(text).length > 0))
  const started = performance.now()
  for (const text of ['May 3 at 5 '.repeat(10_000), 'a '.repeat(30_000), '1'.repeat(100_000), '?'.repeat(30_000)])
    compose(text)
  expect(performance.now() - started).toBeLessThan(10_000)
})
