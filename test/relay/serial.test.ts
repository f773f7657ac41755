/** The small reader: a serial is read beyond doubt, or not at all. */
import { expect, test } from 'vitest'
import { bundleSerial } from '../../relay/serial.ts'
import { utf8 } from '../../shared/bytes.ts'
import { generateSigner } from '../../shared/tlog/signer.ts'
import { makeText } from '../../shared/tlog/signed-text.ts'
import { signNote } from '../../shared/tlog/note.ts'

const note = (line: string, first = 'asunder bundle v1'): string => `${first}\n${line}\n\n— name c2ln\n`

test('a bundle as it is signed has the serial that it was given', async () => {
  const text = makeText('bundle', { roots: ['note\n\n"serial":1'], serial: 4096, cvms: [{ serial: 7 }] })
  expect(bundleSerial(utf8(await signNote(text, [await generateSigner('publisher')])))).toBe(4096)
})

test.each([
  ['{"serial":0}', 0],
  ['{"serial":12,"placement":"front"}', 12],
  ['{"a":"serial","serial":3}', 3],
  [String.raw`{"a":"\\","serial":4,"b":"\"serial\":9,"}`, 4],
  ['{"a":[{"serial":9}],"b":{"serial":8},"serial":5}', 5],
])('%s says %i', (line, serial) => {
  expect(bundleSerial(utf8(note(line)))).toBe(serial)
})

test.each([
  ['nothing', ''],
  ['noise', 'opaque'],
  ['another kind', note('{"serial":1}', 'asunder policy v1')],
  ['a kind that only begins alike', note('{"serial":1}', 'asunder bundle v10')],
  ['no serial', note('{"placement":"front"}')],
  ['a serial that is deeper', note('{"cvms":[{"serial":1}]}')],
  ['a serial within a text', note(String.raw`{"a":"{\"serial\":1}"}`)],
  ['two serials', note('{"serial":1,"serial":2}')],
  ['a text', note('{"serial":"1"}')],
  ['a fraction', note('{"serial":1.5}')],
  ['a negative one', note('{"serial":-1}')],
  ['an exponent', note('{"serial":1e9}')],
  ['a leading zero', note('{"serial":01}')],
  ['one too large to count with', note('{"serial":9007199254740993}')],
  ['a list', note('["serial",1]')],
  ['a text without its end', note('{"serial":1,"a":"}')],
  ['a brace too few', note('{"serial":1,"a":{"b":1}')],
  ['two lines', note('{"serial":1}\n{"serial":2}')],
  ['no signature lines', 'asunder bundle v1\n{"serial":1}\n'],
])('%s says nothing', (_, text) => {
  expect(bundleSerial(utf8(text))).toBeUndefined()
})

test('4 MiB of backslashes are read in one go', () => {
  const line = `{"a":"${'\\\\'.repeat(2 << 20)}","serial":6}`
  expect(bundleSerial(utf8(note(line)))).toBe(6)
})
