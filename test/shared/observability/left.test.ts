/** What ends, told in time: of several the first, in whole minutes, never below nothing. */
import { expect, test } from 'vitest'
import { leftOf } from '../../../shared/observability/left.ts'

const now = 1_000_000

test.each([
  ['nothing that ends', undefined, Infinity],
  ['a file without any', [], Infinity],
  ['the first of several', [now + 7_200_000, now + 3_600_000, Infinity], 3_600],
  ['whole minutes', [now + 119_999], 60],
  ['what ended', [now - 86_400_000], 0],
])('%s', (_, ends, left) => {
  expect(leftOf(['what', 'else'], ends === undefined ? {} : { what: ends }, now)).toEqual({
    what: left,
    else: Infinity,
  })
})
