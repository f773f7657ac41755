/**
 * The rest of the evidence through the door: files of real logs give what MANIFEST.json states; evidence of kinds that this
 * version does not judge is refused as such and never half understood.
 */
import { describe, expect, test } from 'vitest'
import { hex } from '../../shared/bytes.ts'
import { entries, read, text, there } from '../shared/attestation/manifest.ts'
import { ask, type Answer } from './ask.ts'

type Json = Readonly<Record<string, unknown>>

const hexes = (values: readonly string[] | null) => (values ?? []).map(hexOf)
const hexOf = (base64: string) => hex(Uint8Array.fromBase64(base64))

type Inclusion = { leafIdx: number; treeSize: number; root: string; leafHash: string; proof: string[] | null }
type Consistency = { size1: number; size2: number; root1: string; root2: string; proof: string[] | null }

/** transparency-dev writes bytes in base64 and names of its own. */
function inclusionCase(file: string): Json {
  const { leafIdx, treeSize, root, leafHash, proof } = JSON.parse(text(file)) as Inclusion
  const sizes = { leaf_index: leafIdx, tree_size: treeSize, leaf_hash: hexOf(leafHash), root: hexOf(root) }
  return { id: file, op: 'merkle.inclusion', ...sizes, proof: hexes(proof) }
}

function consistencyCase(file: string): Json {
  const { size1, size2, root1, root2, proof } = JSON.parse(text(file)) as Consistency
  const roots = { root1: hexOf(root1), root2: hexOf(root2) }
  return { id: file, op: 'merkle.consistency', size1, size2, ...roots, proof: hexes(proof) }
}

const cases = entries.flatMap(({ file, kind, expected, fields }): (readonly [Json, object])[] => {
  if (kind.startsWith('rfc6962-')) {
    const { verdict } = expected as { verdict?: string }
    const asked = kind === 'rfc6962-inclusion' ? inclusionCase(file) : consistencyCase(file)
    return [[asked, verdict === 'accept' ? { ok: true } : { refused: expect.any(String) as string }]]
  }
  if (kind === 'signed-note-checkpoint') {
    const { vkey, origin, size } = fields
    const asked = { id: file, op: 'note.verify', note: text(file), verifiers: [vkey], origin }
    return [
      [asked, { ok: { origin, size: String(size) } }],
      [{ ...asked, origin: 'sum.golang.org' }, { refused: 'wrong-origin' }],
      [{ ...asked, note: asked.note.replace('35225469', '35225468') }, { refused: 'bad-signature' }],
    ]
  }
  if (!/^(nitro|gpu)\/|\.full\.json$/.test(file)) return []
  const asked = { id: file, op: 'attest.judge', evidence: hex(read(file)), now: '2026-11-22T12:00:00Z' }
  const whole = { ...asked, policy: { snp: {}, tdx: {} }, report_data: '01'.repeat(64), endorsements: [] }
  return [
    [{ ...whole, kind: file.split('/')[0] }, { refused: 'bad-encoding' }],
    [{ ...whole, kind: 'sev-snp' }, { refused: 'bad-evidence' }],
    [
      { ...whole, kind: 'tdx' },
      { refused: expect.stringMatching(/^(bad-evidence|report-version-refused)$/) as string },
    ],
  ]
})

describe.skipIf(!there)('through the door', () => {
  let answers: readonly Answer[] = []
  test('every case has its answer, and none is a crash', async () => {
    answers = await ask(cases.map(([one]) => one as { id: string }))
    expect(answers.map(({ id }) => id)).toEqual(cases.map(([one]) => one['id']))
  }, 60_000)

  test.each(cases.map(([one, answer], index) => [String(one['id']), answer, index] as const))(
    '%s: %j',
    (_, answer, index) => {
      expect(answers[index]).toMatchObject(answer)
    },
  )

  test('no kind of entry is left out but those that the notes and trees of other tests are made of', () => {
    const asked = new Set(cases.map(([one]) => one['id']))
    const left = new Set(entries.filter(({ file }) => !asked.has(file)).map(({ file }) => file.split('/')[0]))
    expect([...left].toSorted()).toEqual(['amd', 'azure', 'intel', 'snp', 'tdx', 'tlog'])
    const log = entries.filter(({ file }) => file.startsWith('tlog/') && !asked.has(file)).map(({ kind }) => kind)
    expect([...new Set(log)].toSorted()).toEqual(['artifact', 'sigstore-bundle', 'transparency'])
  })
})
