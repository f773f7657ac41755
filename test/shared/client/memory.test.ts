/** What a client has seen is never unseen: not by a shorter chain of roots, not by a second process. trust.md 1, 2. */
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Bundle } from '../../../shared/attestation/bundle.ts'
import { signRoot } from '../../../shared/attestation/trust-root.ts'
import { fileMemory, type RollbackMemory } from '../../../shared/client/index.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { generateSigner, type Signer } from '../../../shared/tlog/signer.ts'
import { codeOf, visitor } from './clients.ts'
import { operator, startOfTest } from './operator.ts'
import { town, type Town } from './town.ts'

const hour = 3_600_000

let pair: Town
let folder: string
let file: string
/** Roots 1 to 3 and who signs bundles under each: every version revokes the bundle key before it. */
let roots: readonly string[]
let bundleSigners: readonly Signer[]

beforeEach(async () => {
  pair = await town()
  folder = await mkdtemp(join(tmpdir(), 'asunder-memory-'))
  file = join(folder, 'seen')
  await succession()
})

afterEach(async () => {
  await pair.close()
  await rm(folder, { recursive: true })
})

async function succession(): Promise<void> {
  const { fields, rootSigner, bundleSigner, root } = pair.operator
  const second = await generateSigner('b2.example')
  const third = await generateSigner('b3.example')
  roots = [
    root,
    await signRoot({ ...fields, version: 2, bundleKeys: [second.key] }, [rootSigner]),
    await signRoot({ ...fields, version: 3, bundleKeys: [third.key] }, [rootSigner]),
  ]
  bundleSigners = [bundleSigner, second, third]
}

/** The relay hands out a bundle signed under that version of the root. */
async function publish(version: number, changes: Partial<Bundle> & { readonly serial: number }): Promise<void> {
  const keys = serializeKeyConfigs([pair.key.config])
  pair.bundle = await pair.operator.bundle({ keys, ...changes }, bundleSigners[version - 1])
}

/** One process: starts, learns, ends. The code or, without one, the version of the root that it believes. */
async function start(memory: RollbackMemory = fileMemory(file), trust = pair.operator.root): Promise<string | number> {
  const fetch = visitor(pair, { memory, trust })
  const code = await codeOf(fetch.ready())
  await fetch.close()
  return fetch.verdict()?.rootVersion ?? code
}

const kept = async (): Promise<unknown> => JSON.parse(await readFile(file, 'utf8'))

test('OHTTP-C3: a bundle that leaves the root out does not make a client forget it', async () => {
  await publish(2, { serial: 8, roots: roots.slice(0, 2) })
  expect(await start()).toBe(2)
  await publish(2, { serial: 9, roots: [] })
  expect(await start()).toBe(2)
  expect(await kept()).toEqual({ serial: 9, roots: roots.slice(0, 2) })
  await publish(1, { serial: 10, roots: [] })
  expect(await start()).toBe('bundle-unverified')
})

test('nor within one life of the process', async () => {
  let now = startOfTest
  const fetch = visitor(pair, { now: () => now })
  const live = (): Partial<Bundle> => ({ notBefore: now - 1000, notAfter: now + hour })
  await publish(2, { serial: 8, roots: roots.slice(1, 2), ...live() })
  await fetch.ready()
  now += hour
  await publish(2, { serial: 9, ...live() })
  expect((await fetch.ready()).rootVersion).toBe(2)
  now += hour
  await publish(1, { serial: 10, ...live() })
  expect(await codeOf(fetch.ready())).toBe('bundle-unverified')
  await fetch.close()
})

test('the newer of what is shipped and what is remembered counts, whichever it is', async () => {
  await publish(2, { serial: 8, roots: roots.slice(0, 2) })
  expect(await start()).toBe(2)
  await publish(3, { serial: 9 })
  expect(await start(fileMemory(file), roots[2])).toBe(3)
  await publish(2, { serial: 10, roots: [] })
  expect(await start(fileMemory(file), roots[2])).toBe('bundle-unverified')
  await publish(3, { serial: 10, roots: roots.slice(0, 3) })
  await rm(file)
  expect([await start(), await start(fileMemory(file), roots[1])]).toEqual([3, 3])
})

test('a memory of somebody else’s root is not mixed with ours', async () => {
  const other = await operator()
  await writeFile(file, JSON.stringify({ serial: 1, roots: [other.root] }))
  expect(await start()).toBe('memory-failed')
  expect(pair.received).toEqual([])
})

test('of two processes the one that fetched earlier does not undo what the other has stored', async () => {
  const slow = fileMemory(file)
  const behind: RollbackMemory = {
    ...slow,
    async update(change) {
      await publish(2, { serial: 9, roots: roots.slice(0, 2) })
      if ((await slow.load()) === undefined) expect(await start()).toBe(2)
      await slow.update?.(change)
    },
  }
  await publish(1, { serial: 8 })
  expect(await start(behind)).toBe(2)
  expect(await kept()).toEqual({ serial: 9, roots: roots.slice(0, 2) })
})

test('a relay that shows two processes different ages is refused to the one that is behind', async () => {
  const slow = fileMemory(file)
  const behind: RollbackMemory = {
    ...slow,
    load: () => undefined,
    async update(change) {
      await writeFile(file, JSON.stringify({ serial: 20, roots: [] }))
      await slow.update?.(change)
    },
  }
  expect(await start(behind)).toBe('bundle-rolled-back')
  expect(await kept()).toEqual({ serial: 20, roots: [pair.operator.root] })
})

const more = {
  policies: { app: { serial: 42, time: startOfTest } },
  checkpoints: { 'log.example/cvms': { size: 9, root: '11'.repeat(32) } },
  newest: startOfTest,
  crlNumbers: { Genoa: 4 },
  tcbEvaluationDataNumber: 18,
}

test('what was seen of policies, trees, ratings and revocation lists is kept beside the serial, by whoever writes next', async () => {
  await writeFile(file, JSON.stringify({ serial: 3, roots: [], ...more }))
  await publish(1, { serial: 8 })
  expect(await start()).toBe(1)
  expect(await kept()).toEqual({ serial: 8, roots: [pair.operator.root], ...more })
})

test('of what two processes have seen the newer is kept', async () => {
  const slow = fileMemory(file)
  const newer = { ...more, policies: { app: { serial: 43, time: startOfTest } }, crlNumbers: { Genoa: 3, Turin: 2 } }
  const behind: RollbackMemory = {
    ...slow,
    load: () => JSON.stringify({ serial: 3, roots: [], ...more }),
    async update(change) {
      if ((await slow.load()) === undefined) await writeFile(file, JSON.stringify({ serial: 4, roots: [], ...newer }))
      await slow.update?.(change)
    },
  }
  await publish(1, { serial: 8 })
  expect(await start(behind)).toBe(1)
  expect(await kept()).toEqual({
    ...{ serial: 8, roots: [pair.operator.root] },
    ...{ ...newer, crlNumbers: { Genoa: 4, Turin: 2 } },
  })
})

test('somebody who saw another tree of the same size: nothing is sent, and nothing is overwritten', async () => {
  const slow = fileMemory(file)
  const theirs = JSON.stringify({ serial: 4, roots: [], ...more })
  await writeFile(file, theirs)
  const fork = { checkpoints: { 'log.example/cvms': { size: 9, root: '22'.repeat(32) } } }
  const torn: RollbackMemory = { ...slow, load: () => JSON.stringify({ serial: 3, roots: [], ...fork }) }
  await publish(1, { serial: 8 })
  expect(await start(torn)).toBe('log-forked')
  expect(await readFile(file, 'utf8')).toBe(theirs)
})

test.each([
  ['no serial', { roots: [] }],
  ['no roots', { serial: 1 }],
  ['roots that are no texts', { serial: 1, roots: [1] }],
  ['a serial in words', { serial: 'one', roots: [] }],
  ['something that a later version may have meant', { serial: 1, roots: [], extra: 1 }],
  ['a policy without its time', { serial: 1, roots: [], policies: { app: { serial: 1 } } }],
])('%s: memory-failed, and nothing is fetched', async (_, value) => {
  await writeFile(file, JSON.stringify(value))
  expect(await start()).toBe('memory-failed')
  expect(pair.received).toEqual([])
})

test('changes by two instances come one after the other and none is lost', async () => {
  const both = [fileMemory(file), fileMemory(file)]
  const add = async (memory: RollbackMemory): Promise<void> =>
    memory.update?.((text) => Promise.resolve(String(Number(text ?? 0) + 1)))
  await Promise.all(Array.from({ length: 20 }, (_, i) => add(both[i % 2] as RollbackMemory)))
  expect(await readFile(file, 'utf8')).toBe('20')
  expect(await readdir(folder)).toEqual(['seen'])
})

test('a lock that a dead process left behind is broken, one that was lost writes nothing', async () => {
  const lock = `${file}.lock`
  await writeFile(lock, 'of the dead')
  await utimes(lock, new Date(0), new Date(0))
  await fileMemory(file).save('one')
  const late = fileMemory(file).update?.(async () => {
    await writeFile(lock, 'of another')
    return 'two'
  })
  await expect(late).rejects.toThrow('lost')
  expect(await readFile(file, 'utf8')).toBe('one')
  expect((await readdir(folder)).sort()).toEqual(['seen', 'seen.lock'])
})
