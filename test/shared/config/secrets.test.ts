/** A secret in place of the name of its file is never quoted, whatever it looks like. */
import { expect, test } from 'vitest'
import { mistakes } from './table.ts'

test.each([
  ['a number for a secret', 'listen: { port: 1, tls: { key: 123456, cert: c } }', 'listen.tls.key'],
  ['a list for a secret', 'listen: { port: 1, tls: { key: [hunter2], cert: c } }', 'listen.tls.key'],
  ['a path that cannot be one', `listen: { port: 1, tls: { key: 'credential:hun/ter2', cert: c } }`, 'listen.tls.key'],
  ['a secret in place of the group around its file', 'listen: { port: 1, tls: hunter2 }', 'listen.tls'],
])('%s is not quoted', (_, text, path) => {
  const told = mistakes(`${text}\nways: [{ to: a }]`)
  expect(told).toContainEqual(expect.stringMatching(`: ${path}: this is not `))
  expect(told.join()).not.toMatch(/123456|hun\/?ter2/)
})
