import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFileKeyStore, readPrivate } from '../../gateway/key-store.ts'
import { emptyRing, turn } from '../../gateway/keyring.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'keys-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const privateKey = Uint8Array.from({ length: 32 }, (_, i) => 255 - i)
const { ring } = turn(emptyRing, 5_000, { lead: 1, life: 2, overlap: 3 }, () => [{ kemId: 0x0020, privateKey }])

test('a key store gives back what it was given', () => {
  const store = createFileKeyStore(join(folder, 'keys.json'))
  expect(store.load()).toBeUndefined()
  store.save(ring)
  expect(store.load()).toEqual(ring)
})

test('a key that was not made to be kept cannot be kept', () => {
  const { ring: secret } = turn(emptyRing, 5_000, { lead: 1, life: 2, overlap: 3 }, () => [{ kemId: 0x0020 }])
  expect(() => createFileKeyStore(join(folder, 'keys.json')).save(secret)).toThrow(TypeError)
  expect(readdirSync(folder)).toEqual([])
})

test('keys survive a restart in one file that only its owner reads', () => {
  const file = join(folder, 'keys.json')
  createFileKeyStore(file).save(ring)
  createFileKeyStore(file).save(ring)
  expect(createFileKeyStore(file).load()).toEqual(ring)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['keys.json'])
})

test('a file that others may read is refused, not tightened', () => {
  const file = join(folder, 'keys.json')
  createFileKeyStore(file).save(ring)
  chmodSync(file, 0o640)
  expect(() => createFileKeyStore(file).load()).toThrow(expect.objectContaining({ code: 'insecure-configuration' }))
  expect(() => readPrivate(file)).toThrow('open to others')
})

test.each([
  '',
  '{',
  '{"version":2,"recentIds":[],"generations":[]}',
  '{"version":1,"recentIds":[300],"generations":[]}',
])('a damaged file (%j) stops the gateway and is left alone', (text) => {
  const file = join(folder, 'keys.json')
  writeFileSync(file, text, { mode: 0o600 })
  expect(() => createFileKeyStore(file).load()).toThrow(expect.objectContaining({ code: 'bad-encoding' }))
  expect(readFileSync(file, 'utf8')).toBe(text)
})

test('a damaged file is not quoted: its octets are keys', () => {
  const file = join(folder, 'keys.json')
  createFileKeyStore(file).save(ring)
  const whole = readFileSync(file, 'utf8')
  const secret = Buffer.from(privateKey).toString('base64')
  const begins = whole.indexOf(secret)
  for (const text of [
    secret,
    `"${secret}`,
    whole.slice(begins - 1),
    whole.slice(0, begins + 20),
    whole.replace('"', secret),
  ]) {
    writeFileSync(file, text, { mode: 0o600 })
    const said = messagesOf(() => createFileKeyStore(file).load())
    expect(said).toContain('put back a copy')
    for (let at = 0; at + 4 <= secret.length; at++) expect(said).not.toContain(secret.slice(at, at + 4))
  }
})

function messagesOf(work: () => unknown): string {
  try {
    return String(work())
  } catch (error) {
    return inspect(error)
  }
}
