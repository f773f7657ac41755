/** Key texts: vkey and skey. C2SP signed-note, and Go's text forms. */
import { describe, expect, test } from 'vitest'
import { base64, concat, utf8 } from '../../../shared/bytes.ts'
import { ed25519FromSeed, ed25519Verifies } from '../../../shared/tlog/ed25519.ts'
import { isKeyName, parseKey, verifierKey } from '../../../shared/tlog/key.ts'
import { generateSigner, generateSigningKey, readSigner } from '../../../shared/tlog/signer.ts'
import { codeOf } from './code-of.ts'

// The key of sum.golang.org, as every Go installation carries it.
const sumdb = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'

test('a vkey is read, and its id is that of name, type and key', () => {
  const key = parseKey(sumdb)
  expect(key).toMatchObject({ name: 'sum.golang.org', id: '033de0ae', kind: 'note', text: sumdb })
  expect(verifierKey(key.name, key.kind, key.publicKey)).toEqual(key)
})

test.each([
  ['nothing', '', 'bad-encoding'],
  ['no name', sumdb.slice('sum.golang.org'.length), 'bad-encoding'],
  ['a space in the name', sumdb.replace('sum.', 'sum '), 'bad-encoding'],
  ['another name', sumdb.replace('sum.', 'sun.'), 'bad-encoding'],
  ['another id', sumdb.replace('033de0ae', '033de0af'), 'bad-encoding'],
  ['an id in upper case', sumdb.replace('033de0ae', '033DE0AE'), 'bad-encoding'],
  ['sloppy base64', `${sumdb}=`, 'bad-encoding'],
  ['an unknown type', sumdb.replace('+Ac4', '+Cc4'), 'unusable-key'],
  ['a key that is too short', `a+00000000+${base64(new Uint8Array(32).fill(1))}`, 'unusable-key'],
  ['a key that is too long', `a+00000000+${base64(new Uint8Array(34).fill(1))}`, 'unusable-key'],
])('a vkey with %s is refused', async (_, text, code) => {
  expect(await codeOf(() => parseKey(text))).toBe(code)
})

test.each([
  ['a', true],
  ['ä.example/ключ', true],
  ['a\ufeffb', true], // no White_Space, though \s of JavaScript takes it for one
  ['', false],
  ['a b', false],
  ['a\u2003b', false],
  ['a\u2028b', false],
  ['a+b', false],
  ['a\u0007b', false],
  ['a\ud800', false],
])('%j as a key name: %s', (name, good) => {
  expect(isKeyName(name)).toBe(good)
})

describe('an skey', () => {
  test('comes back as the signer it was, and its text is the secret of that vkey', async () => {
    const { skey, vkey } = await generateSigningKey('publisher.example/bundle', new Uint8Array(32).fill(9))
    expect(skey).toMatch(/^PRIVATE\+KEY\+publisher\.example\/bundle\+[0-9a-f]{8}\+/)
    const signer = await readSigner(skey)
    expect(signer.vkey).toBe(vkey)
    const signature = await signer.sign(utf8('hello'))
    expect(await ed25519Verifies(parseKey(vkey).publicKey, signature, utf8('hello'))).toBe(true)
    expect(await ed25519Verifies(parseKey(vkey).publicKey, signature, utf8('hullo'))).toBe(false)
  })

  test('is never in the message of its refusal', async () => {
    const { skey } = await generateSigningKey('a')
    await expect(readSigner(skey.replace('PRIVATE', 'private'))).rejects.toThrow(/^not a signing key$/)
    await expect(readSigner(`${skey}=`)).rejects.not.toThrow(skey.slice(-20))
  })

  test.each([
    ['nothing', () => ''],
    ['another id', (skey: string) => skey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
    ['another name', (skey: string) => skey.replace('KEY+a', 'KEY+b')],
    ['a space in the name', (skey: string) => skey.replace('KEY+a', 'KEY+a a')],
    ['another type and the id of the first', (skey: string) => skey.replace(/\+AQ/, '+BA')],
    ['a short seed', () => `PRIVATE+KEY+a+00000000+${base64(concat(Uint8Array.of(1), new Uint8Array(31)))}`],
  ])('with %s is refused', async (_, spoil) => {
    const { skey } = await generateSigningKey('a', new Uint8Array(32).fill(9))
    expect(await codeOf(() => readSigner(spoil(skey)))).toBe('bad-encoding')
  })

  test('two generated signers differ', async () => {
    expect((await generateSigner('a')).vkey).not.toBe((await generateSigner('a')).vkey)
  })
})

test('RFC 8032 §7.1 TEST 1 and 3 come out byte for byte', async () => {
  const rfc = [
    ['9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', ''],
    ['c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7', 'af82'],
  ] as const
  const publicKeys = [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
  ]
  const signatures = [
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ]
  const pairs = await Promise.all(rfc.map(([seed]) => ed25519FromSeed(Uint8Array.fromHex(seed))))
  expect(pairs.map(({ publicKey }) => publicKey.toHex())).toEqual(publicKeys)
  const made = await Promise.all(pairs.map(({ sign }, i) => sign(Uint8Array.fromHex(rfc[i]?.[1] ?? ''))))
  expect(made.map((signature) => signature.toHex())).toEqual(signatures)
})
