/** A canary is found however it was written down, wherever it lies, and nothing else is taken for one. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import {
  documentationAddress,
  loopbackAddress,
  mark,
  readCanaries,
  writeCanaries,
  type Canary,
} from '../../leaktest/canary/canaries.ts'
import { encodingsOf } from '../../leaktest/canary/encodings.ts'
import { createScanner } from '../../leaktest/canary/scan.ts'

const folder = mkdtempSync(join(tmpdir(), 'canary-'))
afterAll(() => rmSync(folder, { recursive: true }))

const cookie: Canary = {
  id: 'c1.cookie',
  field: 'F06',
  kind: 'text',
  value: 'lktcookie00112233445566778899aabbccddeeff',
}
const ip: Canary = { id: 'c1.ip', field: 'F01', kind: 'ip4', value: '127.20.30.40' }
const ip6: Canary = { id: 'c1.ip6', field: 'F01', kind: 'ip6', value: '2001:db8:1111:2222:3333:4444:5555:6666' }
const odd: Canary = { id: 'v.error', field: 'F18', kind: 'text', value: 'lkterr "0011"\n<é>' }
const enc: Canary = { id: 'r.enc', field: 'F12', kind: 'octets', value: '00ff414243d0e0f0112233445566778899' }
const scanner = createScanner([cookie, ip, ip6, odd, enc])
const found = (text: string | Buffer): string[] => scanner.scan(Buffer.from(text)).map(({ canary }) => canary.id)

describe('a text is found', () => {
  const { value } = cookie
  test.each([
    ['as it is', `x=${value};`],
    ['in capitals', value.toUpperCase()],
    ['in hex', Buffer.from(value).toString('hex')],
    ['in base64', Buffer.from(value).toString('base64')],
    ['in base64 after one octet', Buffer.from(`a${value}bc`).toString('base64')],
    ['in base64url after two', Buffer.from(`ab${value}cd`).toString('base64url')],
    ['as UTF-16', Buffer.from(value, 'utf16le')],
    ['as octets in a list', JSON.stringify([...Buffer.from(value)])],
    [
      'with escapes of JSON',
      Array.from(value)
        .map((c) => `\\u00${c.charCodeAt(0).toString(16).toUpperCase()}`)
        .join(''),
    ],
    [
      'as HTML',
      Array.from(value)
        .map((c) => `&#${c.charCodeAt(0)};`)
        .join(''),
    ],
    ['as its MD5', createHash('md5').update(value).digest('hex')],
    ['as the beginning of its SHA-256', createHash('sha256').update(value).digest('hex').slice(0, 8)],
    ['as its SHA-1 in base64', createHash('sha1').update(value).digest('base64')],
    ['as the octets of its SHA-256', createHash('sha256').update(value).digest()],
    ['in gzip', gzipSync(`${'z'.repeat(300)}${value}`)],
    ['in gzip inside of something', Buffer.concat([randomBytes(99), gzipSync(`now ${value}`)])],
    ['in brotli', brotliCompressSync(`a ${value}`)],
    ['in zstd', zstdCompressSync(Buffer.from(`a ${value}`))],
    ['in zlib', deflateSync(`a ${value}`)],
    ['in gzip in gzip', gzipSync(gzipSync(value))],
  ])('%s', (_, text) => {
    expect(new Set(found(text))).toEqual(new Set(['c1.cookie']))
  })

  test.each([
    ['quoted in JSON', JSON.stringify({ m: odd.value })],
    ['in percent signs', encodeURIComponent(odd.value)],
  ])('with line ends and quotes, %s', (_, text) => expect(found(text)).toContain('v.error'))
})

test.each([
  ['as it is', '127.20.30.40:5123'],
  ['as a number', '2132024872'],
  ['as a number in the other order', '673059967'],
  ['in hex', '7f141e28'],
  ['mapped', '::ffff:127.20.30.40'],
  ['mapped, in hex', '::ffff:7f14:1e28'],
  ['as a reverse name', '40.30.20.127.in-addr.arpa'],
  ['with dashes', 'ip-127-20-30-40.internal'],
  ['as its network', '127.20.30.0/24'],
  ['as its SHA-256', createHash('sha256').update('127.20.30.40').digest('hex')],
])('an IPv4 address is found %s', (_, text) => expect(found(text)).toContain('c1.ip'))

test.each([
  ['as it is', '[2001:DB8:1111:2222:3333:4444:5555:6666]'],
  ['whole', '2001:0db8:1111:2222:3333:4444:5555:6666'],
  ['as its network', '2001:db8:1111::/48'],
  ['as a reverse name', '6.6.6.6.5.5.5.5.4.4.4.4.3.3.3.3.2.2.2.2.1.1.1.1.8.b.d.0.1.0.0.2.ip6.arpa'],
  ['as octets', Buffer.from('20010db8111122223333444455556666', 'hex')],
])('an IPv6 address is found %s', (_, text) => expect(found(text)).toContain('c1.ip6'))

test.each([
  ['as they are', Buffer.from(`aa${enc.value}bb`, 'hex')],
  ['in hex', enc.value.toUpperCase()],
  ['in base64', Buffer.from(`${enc.value}aabb`, 'hex').toString('base64')],
  ['as their SHA-256', createHash('sha256').update(Buffer.from(enc.value, 'hex')).digest('hex')],
])('octets are found %s', (_, text) => expect(found(text)).toEqual(['r.enc']))

test.each([
  ['octets that differ only as capitals differ', Buffer.from(enc.value.replace('414243', '616263'), 'hex')],
  ['noise', randomBytes(4 << 20)],
  ['noise in hex', randomBytes(1 << 20).toString('hex')],
  ['noise in base64', randomBytes(1 << 20).toString('base64')],
  ['another address of this machine', '127.0.0.1:443 127.20.31.40 127.2.30.40'],
  ['the same base64 in other capitals', Buffer.from(cookie.value).toString('base64').toLowerCase()],
  ['another canary', 'lktcookie10112233445566778899aabbccddeeff'],
])('nothing is found in %s', (_, text) => expect(found(text)).toEqual([]))

test('a file is searched in pieces, and what lies across two of them is found once, where it is', async () => {
  const path = join(folder, 'big.log')
  const noise = randomBytes(17 << 20)
  const places = [5, (8 << 20) - 10, (16 << 20) - 1]
  for (const place of places) noise.write(cookie.value, place)
  writeFileSync(path, noise)
  const hits = await scanner.scanFile(path)
  expect(hits.map(({ offset, encoding }) => [offset, encoding])).toEqual(places.map((place) => [place, 'raw']))
})

test('marks and addresses are fresh, ours, and of nobody else', () => {
  expect(mark('ua', randomBytes)).toMatch(/^lktua[0-9a-f]{32}$/)
  expect(mark('ua', randomBytes)).not.toBe(mark('ua', randomBytes))
  expect(() => mark('no such', randomBytes)).toThrow(TypeError)
  for (let i = 0; i < 200; i++) {
    expect(loopbackAddress(randomBytes)).toMatch(/^127\.(1[6-9]|[2-9]\d|1\d\d|2[0-4]\d|25[0-4])(\.\d{2,3}){2}$/)
    expect(documentationAddress(randomBytes)).toMatch(/^2001:db8(:[1-9a-f][0-9a-f]{3}){6}$/)
  }
})

test('every encoding of a canary is long enough to be told from chance', () => {
  for (const canary of [cookie, ip, ip6, odd, enc]) {
    expect(encodingsOf(canary).length).toBeGreaterThan(15)
    expect(encodingsOf(canary).every(({ pattern }) => pattern.length >= 8)).toBe(true)
  }
})

describe('the file of a run', () => {
  test('comes back as it went, without secrets', () => {
    const secret: Canary = { id: 'g.key', field: 'F29', kind: 'text', value: 'do not write me down', secret: true }
    const text = writeCanaries('run-1', [cookie, ip, secret])
    expect(text).not.toContain(secret.value)
    expect(readCanaries(text)).toEqual({ version: 1, run: 'run-1', canaries: [cookie, ip] })
  })

  test.each([
    ['no JSON', 'lkt'],
    ['another version', JSON.stringify({ version: 2, run: 'r', canaries: [cookie] })],
    ['an unknown member', JSON.stringify({ version: 1, run: 'r', canaries: [{ ...cookie, more: 1 }] })],
    ['an empty list', JSON.stringify({ version: 1, run: 'r', canaries: [] })],
    ['a value that chance would find', JSON.stringify({ version: 1, run: 'r', canaries: [{ ...cookie, value: 'a' }] })],
  ])('is refused with %s', (_, text) => expect(() => readCanaries(text)).toThrow(/^not a list of canaries/))
})
