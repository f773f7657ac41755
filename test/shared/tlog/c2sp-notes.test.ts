/** The shared C2SP vectors, as far as they are plain notes with Ed25519 note keys. */
import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../shared/bytes.ts'
import { parseKey } from '../../../shared/tlog/key.ts'
import { parseNote, signNote, verifyNote } from '../../../shared/tlog/note.ts'
import { generateSigningKey, readSigner } from '../../../shared/tlog/signer.ts'
import { sharedVectors } from '../../vectors/shared.ts'
import { codeOf } from './code-of.ts'

type Case = {
  id: string
  note?: string
  verifiers: string[]
  seeds?: { log: string }
  tlog_proof?: string
  expect: 'accept' | 'reject'
  why?: string
}
type Kind = 'note' | 'checkpoint body' | 'cosignature' | 'proof'

/** Later rooms read checkpoints, cosignatures and proofs; a checkpoint's body is nothing that a note could refuse. */
function kindOf(one: Case): Kind {
  if (one.tlog_proof !== undefined) return 'proof'
  if (one.verifiers.some((vkey) => parseKey(vkey).kind !== 'note')) return 'cosignature'
  const signedAnyway = /correctly signed/.test(one.why ?? '') && !/control character/.test(one.why ?? '')
  return one.expect === 'reject' && signedAnyway ? 'checkpoint body' : 'note'
}

const codes: Record<string, string> = {
  'tree size changed after signing': 'bad-signature',
  'root changed': 'bad-signature',
  'no signature': 'malformed-note',
  'only signatures of unknown keys': 'unsigned',
  'no blank line before signatures': 'malformed-note',
  'hyphen instead of em dash': 'malformed-note',
  'CRLF line ends': 'malformed-note',
  'control character in the text, correctly signed': 'malformed-note',
  'witness cosignature presented where the log signature is required': 'unsigned',
}

const vectors = sharedVectors('c2sp-notes') as { cases: Case[] } | undefined
const cases = vectors?.cases ?? []
const ofKind = (kind: Kind) => cases.filter((one) => kindOf(one) === kind)

describe.skipIf(!vectors)('C2SP vectors', () => {
  test('every case has one kind, and enough of them are plain notes', () => {
    expect(ofKind('note').length).toBe(14)
    expect(ofKind('checkpoint body').length).toBe(5)
    expect(ofKind('cosignature').length).toBe(5)
    expect(ofKind('proof').length).toBe(1)
  })

  test.each(ofKind('note'))('TL-3: $id: $expect $why', async ({ note = '', verifiers, expect: outcome, why = '' }) => {
    const code = await codeOf(() => verifyNote(note, verifiers.map(parseKey)))
    expect(code).toBe(outcome === 'accept' ? 'accepted' : codes[why])
  })

  test.each(ofKind('checkpoint body'))('$id is a good note all the same', async ({ note = '', verifiers }) => {
    expect((await verifyNote(note, verifiers.map(parseKey))).signers).toHaveLength(1)
  })

  const seeded = cases.filter((one) => one.seeds !== undefined && one.expect === 'accept' && kindOf(one) === 'note')
  test.each(seeded)('$id is signed byte for byte as its author did', async ({ note = '', verifiers, seeds }) => {
    const [vkey = ''] = verifiers
    const { skey } = await generateSigningKey(parseKey(vkey).name, fromHex(seeds?.log ?? ''))
    const signer = await readSigner(skey)
    expect(signer.vkey).toBe(vkey)
    expect(await signNote(parseNote(note).text, [signer])).toBe(note)
  })
})
