/** Signed texts: a kind, one line of strict JSON, and a threshold. trust.md 1. */
import { expect, test } from 'vitest'
import { signNote } from '../../../shared/tlog/note.ts'
import { makeText, readText, textKinds, verifyText } from '../../../shared/tlog/signed-text.ts'
import { generateSigner } from '../../../shared/tlog/signer.ts'
import { codeOf } from './code-of.ts'

test.each(textKinds)('a %s is its first line, one line of JSON, and LF', (kind) => {
  const text = makeText(kind, { serial: 42, list: ['ä', null] })
  expect(text).toBe(`asunder ${kind} v1\n{"serial":42,"list":["ä",null]}\n`)
  expect(readText(kind, text)).toEqual({ serial: 42, list: ['ä', null] })
})

test.each([
  ['another kind', 'asunder policy v1\n{}\n', 'malformed-note'],
  ['another version', 'asunder root v2\n{}\n', 'malformed-note'],
  ['something before', ' asunder root v1\n{}\n', 'malformed-note'],
  ['no JSON', 'asunder root v1\n', 'malformed-note'],
  ['two lines of JSON', 'asunder root v1\n{\n}\n', 'malformed-note'],
  ['a second value', 'asunder root v1\n{}\n{}\n', 'malformed-note'],
  ['no LF at the end', 'asunder root v1\n{}', 'malformed-note'],
  ['an empty line', 'asunder root v1\n\n', 'bad-encoding'],
  ['a key twice', 'asunder root v1\n{"a":1,"a":2}\n', 'bad-encoding'],
])('a root text with %s is refused', async (_, text, code) => {
  expect(await codeOf(() => readText('root', text))).toBe(code)
})

test('a threshold of distinct keys lets a text through, one fewer does not', async () => {
  const signers = [await generateSigner('a'), await generateSigner('b'), await generateSigner('c')] as const
  const keys = signers.map(({ key }) => key)
  const note = await signNote(makeText('serial', { serial: 7 }), signers.slice(0, 2))
  expect(await verifyText('serial', note, keys, 2)).toEqual({ serial: 7 })
  expect(await codeOf(() => verifyText('serial', note, keys, 3))).toBe('unsigned')
  expect(await codeOf(() => verifyText('policy', note, keys, 2))).toBe('malformed-note')
})

test.each([
  ['undefined', undefined],
  ['a lone surrogate', { bad: '\ud800' }],
  ['a lone surrogate as a key', { '\udc00': 1 }],
])('a text of %s cannot be made', async (_, value) => {
  expect(await codeOf(() => makeText('root', value))).toBe('bad-encoding')
})
