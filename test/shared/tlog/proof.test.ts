/** Proofs: strict text, a checkpoint that a quorum saw, the very leaf, and an `extra` line that moves nothing. */
import { describe, expect, test } from 'vitest'
import { base64, utf8 } from '../../../shared/bytes.ts'
import { leafHash } from '../../../shared/tlog/merkle.ts'
import { parseProof, proofText, verifyProof } from '../../../shared/tlog/proof.ts'
import { codeOf } from './code-of.ts'
import { clock, leaves, logSigner, noon, noteOf, origin, seenNote, proofOf, trust, witnesses } from './small-log.ts'

const two = await trust(2)
const all = leaves(7)
const leaf = all[3] ?? utf8('')
const good = await proofOf(3, 7)
const note = good.slice(good.indexOf('\n\n') + 2)
const { a, b } = await witnesses()

const judged = (text: string, hash: Uint8Array = leaf) => codeOf(() => verifyProof(text, hash, two, clock))

test('TL-8: gives the index, the checkpoint, and what to remember of it', async () => {
  const logged = await verifyProof(good, leaf, two, clock)
  expect(logged).toMatchObject({ index: 3, origin, size: 7, note, oldest: noon, newest: noon })
})

test.each(all.map((_, index) => index))('TL-8: leaf %i of 7 is proved, and none beside it', async (index) => {
  const text = await proofOf(index, 7, note)
  for (const [at, hash] of all.entries()) {
    expect(await judged(text, hash)).toBe(at === index ? 'accepted' : 'root-mismatch')
  }
})

describe('TL-8: the text', () => {
  const [header = '', index = '', ...hashes] = good.slice(0, good.indexOf('\n\n')).split('\n')
  const made = (...lines: string[]) => `${lines.join('\n')}\n\n${note}`
  const extra = `extra ${base64(utf8('trust me'))}`

  test.each([
    ['as it was', made(header, index, ...hashes), 'accepted'],
    ['with an extra line', made(header, extra, index, ...hashes), 'accepted'],
    ['nothing', '', 'no-proof'],
    ['a checkpoint alone', note, 'malformed-proof'],
    ['another version', made('c2sp.org/tlog-proof@v2', index, ...hashes), 'malformed-proof'],
    ['CR at line ends', made(`${header}\r`, index, ...hashes), 'malformed-proof'],
    ['a byte order mark', `\ufeff${good}`, 'malformed-proof'],
    ['no index', made(header, ...hashes), 'malformed-proof'],
    ['no lines after the first', made(header), 'malformed-proof'],
    ['index 03', made(header, 'index 03', ...hashes), 'malformed-proof'],
    ['index -3', made(header, 'index -3', ...hashes), 'malformed-proof'],
    ['another word than index', made(header, 'inbox 3', ...hashes), 'malformed-proof'],
    ['an index with two spaces', made(header, 'index  3', ...hashes), 'malformed-proof'],
    ['an index beyond what is exact', made(header, 'index 9007199254740993', ...hashes), 'malformed-proof'],
    ['an index outside the tree', made(header, 'index 7', ...hashes), 'index-out-of-range'],
    ['two extra lines', made(header, extra, extra, index, ...hashes), 'malformed-proof'],
    ['the extra line after the index', made(header, index, extra, ...hashes), 'malformed-proof'],
    ['an extra line with nothing', made(header, 'extra ', index, ...hashes), 'malformed-proof'],
    ['an extra line that is not base64', made(header, 'extra ?', index, ...hashes), 'malformed-proof'],
    ['a hash of 31 bytes', made(header, index, base64(leaf.subarray(1)), ...hashes.slice(1)), 'malformed-proof'],
    ['a hash with spare bits', made(header, index, `${'A'.repeat(42)}B=`, ...hashes.slice(1)), 'malformed-proof'],
    ['a hash too few', made(header, index, ...hashes.slice(1)), 'proof-too-short'],
    ['a hash too many', made(header, index, ...hashes, base64(leaf)), 'proof-too-long'],
    ['hashes in the other order', made(header, index, ...hashes.toReversed()), 'root-mismatch'],
    ['no checkpoint', `${header}\n${index}\n${hashes.join('\n')}\n`, 'malformed-proof'],
    ['an empty checkpoint', `${header}\n${index}\n${hashes.join('\n')}\n\n`, 'malformed-note'],
    ['two blank lines', good.replace('\n\n', '\n\n\n'), 'bad-checkpoint'],
    ['too much of it', made(header, `extra ${'A'.repeat(1 << 20)}`, index, ...hashes), 'malformed-proof'],
  ])('%s', async (_, text, code) => {
    expect(await judged(text)).toBe(code)
  })

  test('an extra line is never handed on, and changes nothing', async () => {
    const claims = base64(utf8(`index 4\nleaf ${base64(leafHash(utf8('leaf 4')))}`))
    const text = made(header, `extra ${claims}`, index, ...hashes)
    expect(parseProof(text)).toEqual(parseProof(good))
    expect(await verifyProof(text, leaf, two, clock)).toEqual(await verifyProof(good, leaf, two, clock))
    expect(await judged(text, all[4])).toBe('root-mismatch')
  })
})

test.each([
  ['one witness', await noteOf(7, [[a, noon]]), 'quorum-not-met'],
  [
    'one witness twice',
    await noteOf(7, [
      [a, noon],
      [a, noon + 1000],
    ]),
    'witness-repeated',
  ],
  ['an unknown log key', await seenNote(7, [], { by: [await logSigner(origin, 2)] }), 'unknown-log-key'],
  ['another origin', await seenNote(7, [], { name: 'other.example' }), 'wrong-origin'],
  [
    'a clock ahead',
    await noteOf(7, [
      [a, noon],
      [b, noon + 9_000_000],
    ]),
    'cosignature-from-future',
  ],
  ['the tree after it', await seenNote(8), 'root-mismatch'],
])('TL-8: a proof in a checkpoint of %s is refused', async (_, checkpoint, code) => {
  expect(await judged(await proofOf(3, 7, checkpoint))).toBe(code)
})

test('a log makes no proof that nobody would read', async () => {
  expect(await codeOf(() => proofText({ index: -1, hashes: [], checkpoint: note }))).toBe('malformed-proof')
  expect(await codeOf(() => proofText({ index: 0, hashes: [leaf.subarray(1)], checkpoint: note }))).toBe(
    'malformed-proof',
  )
})
