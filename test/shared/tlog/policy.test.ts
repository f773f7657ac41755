/** Whom to believe: the log's own key, and enough different people, at times that our clock can live with. */
import { describe, expect, test } from 'vitest'
import { countOperators, judgeAge, verifyCheckpoint, verifySignatures } from '../../../shared/tlog/policy.ts'
import type { LogTrust } from '../../../shared/tlog/policy.ts'
import { verifierKey } from '../../../shared/tlog/key.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { rootOf } from '../../../shared/tlog/merkle.ts'
import { codeOf } from './code-of.ts'
import {
  clock,
  hour,
  leaves,
  logSigner,
  noon,
  noteOf,
  origin,
  seenNote,
  trust,
  witness,
  witnesses,
} from './small-log.ts'

const { a, b, c, c2 } = await witnesses()
const [x, y] = [await witness('x', 21), await witness('y', 22)]
const two = await trust(2)

const judged = (note: string, by: LogTrust = two, now = clock.now) =>
  codeOf(() => verifyCheckpoint(note, by, { ...clock, now }))

test('TL-7: what a caller must remember comes out, and the note byte for byte', async () => {
  const note = await noteOf(7, [
    [a, noon - 3 * hour],
    [b, noon],
    [c, noon - hour],
  ])
  const verified = await verifyCheckpoint(note, two, clock)
  expect(verified).toMatchObject({ origin, size: 7, root: rootOf(leaves(7)), note })
  expect(verified.operators).toEqual(['b', 'c', 'a'])
  expect([verified.oldest, verified.newest]).toEqual([noon - hour, noon])
  expect(verified.cosignatures.map(({ operator, time }) => [operator, time])).toEqual([
    ['a', noon - 3 * hour],
    ['b', noon],
    ['c', noon - hour],
  ])
})

describe('the log', () => {
  test('an unknown key under its name is no signature of the log', async () => {
    const note = await seenNote(7, [], { by: [await logSigner(origin, 2)] })
    expect(await judged(note)).toBe('unknown-log-key')
  })

  test('another log of the same root does not speak for it', async () => {
    const other = await logSigner('other.example', 2)
    const both = { ...two, logs: [...two.logs, { origin: 'other.example', key: other.key }] }
    expect(await judged(await seenNote(7, [], { by: [other] }), both)).toBe('unknown-log-key')
    expect(await judged(await seenNote(7, [], { by: [other], name: 'other.example' }), both)).toBe('accepted')
  })

  test('TL-4: signed by the right key, but of another origin', async () => {
    expect(await judged(await seenNote(7, [], { name: 'other.example' }))).toBe('wrong-origin')
  })

  test('TL-3: a damaged signature of its key refuses the note', async () => {
    const note = (await seenNote(7)).replace(`${origin}\n7\n`, `${origin}\n8\n`)
    expect(await judged(note)).toBe('bad-signature')
  })

  test('a witness in its place is not the log', async () => {
    const note = await seenNote(7)
    const { text } = parseNote(note)
    const lines = note
      .slice(text.length + 1)
      .split('\n')
      .slice(1)
      .join('\n')
    expect(await judged(`${text}\n${lines}`)).toBe('unknown-log-key')
  })
})

describe('the quorum', () => {
  test.each([
    ['nobody', [], 'quorum-not-met'],
    ['one', [a], 'quorum-not-met'],
    ['two operators', [a, b], 'accepted'],
    ['one of them twice', [a, a], 'witness-repeated'],
    ['one operator with two keys', [c, c2], 'witness-repeated'],
    ['one operator with two keys, and another', [c, c2, b], 'accepted'],
    ['strangers', [x, y], 'quorum-not-met'],
    ['one and a stranger', [a, x], 'quorum-not-met'],
  ])('TL-7: cosigned by %s', async (_, cosigners, code) => {
    const note = await noteOf(
      7,
      cosigners.map((one, at) => [one, noon + at * 1000]),
    )
    expect(await judged(note)).toBe(code)
  })

  test('TL-7: one public key under two names is one voice', async () => {
    const twin = { ...a, operator: 'twin', key: verifierKey('twin.example/w', a.key.kind, a.key.publicKey) }
    const note = await noteOf(7, [
      [a, noon],
      [twin, noon],
    ])
    expect(await judged(note, { ...two, witnesses: [a, twin] })).toBe('witness-repeated')
  })

  test('TL-6: both types of cosignature count alike', async () => {
    const pq = await witness('pq', 31, 'mldsaCosignature')
    const note = await noteOf(7, [
      [a, noon],
      [pq, noon],
    ])
    expect(await judged(note, { ...two, witnesses: [a, pq] })).toBe('accepted')
  })

  test('TL-3: one bad line of a known witness refuses the note, enough good ones or not', async () => {
    const other = await noteOf(8, [[c, noon]])
    const stray = other.split('\n').at(-2) ?? ''
    const note = await seenNote(7)
    expect(stray).toContain('c.example/w')
    expect(await judged(`${note}${stray}\n`)).toBe('bad-signature')
  })

  test('a quorum of none is our own mistake, and so are two witnesses of one name and id', async () => {
    const note = await noteOf(7, [[a, noon]])
    for (const quorum of [0, -1, 0.5, NaN]) {
      await expect(verifyCheckpoint(note, { ...two, quorum }, clock)).rejects.toThrow(TypeError)
    }
    const twice = { ...two, witnesses: [a, { ...a, key: { ...a.key } }] }
    await expect(verifyCheckpoint(note, twice, clock)).rejects.toThrow(TypeError)
  })

  test('signatures alone can be had without a quorum', async () => {
    const { size, cosignatures } = await verifySignatures(await noteOf(7, []), two)
    expect([size, cosignatures]).toEqual([7, []])
  })
})

describe('time', () => {
  const at = (...times: number[]) => times.map((time, index) => ({ ...([a, b, c, c2][index] ?? a), time }))

  test.each([
    [2, [1, 9, 5], 5, 9],
    [3, [1, 9, 5], 1, 9],
    [1, [1, 9, 5], 9, 9],
    [3, [4, 3, 1, 2], 2, 4], // c spoke twice: its newest word counts
  ])('TL-7: a quorum of %i of %j is as old as %i', (quorum, times, oldest, newest) => {
    expect(countOperators(at(...times), quorum)).toMatchObject({ oldest, newest })
  })

  test.each([
    ['as much ahead as a clock may be', noon + clock.skew, 'accepted'],
    ['a second more', noon + clock.skew + 1000, 'cosignature-from-future'],
  ])('TL-7: one witness %s', async (_, time, code) => {
    const note = await seenNote(7, [[c, time]])
    expect(await judged(note, two, noon)).toBe(code)
  })

  test('a clock that is not a number believes nobody', async () => {
    const note = await seenNote(7)
    expect(await judged(note, two, NaN)).toBe('cosignature-from-future')
  })

  test('TL-7: timestamp 0 is refused', async () => {
    const note = await seenNote(7, [[c, 0]])
    expect(await judged(note)).toBe('cosignature-without-time')
  })

  const limits = { fresh: 26 * hour, stale: 72 * hour }
  test.each([
    [-1, 'fresh'],
    [26 * hour, 'fresh'],
    [26 * hour + 1, 'stale'],
    [98 * hour, 'stale'],
  ])('a quorum that spoke %i ms ago is %s', (age, word) => {
    expect(judgeAge(noon, noon + age, limits)).toBe(word)
  })

  test.each([98 * hour + 1, NaN])('a quorum that spoke %d ms ago is too old', async (age) => {
    expect(await codeOf(() => judgeAge(noon, noon + age, limits))).toBe('cosignature-too-old')
  })
})
