/** The development witness: cosigns what follows from what it saw, and nothing else, also after a restart. TL-10. */
import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createDevelopmentLog, type DevelopmentLog } from '../../../shared/development-log/log.ts'
import type { DevelopmentWitness } from '../../../shared/development-log/witness.ts'
import { verifierKey } from '../../../shared/tlog/key.ts'
import { consistencyProof, leafHash } from '../../../shared/tlog/merkle.ts'
import { verifyCheckpoint } from '../../../shared/tlog/policy.ts'
import { witnessRequest } from '../../../shared/tlog/witness-request.ts'
import { codeOf } from '../tlog/code-of.ts'
import { logSigner, seenNote } from '../tlog/small-log.ts'
import { fill, hour, leaf, noon, trusting, yard, type Yard } from './folder.ts'

type Scene = { place: Yard; log: DevelopmentLog; fork: DevelopmentLog; ada: DevelopmentWitness }

/** A log of seven leaves that ada has cosigned, and another with the same key whose leaves are different. */
async function scene(): Promise<Scene> {
  const place = yard()
  const log = await place.log()
  const fork = await place.log('example', 'fork')
  const ada = await place.witness('ada', log)
  fill(log, 0, 7)
  await log.checkpoint([ada])
  fork.add(leaf(99))
  return { place, log, fork, ada }
}

const upTo = (size: number) => Array.from({ length: size }, (_, at) => leafHash(leaf(at)))

/** The request for a tree of `log` with so many leaves, from `oldSize`. */
async function request(log: DevelopmentLog, size: number, oldSize: number): Promise<string> {
  fill(log, 0, size)
  const note = await log.checkpoint([])
  return witnessRequest({ oldSize, proof: log.consistency(oldSize), note })
}

test('what grew is cosigned with the time of the clock that was handed in', async () => {
  const { place, log, ada } = await scene()
  place.clock += 2 * hour
  const text = await request(log, 9, 7)
  const line = await ada.cosign(text)
  const note = `${log.latest() ?? ''}${line}`
  const verified = await verifyCheckpoint(note, trusting(log, [ada], 1), { now: place.clock, skew: 0 })
  expect([verified.oldest, ada.seen(log.origin)]).toEqual([noon + 2 * hour, 9])
})

describe.each(['before', 'after'])('%s a restart', (when) => {
  const met = async (): Promise<Scene> => {
    const it = await scene()
    if (when === 'before') return it
    it.ada.close()
    return { ...it, ada: await it.place.again('ada') }
  }

  test('what was seen is remembered', async () => {
    const { log, ada } = await met()
    expect(ada.seen(log.origin)).toBe(7)
  })

  test('a smaller tree is refused: checkpoint-rolled-back', async () => {
    const { place, log, ada } = await met()
    const earlier = await place.log('example', 'earlier')
    expect(earlier.key.text).toBe(log.key.text)
    expect(await codeOf(async () => ada.cosign(await request(earlier, 6, 0)))).toBe('checkpoint-rolled-back')
    expect(await codeOf(() => earlier.checkpoint([ada]))).toBe('checkpoint-rolled-back')
    expect([ada.seen(log.origin), ada.conflicts()]).toEqual([7, []])
  })

  test('TL-9: another tree of the same size is refused, and both notes are kept: split-view', async () => {
    const { log, fork, ada } = await met()
    expect(await codeOf(async () => ada.cosign(await request(fork, 6, 7)))).toBe('split-view')
    const [conflict] = ada.conflicts()
    expect(conflict?.code).toBe('split-view')
    expect(conflict?.notes[1]).toBe(fork.latest())
    expect(conflict?.notes[0].startsWith(`${log.origin}\n7\n`)).toBe(true)
    expect(ada.seen(log.origin)).toBe(7)
  })

  test('a larger tree that does not contain the one seen is refused, and kept: old-root-mismatch', async () => {
    const { fork, ada } = await met()
    expect(await codeOf(async () => ada.cosign(await request(fork, 9, 7)))).toBe('old-root-mismatch')
    expect(ada.conflicts().map(({ code }) => code)).toEqual(['old-root-mismatch'])
  })
})

test.each([
  ['a size that the witness never saw', 5, consistencyProof(upTo(9), 5), 'size-conflict'],
  ['as if it had seen nothing', 0, [], 'size-conflict'],
  ['no proof', 7, [], 'proof-too-short'],
  ['a proof in another order', 7, consistencyProof(upTo(9), 7).toReversed(), 'old-root-mismatch'],
  ['a hash too many', 7, [...consistencyProof(upTo(9), 7), leafHash(leaf(0))], 'proof-too-long'],
  ['from more than there is', 10, [], 'sizes-out-of-order'],
])('TL-10: %s: refused, and nothing is remembered', async (_, oldSize, proof, code) => {
  const { log, ada } = await scene()
  await request(log, 9, 7)
  const text = witnessRequest({ oldSize, proof, note: log.latest() ?? '' })
  expect([await codeOf(() => ada.cosign(text)), ada.seen(log.origin)]).toEqual([code, 7])
})

test('of two requests from one size only the first is served', async () => {
  const { place, log, ada } = await scene()
  const twin = await place.again('ada')
  const [eight, nine] = [await request(log, 8, 7), await request(log, 9, 7)]
  const codes = await Promise.all([codeOf(() => ada.cosign(eight)), codeOf(() => twin.cosign(nine))])
  expect(codes.sort()).toEqual(['accepted', expect.stringMatching(/^(size-conflict|checkpoint-rolled-back)$/)])
})

describe('a witness for development', () => {
  test('cosigns no other log, whatever it is told', async () => {
    const { ada } = await scene()
    const { key } = await logSigner()
    expect(await codeOf(() => ada.accept({ origin: 'log.example/cvms', key }))).toBe('insecure-configuration')
    const foreign = witnessRequest({ oldSize: 0, proof: [], note: await seenNote(7) })
    expect(await codeOf(() => ada.cosign(foreign))).toBe('wrong-origin')
  })

  test('does not take another key for a log that it knows', async () => {
    const { log, ada } = await scene()
    const key = verifierKey(log.origin, 'note', new Uint8Array(32).fill(1))
    expect(await codeOf(() => ada.accept({ origin: log.origin, key }))).toBe('unknown-log-key')
    expect(await codeOf(() => ada.accept(log))).toBe('accepted')
  })

  test('cosigns nothing that the log did not sign', async () => {
    const { place, log, ada } = await scene()
    const other = await createDevelopmentLog({ folder: join(place.folder, 'other'), name: 'example' })
    expect(other.origin).toBe(log.origin)
    expect(await codeOf(async () => ada.cosign(await request(other, 9, 7)))).toBe('unknown-log-key')
    other.close()
  })

  test('keeps key and memory for its owner', async () => {
    const { place } = await scene()
    const modes = ['witness.key', 'witness.db'].map((name) => statSync(join(place.folder, 'ada', name)).mode & 0o777)
    expect(modes).toEqual([0o600, 0o600])
  })
})

test('processes that add and sign at the same time lose nothing', async () => {
  const { place, log, ada } = await scene()
  const script = join(import.meta.dirname, 'add-and-sign.ts')
  const run = (first: number): Promise<number | null> =>
    new Promise((resolve) => {
      const args = ['--disable-warning=ExperimentalWarning', script, place.folder, String(first)]
      spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }).once('exit', resolve)
    })
  expect(await Promise.all([run(100), run(200)])).toEqual([0, 0])
  const note = await log.checkpoint([ada])
  const verified = await verifyCheckpoint(note, trusting(log, [ada], 1), { now: noon, skew: 0 })
  expect(verified.size).toBe(7 + 2 * 20)
  for (const at of [100, 119, 200, 219]) expect(() => log.prove(leafHash(leaf(at)))).not.toThrow()
})
