/** Checkpoints: what is one, of which log, and what may come after which. */
import { describe, expect, test } from 'vitest'
import { base64 } from '../../../shared/bytes.ts'
import { checkpointText, checkSuccession, parseCheckpoint } from '../../../shared/tlog/checkpoint.ts'
import { consistencyProof, rootOf } from '../../../shared/tlog/merkle.ts'
import { codeOf } from './code-of.ts'
import { leaves, origin } from './small-log.ts'

const root = base64(rootOf(leaves(7)))
const empty = base64(rootOf([]))
const parsed = (text: string) => codeOf(() => parseCheckpoint(text, ['other.example', origin]))
const head = (size: number, from = leaves(size)) => ({ origin, size, root: rootOf(from) })

test('TL-4: origin, size, root and opaque extension lines come out', () => {
  const text = checkpointText(head(7), ['anything goes', '— even this'])
  expect(parseCheckpoint(text, [origin])).toEqual({ ...head(7), text, extensions: ['anything goes', '— even this'] })
})

test.each([
  ['a size with a sign', `${origin}\n+7\n${root}\n`],
  ['a size with a leading zero', `${origin}\n07\n${root}\n`],
  ['a size with a space', `${origin}\n7 \n${root}\n`],
  ['a size in hex', `${origin}\n0x7\n${root}\n`],
  ['a size with an exponent', `${origin}\n7e0\n${root}\n`],
  ['a size in other digits', `${origin}\n٧\n${root}\n`],
  ['a negative size', `${origin}\n-7\n${root}\n`],
  ['a size that is not exact', `${origin}\n9007199254740993\n${root}\n`],
  ['a size that fills a screen', `${origin}\n${'9'.repeat(400)}\n${root}\n`],
  ['no size', `${origin}\n\n${root}\n`],
  ['no root', `${origin}\n7\n`],
  ['a root of 31 bytes', `${origin}\n7\n${base64(rootOf([]).subarray(1))}\n`],
  ['a root in base64url', `${origin}\n7\n${'_'.repeat(42)}8=\n`],
  ['a root without padding', `${origin}\n7\n${root.replace('=', '')}\n`],
  ['an empty extension line', `${origin}\n7\n${root}\n\nmore\n`],
  ['an empty origin', `\n7\n${root}\n`],
  ['no LF at the end', `${origin}\n7\n${root}`],
  ['no LF after an extension line', `${origin}\n7\n${root}\nmore`],
  ['nothing', ''],
  ['an empty tree with a root', `${origin}\n0\n${root}\n`],
])('TL-4: %s is no checkpoint', async (_, text) => {
  expect(await parsed(text)).toBe('bad-checkpoint')
})

test('TL-4: an empty tree has the root of nothing', async () => {
  expect(await parsed(`${origin}\n0\n${empty}\n`)).toBe('accepted')
})

test.each([`${origin}/`, `${origin} `, origin.toUpperCase(), 'log.example'])(
  'TL-4: %j is another origin, however alike',
  async (other) => {
    expect(await parsed(`${other}\n7\n${root}\n`)).toBe('wrong-origin')
  },
)

test('a log cannot make what nobody would read', async () => {
  expect(() => checkpointText(head(7), ['two\nlines'])).toThrow(TypeError)
  expect(await codeOf(() => checkpointText(head(7), ['']))).toBe('bad-checkpoint')
  expect(await codeOf(() => checkpointText({ ...head(7), size: -7 }))).toBe('bad-checkpoint')
})

describe('succession', () => {
  const forged = leaves(9).toReversed()
  test.each([
    ['the same again', head(7), head(7), undefined, 'accepted'],
    ['a larger one, taken at its word', head(7), head(9, forged), undefined, 'accepted'],
    ['a larger one that contains the old', head(7), head(9), consistencyProof(leaves(9), 7), 'accepted'],
    ['a larger one that does not', head(7), head(9, forged), consistencyProof(forged, 7), 'old-root-mismatch'],
    [
      'a larger one with the proof of another',
      head(7),
      head(9, forged),
      consistencyProof(leaves(9), 7),
      'new-root-mismatch',
    ],
    ['an older one', head(7), head(6), undefined, 'checkpoint-rolled-back'],
    ['TL-9: another tree of the same size', head(7), head(7, leaves(7).toReversed()), undefined, 'split-view'],
  ])('%s', async (_, seen, next, proof, code) => {
    expect(await codeOf(() => checkSuccession(seen, next, proof))).toBe(code)
  })

  test('of two logs is our own mistake', () => {
    expect(() => checkSuccession(head(7), { ...head(9), origin: 'other.example' })).toThrow(TypeError)
  })
})
