/** A settings file that is no group of settings: one mistake, and not one for each setting that is missing then. */
import { expect, test } from 'vitest'
import { mistakes } from './table.ts'

test.each([
  ['a list', '- a', /^thing\.yaml:1:1: this is a list, and a settings file is a group of settings\. Write one setting/],
  ['a word', 'settings.yaml', /^thing\.yaml:1:1: this is one value/],
])('%s in place of everything is the only mistake', (_, text, pattern) => {
  expect(mistakes(text)).toEqual([expect.stringMatching(pattern)])
})
