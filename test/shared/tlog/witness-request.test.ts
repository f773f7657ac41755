/** What goes to a witness, read strictly; and two notes that contradict each other, kept whole. */
import { expect, test } from 'vitest'
import { consistencyProof } from '../../../shared/tlog/merkle.ts'
import { conflictName, conflictText } from '../../../shared/tlog/conflict.ts'
import { parseConsistency, parseWitnessRequest, witnessRequest } from '../../../shared/tlog/witness-request.ts'
import { codeOf } from './code-of.ts'
import { leaves, seenNote } from './small-log.ts'

const note = await seenNote(7)
const proof = consistencyProof(leaves(7), 5)
const good = witnessRequest({ oldSize: 5, proof, note })

test('a request comes back as it went, with a proof and without', () => {
  expect(good.startsWith('old 5\n')).toBe(true)
  expect(parseWitnessRequest(good)).toEqual({ oldSize: 5, proof, note })
  const first = witnessRequest({ oldSize: 0, proof: [], note })
  expect(first).toBe(`old 0\n\n${note}`)
  expect(parseWitnessRequest(first)).toEqual({ oldSize: 0, proof: [], note })
})

const hash = `${'A'.repeat(43)}=\n`
test.each([
  ['the example of the specification', 'old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\nx', 'accepted'],
  ['63 hashes', `old 5\n${hash.repeat(63)}\nx`, 'accepted'],
  ['64 hashes', `old 5\n${hash.repeat(64)}\nx`, 'malformed-proof'],
  ['no old size', good.slice('old 5\n'.length), 'malformed-proof'],
  ['a leading zero', good.replace('old 5', 'old 05'), 'malformed-proof'],
  ['a negative size', good.replace('old 5', 'old -5'), 'malformed-proof'],
  ['two spaces', good.replace('old 5', 'old  5'), 'malformed-proof'],
  ['a hash of 31 bytes', `old 5\n${'A'.repeat(42)}==\n\nx`, 'malformed-proof'],
  ['no blank line', 'old 5\n', 'malformed-proof'],
  ['nothing', '', 'malformed-proof'],
  ['more than any note', `old 5\n\n${'x'.repeat(1 << 22)}`, 'malformed-proof'],
])('%s: %s', async (_, text, code) => {
  expect(await codeOf(() => parseWitnessRequest(text))).toBe(code)
})

test.each([
  ['nothing at all', '', 'accepted'],
  ['one hash', hash, 'accepted'],
  ['no LF at the end', hash.trimEnd(), 'malformed-proof'],
  ['an empty line', '\n', 'malformed-proof'],
  ['base64url', `${'_'.repeat(42)}8=\n`, 'malformed-proof'],
])('a proof of %s: %s', async (_, text, code) => {
  expect(await codeOf(() => parseConsistency(text))).toBe(code)
})

test('TL-9: evidence holds both notes byte for byte, and its name is that of the pair', async () => {
  const other = await seenNote(8)
  const conflict = { code: 'split-view', notes: [note, other], proof } as const
  expect(JSON.parse(conflictText(conflict))).toMatchObject({ code: 'split-view', known: note, contradicting: other })
  const { proof: text } = JSON.parse(conflictText(conflict)) as { proof: string }
  expect(parseConsistency(text)).toEqual(proof)
  expect(conflictName(conflict)).toMatch(/^log-conflict-[0-9a-f]{16}\.json$/)
  expect(conflictName({ ...conflict, notes: [other, note] })).not.toBe(conflictName(conflict))
})
