import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createBundle } from '../../gateway/bundles.ts'
import { publication } from '../../gateway/publication.ts'
import { loadBundle, publish } from '../../gateway/publish.ts'
import { signBundle, verifyBundle } from '../../shared/attestation/bundle.ts'
import { verifyRoot } from '../../shared/attestation/trust-root.ts'
import { serializeKeyConfigs } from '../../shared/ohttp/key-config.ts'
import { generateSigningKey, readSigner, type Signer } from '../../shared/tlog/signer.ts'
import { newKey, start } from './town.ts'
import { developmentRoot } from './trust.ts'

const hour = 3_600_000
let folder = ''
let clock = start
let signer: Signer
let skey = ''
beforeEach(async () => {
  clock = start
  folder = mkdtempSync(join(tmpdir(), 'publish-'))
  skey = (await generateSigningKey('publisher')).skey
  signer = await readSigner(skey)
})
afterEach(() => rmSync(folder, { recursive: true }))

const file = () => join(folder, 'bundle.note')
const now = () => clock
const options = () => ({ file: file(), signer, roots: [], now })
const listOf = (keyId = 1, until = start + 14 * hour) =>
  publication('application/ohttp-keys', serializeKeyConfigs([newKey(keyId).config]), start, until)

describe('publish', () => {
  test('K-6: a client with the trust root verifies the bundle and finds the list in it', async () => {
    const list = listOf()
    expect(await publish(list, options())).toBe(true)
    const note = readFileSync(file(), 'utf8')
    const { bundle } = await verifyBundle({
      note,
      root: await verifyRoot(await developmentRoot(signer, start + 90 * 24 * hour)),
      placement: 'front',
      now: clock,
    })
    expect(bundle).toMatchObject({ serial: 1, placement: 'front', keys: list.bytes, roots: [] })
    expect(bundle.notAfter).toBe(list.until)
    expect(statSync(file()).mode & 0o777).toBe(0o644)
  })

  test('CONS-6: what says the same is not signed again; a change raises the serial by one', async () => {
    const list = listOf()
    await publish(list, options())
    const first = readFileSync(file(), 'utf8')
    clock += hour
    expect(await publish(list, options())).toBe(false)
    expect(readFileSync(file(), 'utf8')).toBe(first)
    await publish(listOf(2), options())
    expect(loadBundle(file(), clock).serial).toBe(2)
    await publish(listOf(3), options())
    expect(loadBundle(file(), clock).serial).toBe(3)
  })

  test('a bundle lives for at most a day and never longer than its keys', async () => {
    await publish(listOf(1, start + 90 * hour), options())
    expect(loadBundle(file(), clock).bundle.until - start).toBeLessThanOrEqual(24 * hour)
    await publish(listOf(2, start + hour), options())
    expect(loadBundle(file(), clock).bundle.until).toBe(start + hour)
  })

  test('one that ended is signed anew though it says the same', async () => {
    const list = listOf(1, start + 90 * hour)
    await publish(list, options())
    clock += 25 * hour
    expect(await publish(list, options())).toBe(true)
    expect(loadBundle(file(), clock).serial).toBe(2)
  })

  test('the serial never falls, though the bundle is lost', async () => {
    for (const keyId of [1, 2, 3]) await publish(listOf(keyId), options())
    rmSync(file())
    await publish(listOf(4), options())
    expect(loadBundle(file(), clock).serial).toBe(4)
    writeFileSync(`${file()}.serial`, 'x')
    await expect(publish(listOf(5), options())).rejects.toMatchObject({ code: 'bad-encoding' })
  })
})

describe('the bundle that is served', () => {
  const events: [string, unknown][] = []
  const world = () => ({
    now,
    path: (name: string) => join(folder, name),
    file: (name: string) => readFileSync(join(folder, name)),
    log: (_level: string, event: string, ...[fields]: unknown[]) => void events.push([event, fields]),
  })
  const settings = (more = {}) => ({ file: 'bundle.note', roots: [], ...more })
  beforeEach(() => void (events.length = 0))

  test('a publisher signs and serves the bytes of the file; a replica serves what it finds', async () => {
    writeFileSync(join(folder, 'key'), `${skey}\n`, { mode: 0o600 })
    const publisher = await createBundle(settings({ signer: 'key' }), world())
    const replica = await createBundle(settings(), world())
    await replica.refresh(listOf())
    expect([replica.read(), events]).toEqual([undefined, [['bundle-failed', { why: 'unexpected' }]]])
    await publisher.refresh(listOf())
    await replica.refresh(listOf())
    expect(replica.read()?.bytes).toEqual(Uint8Array.from(readFileSync(file())))
    expect(replica.read()?.etag).toBe(publisher.read()?.etag)
  })

  test('the same bytes keep the moment from which their age counts', async () => {
    writeFileSync(join(folder, 'key'), skey, { mode: 0o600 })
    const publisher = await createBundle(settings({ signer: 'key' }), world())
    const list = listOf()
    await publisher.refresh(list)
    clock += 60_000
    await publisher.refresh(list)
    expect(publisher.read()?.since).toBe(start)
  })

  test('an older serial in the file is refused, and what ended is not served', async () => {
    writeFileSync(join(folder, 'key'), skey, { mode: 0o600 })
    const publisher = await createBundle(settings({ signer: 'key' }), world())
    await publisher.refresh(listOf(1))
    const first = readFileSync(file())
    await publisher.refresh(listOf(2))
    const replica = await createBundle(settings(), world())
    await replica.refresh(undefined)
    const served = replica.read()
    writeFileSync(file(), first)
    await replica.refresh(undefined)
    expect([replica.read(), events.at(-1)]).toEqual([served, ['bundle-failed', { why: 'rolled-back' }]])
    clock += 24 * hour
    expect(replica.read()).toBeUndefined()
  })

  test('a bundle of another placement is not ours to serve', async () => {
    const made = {
      serial: 1,
      placement: 'front',
      notBefore: start,
      notAfter: start + hour,
      keys: listOf().bytes,
      roots: [],
    } as const
    const note = await signBundle(made, [signer])
    writeFileSync(file(), note.replace('"front"', '"inside"'))
    expect(() => loadBundle(file(), clock)).toThrow()
    expect(existsSync(`${file()}.serial`)).toBe(false)
  })

  test('a signing key that others may read is refused', async () => {
    writeFileSync(join(folder, 'key'), skey, { mode: 0o644 })
    await expect(createBundle(settings({ signer: 'key' }), world())).rejects.toMatchObject({
      code: 'insecure-configuration',
    })
  })
})
