import { expect, test } from 'vitest'
import { nearest } from '../../../shared/config/nearest.ts'

const known = ['listen', 'limits', 'routes', 'publicHosts', 'rate', 'drain']

test.each([
  ['lsiten', 'listen'],
  ['limts', 'limits'],
  ['limitss', 'limits'],
  ['public_hosts', 'publicHosts'],
  ['PUBLIC-HOSTS', 'publicHosts'],
  ['drian', 'drain'],
  ['ratee', 'rate'],
  ['colour', undefined],
  ['x', undefined],
  ['', undefined],
])('%s is near %s', (word, meant) => {
  expect(nearest(word, known)).toBe(meant)
})

test('of two that are near, the nearer one; of nothing, nothing', () => {
  expect(nearest('rates', ['crates', 'rate', 'rats'])).toBe('crates')
  expect(nearest('rate', ['rats', 'rate'])).toBe('rate')
  expect(nearest('rate', [])).toBeUndefined()
})
