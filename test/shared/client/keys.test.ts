/** How the client keeps its keys: when it fetches, what it remembers, how it follows the trust root. trust.md 1, 2. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { signRoot } from '../../../shared/attestation/trust-root.ts'
import { createObliviousFetch, fileMemory, type NodeOptions } from '../../../shared/client/index.ts'
import type { RollbackMemory } from '../../../shared/client/memory.ts'
import { p256, xWing } from '../../../shared/hpke/suites.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { generateSigner } from '../../../shared/tlog/signer.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { startOfTest } from './operator.ts'
import { gatewayKey, town, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'
const hour = 3_600_000

let pair: Town
let fetch: Visitor
let now: number

beforeEach(async () => {
  now = startOfTest
  pair = await town()
  fetch = visitor(pair, { now: () => now })
})

afterEach(async () => {
  await fetch.close()
  await pair.close()
})

const gets = (): number => pair.received.filter(({ method }) => method === 'GET').length

test('OHTTP-C15, OHTTP-C16: the bundle is fetched whole, with a head that tells nothing and asks no condition', async () => {
  await fetch.ready()
  const [, authority] = pair.url.split('//')
  expect(pair.received[0]).toMatchObject({
    ...{ method: 'GET', path: '/.well-known/asunder-bundle' },
    rawHeaders: ['host', authority?.slice(0, -1), 'connection', 'keep-alive'],
  })
})

test('sixty-four callers at once share one fetch', async () => {
  await Promise.all(Array.from({ length: 64 }, () => fetch(target)))
  expect([gets(), pair.opened.length]).toEqual([1, 64])
})

test('a caller that leaves does not take the bundle away from the others', async () => {
  const leaving = new AbortController()
  const left = fetch(target, { signal: leaving.signal })
  const stays = fetch(target)
  leaving.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  expect((await stays).status).toBe(200)
  expect(gets()).toBe(1)
})

test('it is renewed beside the requests once two thirds of its life are over, and awaited only after its end', async () => {
  await fetch(target)
  now += 7 * hour
  await fetch(target)
  expect(gets()).toBe(1)
  now += hour
  pair.onBundle = (_request, response) => {
    response.writeHead(503).end()
    return true
  }
  await fetch(target)
  await fetch(target)
  await expect.poll(gets).toBe(2)
  await fetch(target)
  expect(gets()).toBe(2)
  now += 4 * hour
  expect(await codeOf(fetch(target))).toBe('bundle-unavailable')
  expect(pair.posts().length).toBe(5)
})

test('a renewal that hangs holds nobody up', async () => {
  await fetch(target)
  now += 9 * hour
  pair.onBundle = () => new Promise(() => undefined)
  expect((await fetch(target)).status).toBe(200)
})

test('a verdict says what is known and what is not', async () => {
  expect(fetch.verdict()).toBeUndefined()
  const verdict = await fetch.ready()
  expect(verdict).toMatchObject({
    ...{ placement: 'front', operatorTrusted: true, serial: 7, rootVersion: 1, use: 'development' },
    ...{ notAfter: startOfTest + 12 * hour, key: { id: '01', kem: 'X25519', aead: 'AES-128-GCM' } },
  })
  expect(verdict.notVerified.length).toBe(4)
  expect(fetch.verdict()).toEqual(verdict)
})

test.each([p256, xWing])('OHTTP-C4: keys of KEM $name, both families, still on a bucket', async (kem) => {
  await pair.publish({ serial: 8, key: gatewayKey(4, kem) })
  for (const family of ['standard', 'chunked'] as const) {
    const own = visitor(pair, { family })
    for (const size of [10, 3_000, 20_000]) await (await own(target, { method: 'POST', body: 'x'.repeat(size) })).text()
    await own.close()
  }
  const lengths = pair.posts().map(({ body }) => body.length)
  expect(lengths.every((length) => [1024, 4096, 16_384, 65_536].includes(length))).toBe(true)
})

test('OHTTP-C3: a root that the shipped one leads to is followed, remembered, and not forgotten for an older one', async () => {
  const { operator } = pair
  const [rootSigner, bundleSigner] = await Promise.all(['r2.example', 'b2.example'].map((name) => generateSigner(name)))
  if (!rootSigner || !bundleSigner) throw new TypeError('two signers')
  const fields = { ...operator.fields, version: 2, rootKeys: [rootSigner.key], bundleKeys: [bundleSigner.key] }
  const second = await signRoot(fields, [operator.rootSigner, rootSigner])
  const keys = serializeKeyConfigs([pair.key.config])
  const byOldKey = await operator.bundle({ serial: 9, keys })
  pair.bundle = await operator.bundle({ serial: 8, keys, roots: [second] }, bundleSigner)
  const memory = remembering()
  const first = visitor(pair, { memory })
  expect((await first.ready()).rootVersion).toBe(2)
  pair.bundle = byOldKey
  fetch = visitor(pair, { memory })
  expect(await codeOf(fetch.ready())).toBe('bundle-unverified')
})

const broken: readonly (readonly [string, Partial<RollbackMemory>])[] = [
  ['text that is none of ours', { load: () => 'hello' }],
  ['a serial that is no number', { load: () => '{"serial":"9","roots":[]}' }],
  ['a store that cannot be read', { load: () => Promise.reject(new Error('disk')) }],
  ['a store that cannot be written', { save: () => Promise.reject(new Error('disk')) }],
]

test.each(broken)('a memory with %s is treated like an attack', async (_name, changes) => {
  fetch = visitor(pair, { memory: { ...remembering(), ...changes } })
  expect(await codeOf(fetch(target))).toBe('memory-failed')
  expect(pair.posts()).toEqual([])
})

test('a memory in a file survives the process and leaves nothing beside itself', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'asunder-memory-'))
  const file = join(folder, 'seen')
  await visitor(pair, { memory: fileMemory(file) }).ready()
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ serial: 7, roots: [pair.operator.root] })
  expect(await readdir(folder)).toEqual(['seen'])
  await writeFile(file, '{"serial":8,"roots":[]}')
  fetch = visitor(pair, { memory: fileMemory(file) })
  expect(await codeOf(fetch.ready())).toBe('bundle-rolled-back')
  await rm(folder, { recursive: true })
})

test.each([
  ['http://relay.example/', { plaintextLoopback: true }],
  ['http://127.0.0.1:8080/', {}],
  ['http://127.0.0.1.evil.example/', { plaintextLoopback: true }],
  ['ftp://relay.example/', {}],
  ['https://ana:pw@relay.example/', {}],
  ['https://relay.example/?client=7', {}],
])('OHTTP-C2, R-16: a relay at %s is refused at the start', (relay, extra) => {
  expect(() => createObliviousFetch({ relay, trust: '', placement: 'front', ...extra })).toThrow(TypeError)
})

test.each(['inside', 'sealed'] as const)('placement %s is never quietly lowered', async (placement) => {
  fetch = visitor(pair, { placement })
  expect(await codeOf(fetch(target))).toBe('placement-mismatch')
  expect(pair.posts()).toEqual([])
})

test('a placement that is none has no default in its place', () => {
  expect(() => visitor(pair, { placement: 'any' as 'front' })).toThrow('placement: one of front, inside, sealed')
})

const simulated = { rootSha256: 'ab'.repeat(32), measurement: 'cd'.repeat(48) }

test.each<[string, Partial<NodeOptions>, string]>([
  ['in front nobody here judges evidence', { allowSimulated: simulated }, 'allowSimulated: in `front`'],
  [
    'simulated evidence stays on this machine',
    { allowSimulated: simulated, placement: 'sealed', relay: 'https://relay.example/' },
    'allowSimulated: only with a relay on this machine',
  ],
])('%s', (_why, options, says) => {
  expect(() => visitor(pair, options)).toThrow(says)
})

test('a named route has its bundle below itself', async () => {
  fetch = visitor(pair, { relay: `${pair.url}r/notes` })
  await fetch(target)
  expect(pair.received.map(({ path }) => path)).toEqual(['/r/notes/.well-known/asunder-bundle', '/r/notes'])
})

function remembering(): RollbackMemory {
  let text: string | undefined
  return { load: () => text, save: (next) => void (text = next) }
}
