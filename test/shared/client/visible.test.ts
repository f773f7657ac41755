/** Words of strangers on a terminal: nothing in them moves a cursor or turns a line around; words stay what they are. */
import { expect, test } from 'vitest'
import { visible, visiblePainted } from '../../../shared/client/commands/visible.ts'

test.each([
  ['an erased line', 'a\u001b[2Kb', 'a\u{fffd}[2Kb'],
  ['a carriage return', 'a\rb', 'a\u{fffd}b'],
  ['an eight-bit escape', 'a\u009b2Kb', 'a\u{fffd}2Kb'],
  ['a line turned around', 'a\u202eb', 'a\u{fffd}b'],
  ['layout', 'a\n\tb', 'a\n\tb'],
  ['a family', '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}', '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'],
])('%s', (_, said, shown) => {
  expect(visible(said)).toBe(shown)
  expect(visiblePainted(said)).toBe(shown)
})

test('our own paint stays, and no other', () => {
  const painted = '\u001b[31masunder:\u001b[39m'
  expect(visiblePainted(`${painted} \u001b[8mhidden`)).toBe(`${painted} \u{fffd}[8mhidden`)
  expect(visible(painted)).not.toContain('\u001b')
})
