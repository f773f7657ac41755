/** Signed notes: the strictness of TL-3, and counting of keys. C2SP signed-note. */
import { describe, expect, test } from 'vitest'
import { base64, concat, fromHex, utf8 } from '../../../shared/bytes.ts'
import { verifierKey } from '../../../shared/tlog/key.ts'
import { parseNote, signNote, verifyNote, verifyThreshold } from '../../../shared/tlog/note.ts'
import { generateSigner, generateSigningKey, readSigner, type Signer } from '../../../shared/tlog/signer.ts'
import { codeOf } from './code-of.ts'

const text = 'first line\n\nthird line\n'
const ada = await generateSigner('ada.example/key')
const bob = await generateSigner('bob.example/key')
const note = await signNote(text, [ada, bob])
const line = async (signer: Signer, message = text, id = signer.key.id) =>
  `— ${signer.name} ${base64(concat(fromHex(id), await signer.sign(utf8(message))))}\n`

test('TL-3: the last empty line separates; the text keeps its own', () => {
  expect(parseNote(note).text).toBe(text)
  expect(parseNote(note).signatures.map(({ name, id }) => `${name}+${id}`)).toEqual(
    [ada, bob].map(({ key }) => `${key.name}+${key.id}`),
  )
})

describe('TL-3: refused as malformed', () => {
  const good = `a\n\n— k ${base64(new Uint8Array(68))}\n`
  test('the shape that the table departs from is good', () => {
    expect(parseNote(good).text).toBe('a\n')
  })
  test.each([
    ['empty', ''],
    ['no text', `\n— k ${base64(new Uint8Array(68))}\n`],
    ['no LF at the end', good.slice(0, -1)],
    ['no LF after the second signature', `${good}— k ${base64(new Uint8Array(68))}`],
    ['no signature', 'a\n\n'],
    ['a tab', good.replace('a', 'a\t')],
    ['a NUL', good.replace('a', '\0')],
    ['a carriage return', good.replace('a', 'a\r')],
    ['a control character in a name', good.replace(' k ', ' k\u0001 ')],
    ['a lone surrogate', good.replace('a', '\ud800')],
    ['a line that is no signature', `${good}and more\n`],
    ['an en dash', good.replace('—', '–')],
    ['two spaces', good.replace(' k ', '  k ')],
    ['a plus in the name', good.replace(' k ', ' k+k ')],
    ['a no-break space in the name', good.replace(' k ', ' k\u00a0k ')],
    ['a next-line character in the name', good.replace(' k ', ' k\u0085k ')],
    ['something after the signature', good.replace('=\n', '= x\n')],
    ['base64 without padding', good.replaceAll('=', '')],
    ['base64url', good.replace('AAAA', 'AA-_')],
    ['a key id alone', `a\n\n— k ${base64(new Uint8Array(4))}\n`],
    ['65 signatures', `a\n\n${`— k ${base64(new Uint8Array(68))}\n`.repeat(65)}`],
  ])('%s', async (_, bad) => {
    expect(await codeOf(() => parseNote(bad))).toBe('malformed-note')
  })
})

test('TL-3: 16 signatures and more are accepted, and unknown ones ignored', async () => {
  const strangers = await Promise.all(Array.from({ length: 40 }, (_, i) => generateSigner(`stranger${i}`)))
  const crowded = await signNote(text, [...strangers, ada])
  expect((await verifyNote(crowded, [ada.key, bob.key])).signers).toEqual([ada.key])
})

test('TL-3: a size limit counts bytes, not characters', async () => {
  const limits = { bytes: utf8(note).length, signatures: 2 }
  expect(parseNote(note, limits).text).toBe(text)
  expect(await codeOf(() => parseNote(note, { ...limits, bytes: limits.bytes - 1 }))).toBe('malformed-note')
})

test('TL-3: a known name and id with a bad signature refuses the whole note, wherever it stands', async () => {
  const forged = await line(bob, 'another text\n')
  for (const lines of [`${await line(ada)}${forged}`, `${forged}${await line(ada)}`]) {
    expect(await codeOf(() => verifyNote(`${text}\n${lines}`, [ada.key, bob.key]))).toBe('bad-signature')
    expect(await codeOf(() => verifyNote(`${text}\n${lines}`, [ada.key]))).toBe('accepted')
  }
  const twice = `${text}\n${await line(ada)}${await line(ada, 'another text\n')}`
  expect(await codeOf(() => verifyNote(twice, [ada.key]))).toBe('bad-signature')
})

test('TL-3: a signature of another length is a bad one', async () => {
  const short = `${text}\n— ${ada.name} ${base64(concat(fromHex(ada.key.id), new Uint8Array(63)))}\n`
  expect(await codeOf(() => verifyNote(short, [ada.key]))).toBe('bad-signature')
})

test('TL-3: sharing only the name or only the id with a known key is being unknown', async () => {
  const namesake = await generateSigner(ada.name)
  expect(await codeOf(async () => verifyNote(await signNote(text, [namesake]), [ada.key]))).toBe('unsigned')
  const sameId = `${text}\n${await line(bob, text, ada.key.id)}`
  expect(await codeOf(() => verifyNote(sameId, [ada.key, bob.key]))).toBe('unsigned')
})

test('TL-3: without a known signature there is no note', async () => {
  expect(await codeOf(async () => verifyNote(await signNote(text, [bob]), [ada.key]))).toBe('unsigned')
  expect(await codeOf(() => verifyNote(note, []))).toBe('unsigned')
})

test('a threshold counts distinct public keys: not lines, not names', async () => {
  const { skey } = await generateSigningKey('ada.example/key', new Uint8Array(32).fill(7))
  const one = await readSigner(skey)
  const other = await readSigner((await generateSigningKey('ada.example/alias', new Uint8Array(32).fill(7))).skey)
  const repeated = `${text}\n${await line(one)}${await line(one)}`
  expect(await codeOf(() => verifyThreshold(repeated, [one.key, bob.key], 2))).toBe('unsigned')
  const alias = await signNote(text, [one, other])
  expect(await codeOf(() => verifyThreshold(alias, [one.key, other.key], 2))).toBe('unsigned')
  expect(await codeOf(() => verifyThreshold(note, [ada.key, bob.key], 2))).toBe('accepted')
  expect(await codeOf(() => verifyThreshold(note, [ada.key, bob.key, one.key], 3))).toBe('unsigned')
})

test('mistakes of ours are TypeErrors', async () => {
  await expect(verifyThreshold(note, [ada.key], 0)).rejects.toThrow(TypeError)
  await expect(verifyNote(note, [ada.key, { ...ada.key }])).rejects.toThrow(TypeError)
  await expect(verifyNote(note, [verifierKey('w', 'cosignature', ada.key.publicKey)])).rejects.toThrow(TypeError)
  await expect(signNote('no line end', [ada])).rejects.toThrow(TypeError)
})
