/** The log's door ops against the shared vectors: every case through the table, refused with the code of its cause. */
import { describe, expect, test } from 'vitest'
import { codeOf } from '../shared/tlog/code-of.ts'
import { sharedVectors } from '../vectors/shared.ts'
import { Case } from './case.ts'
import { logOps } from './ops-log.ts'

type Vector = Record<string, unknown> & { id: string; expect: 'accept' | 'reject'; kind: string; reason?: string }
type NoteVector = Vector & { why?: string; tlog_proof?: string }

const merkle = (sharedVectors('merkle-rfc6962') as { cases: Vector[] } | undefined)?.cases ?? []
const notes = (sharedVectors('c2sp-notes') as { cases: NoteVector[] } | undefined)?.cases ?? []

function run(op: string, fields: Record<string, unknown>): unknown {
  const work = logOps[op]
  if (work === undefined) throw new TypeError(`no op ${op}`)
  return work(new Case(fields))
}

const reasons: Record<string, string> = {
  BAD_HASH_LENGTH: 'bad-hash-length',
  INDEX_OUT_OF_RANGE: 'index-out-of-range',
  PROOF_TOO_LONG: 'proof-too-long',
  PROOF_TOO_SHORT: 'proof-too-short',
  ROOT_MISMATCH: 'root-mismatch',
  ROOT1_MISMATCH: 'old-root-mismatch',
  ROOT2_MISMATCH: 'new-root-mismatch',
  SIZES_OUT_OF_ORDER: 'sizes-out-of-order',
  'an interior node presented as a leaf: the 0x00/0x01 prefixes must prevent it': 'proof-too-short',
}

/** Two cases carry an index of 2^64 - 1, which their JSON has already lost: the door refuses to guess. */
function codeFor({ expect: outcome, reason = '', leaf_index }: Vector): string {
  if (leaf_index !== undefined && !Number.isSafeInteger(leaf_index)) return 'bad-encoding'
  return outcome === 'accept' ? 'accepted' : (reasons[reason] ?? 'a reason without a code')
}

describe.skipIf(merkle.length === 0)('merkle vectors through the door', () => {
  const proofs = merkle.filter(({ kind }) => kind !== 'root')

  test('there are as many as the file promises', () => {
    expect(merkle).toHaveLength(150)
    expect(proofs).toHaveLength(144)
  })

  test.each(proofs)('TL-2: $id: $expect $reason', async (vector) => {
    expect(await codeOf(() => run(`merkle.${vector.kind}`, vector))).toBe(codeFor(vector))
    if (vector.expect === 'accept') expect(await run(`merkle.${vector.kind}`, vector)).toBe(true)
  })

  test.each(merkle.filter(({ kind }) => kind === 'root'))('TL-1: $id', async (vector) => {
    expect(await run('merkle.root', vector)).toBe(vector['root'])
  })

  test('TL-1: leaf data is hashed as the leaf hash of the vector says', async () => {
    const withData = proofs.filter((vector) => 'leaf_data' in vector)
    expect(withData.length).toBeGreaterThan(0)
    for (const vector of withData) {
      expect(await codeOf(() => run('merkle.inclusion', { ...vector, leaf_hash: null }))).toBe(codeFor(vector))
    }
  })
})

const whys: Record<string, string> = {
  'tree size changed after signing': 'bad-signature',
  'root changed': 'bad-signature',
  'no signature': 'malformed-note',
  'only signatures of unknown keys': 'unknown-log-key',
  'size "+70", correctly signed': 'bad-checkpoint',
  'root of 31 bytes, correctly signed': 'bad-checkpoint',
  'only two lines, correctly signed': 'bad-checkpoint',
  'empty origin line, correctly signed': 'bad-checkpoint',
  'correctly signed by the log key but another origin': 'wrong-origin',
  'no blank line before signatures': 'malformed-note',
  'hyphen instead of em dash': 'malformed-note',
  'CRLF line ends': 'malformed-note',
  'control character in the text, correctly signed': 'malformed-note',
  'witness cosignature presented where the log signature is required': 'unknown-log-key',
  'the same witness twice does not make a quorum of 2': 'witness-repeated',
}

describe.skipIf(notes.length === 0)('C2SP vectors through the door', () => {
  test('there are as many as the file promises', () => expect(notes).toHaveLength(25))

  test.each(notes)('TL-3, TL-4, TL-6, TL-7: note.verify $id: $expect $why', async (vector) => {
    const code = await codeOf(() => run('note.verify', vector))
    expect(code).toBe(vector.expect === 'accept' ? 'accepted' : whys[vector.why ?? ''])
  })

  test.each(notes.filter(({ expect: outcome }) => outcome === 'accept'))('$id says what it says', async (vector) => {
    const said = Object.entries(vector).filter(([name]) =>
      ['origin', 'size', 'root', 'cosignature_times'].includes(name),
    )
    expect(await run('note.verify', vector)).toMatchObject(Object.fromEntries(said))
  })

  const [proof] = notes.filter((vector) => vector.tlog_proof !== undefined)
  const root = '83ab503f45712ec7e937abdd40dda706be2e21a67ec8e63d432e952fa37d55ae'
  const damage = (from: string, to: string) => ({ tlog_proof: (proof?.tlog_proof ?? '').replace(from, to) })

  test('TL-8: the proof gives index, size and root', async () => {
    expect(await run('tlog-proof.verify', { ...proof })).toEqual({ index: 12, size: 70, root })
  })

  test.each([
    ['another leaf', { leaf_data: '00' }, 'root-mismatch'],
    ['another index', damage('index 12', 'index 13'), 'root-mismatch'],
    ['an index outside', damage('index 12', 'index 70'), 'index-out-of-range'],
    ['a hash too few', damage('GDJisjeBzsnbCp7kIyH+n2NtqZ43IWpJ7gE+PiL0VSs=\n', ''), 'proof-too-short'],
    ['a third witness wanted', { quorum: 3 }, 'quorum-not-met'],
    ['no quorum wanted', { quorum: 0 }, 'bad-encoding'],
    ['another origin expected', { origin: 'other.example/log' }, 'wrong-origin'],
    ['a clock before the witnesses', { now: '2026-06-30T00:00:00Z' }, 'cosignature-from-future'],
    ['the same clock in seconds', { now: 1_782_777_600 }, 'cosignature-from-future'],
    ['a clock long after them', { now: '2027-06-30T00:00:00Z' }, 'accepted'],
    ['a clock that is none', { now: 'Tomorrow' }, 'bad-encoding'],
  ])('TL-8: tlog-proof.verify with %s: %s %s', async (_, change, code) => {
    expect(await codeOf(() => run('tlog-proof.verify', { ...proof, ...change }))).toBe(code)
  })

  const [cosigned] = notes.filter(({ id }) => id === 'own-cosigned-70')
  test.each([
    [{ quorum: 2 }, 'accepted'],
    [{ quorum: 3 }, 'quorum-not-met'],
    [{ quorum: 2, now: '2026-07-02T02:00:00Z' }, 'accepted'],
    [{ quorum: 2, now: '2026-07-05T01:00:00Z' }, 'accepted'],
    [{ quorum: 2, now: 1_782_864_060 }, 'accepted'],
    [{ quorum: 2, now: '2026-07-05T03:00:00Z' }, 'cosignature-too-old'],
    [{ quorum: 2, now: '2026-06-30T23:00:00Z' }, 'cosignature-from-future'],
    [{ now: '2026-06-30T23:00:00Z' }, 'cosignature-from-future'],
  ])('TL-7: note.verify with %j: %s', async (change, code) => {
    expect(await codeOf(() => run('note.verify', { ...cosigned, ...change }))).toBe(code)
  })
})
