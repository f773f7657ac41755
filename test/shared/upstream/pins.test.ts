/** Files of pins: what they may say. trust.md 1. */
import { expect, test } from 'vitest'
import { Refusal } from '../../../shared/refusal.ts'
import { lives, readPins } from '../../../shared/upstream/pins.ts'
import { createPeers } from '../../../shared/upstream/peers.ts'

const now = Date.parse('2026-06-01T00:00:00Z')
const [a, b] = ['a'.repeat(64), 'b'.repeat(64)]
const [august, may] = ['2026-08-01T00:00:00Z', '2026-05-01T00:00:00Z']
const [end, ended] = [Date.parse(august), Date.parse(may)]

test.each([
  ['one', `${a} ${august}\n`, [{ sha256: a, notAfter: end }]],
  ['no line feed at the end', `${a} ${august}`, [{ sha256: a, notAfter: end }]],
  [
    'several, comments, empty lines, tabs and CR LF',
    `# relay\r\n\r\n  ${a}\t${august} # old\r\n${b} ${august}\r\n`,
    [
      { sha256: a, notAfter: end },
      { sha256: b, notAfter: end },
    ],
  ],
  [
    'one that ended beside one that lives',
    `${a} ${may}\n${b} ${august}`,
    [
      { sha256: a, notAfter: ended },
      { sha256: b, notAfter: end },
    ],
  ],
  [
    'one that ends in 90 days to the second',
    `${a} 2026-08-30T00:00:00Z`,
    [{ sha256: a, notAfter: now + 90 * 86_400_000 }],
  ],
])('read: %s', (_, text, pins) => {
  expect(readPins(text, now)).toEqual(pins)
})

test.each([
  ['nothing', '', 'insecure-configuration', 'no pin is in it'],
  ['only comments', `# ${a}`, 'insecure-configuration', 'no pin is in it'],
  ['one without an end', `${a}\n`, 'bad-encoding', 'line 1 is not'],
  [
    'one that ends in more than 90 days',
    `${a} 2026-08-30T00:00:01Z`,
    'insecure-configuration',
    'line 1 ends more than',
  ],
  ['capitals', `${'A'.repeat(64)} ${august}`, 'bad-encoding', 'line 1'],
  ['too short', `${a.slice(1)} ${august}`, 'bad-encoding', 'line 1'],
  [
    'base64, as in other tools',
    `sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU= ${august}`,
    'bad-encoding',
    'line 1',
  ],
  ['a date without a time', `${b} ${august}\n${a} 2026-08-01`, 'bad-encoding', 'line 2'],
  ['a month that is none', `${a} 2026-13-01T00:00:00Z`, 'bad-encoding', 'line 1'],
  ['two on one line', `${a} ${b} ${august}`, 'bad-encoding', 'line 1'],
])('refused: %s', (_, text, code, says) => {
  const reading = (): unknown => readPins(text, now)
  expect(reading).toThrow(expect.objectContaining({ code }))
  expect(reading).toThrow(says)
})

test('a file lives as long as one of its pins, and no moment longer', () => {
  const pins = readPins(`${a} ${may}\n${b} ${august}`, now)
  expect([now, end - 1, end].map((moment) => lives(pins, moment))).toEqual([true, true, false])
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
