/** Files of pins: what they may say. trust.md 1. */
import { expect, test } from 'vitest'
import { Refusal } from '../../../shared/refusal.ts'
import { readPins } from '../../../shared/upstream/pins.ts'
import { createPeers } from '../../../shared/upstream/peers.ts'

const now = Date.parse('2026-06-01T00:00:00Z')
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)]
const end = Date.parse('2026-08-01T00:00:00Z')

test.each([
  ['one without an end', `${a}\n`, [{ sha256: a, notAfter: Infinity }]],
  ['one with an end', `${a} 2026-08-01T00:00:00Z\n`, [{ sha256: a, notAfter: end }]],
  ['no line feed at the end', a, [{ sha256: a, notAfter: Infinity }]],
  [
    'several, comments, empty lines, tabs and CR LF',
    `# relay\r\n\r\n  ${a}\t2026-08-01T00:00:00Z # old\r\n${b}\r\n`,
    [
      { sha256: a, notAfter: end },
      { sha256: b, notAfter: Infinity },
    ],
  ],
  [
    'one that ended beside one that lives',
    `${a} 2026-05-01T00:00:00Z\n${b}`,
    [
      { sha256: a, notAfter: Date.parse('2026-05-01T00:00:00Z') },
      { sha256: b, notAfter: Infinity },
    ],
  ],
])('read: %s', (_, text, pins) => {
  expect(readPins(text, 'relay.pins', now)).toEqual(pins)
})

test.each([
  ['nothing', '', 'insecure-configuration', 'relay.pins: no pin'],
  ['only comments', `# ${a}`, 'insecure-configuration', 'relay.pins: no pin'],
  ['only one that ended', `${a} 2026-06-01T00:00:00Z`, 'insecure-configuration', 'nobody could connect'],
  ['capitals', 'A'.repeat(64), 'bad-encoding', 'line 1'],
  ['too short', a.slice(1), 'bad-encoding', 'line 1'],
  ['base64, as in other tools', 'sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', 'bad-encoding', 'line 1'],
  ['a date without a time', `${b}\n${a} 2026-08-01`, 'bad-encoding', 'line 2'],
  ['a month that is none', `${a} 2026-13-01T00:00:00Z`, 'bad-encoding', 'line 1'],
  ['two on one line', `${a} ${b}`, 'bad-encoding', 'line 1'],
])('refused: %s', (_, text, code, says) => {
  const reading = (): unknown => readPins(text, 'relay.pins', now)
  expect(reading).toThrow(expect.objectContaining({ code }))
  expect(reading).toThrow(says)
})

test('a key that two relays have is nobody: whose request would it be?', () => {
  const pins = [{ sha256: a, notAfter: Infinity }]
  const both = [
    { name: 'one', pins },
    { name: 'two', pins },
  ]
  expect(() => createPeers(both, () => now)).toThrow(Refusal)
  expect(() => createPeers(both.slice(1), () => now)).not.toThrow()
})
