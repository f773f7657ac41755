/** Cosignatures of both types: the exact bytes signed, times, lengths, and a runtime that has no ML-DSA. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { concat, fromBase64, fromHex, uint64, utf8, type Bytes } from '../../../shared/bytes.ts'
import { parseCheckpoint } from '../../../shared/tlog/checkpoint.ts'
import { cosign, cosignerFromSeed, verifyCosignature, type CosignatureKind } from '../../../shared/tlog/cosignature.ts'
import { ed25519FromSeed } from '../../../shared/tlog/ed25519.ts'
import { verifierKey } from '../../../shared/tlog/key.ts'
import { mldsaFromSeed } from '../../../shared/tlog/mldsa.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { sharedVectors } from '../../vectors/shared.ts'
import { codeOf } from './code-of.ts'
import { logSigner, noon, noteOf, origin, witness } from './small-log.ts'

const kinds: CosignatureKind[] = ['cosignature', 'mldsaCosignature']
const checkpointOf = (note: string) => parseCheckpoint(parseNote(note).text, [origin])
const checkpoint = checkpointOf(await noteOf(7, []))

/** The signature bytes in a line, without the key id. */
function bytesIn(line: string): Bytes {
  return fromBase64(line.trimEnd().split(' ')[2] ?? '').subarray(4)
}

describe.each(kinds)('%s', (kind) => {
  test('TL-6: verifies and gives its time in whole seconds', async () => {
    const one = await witness('a', 11, kind)
    const signature = bytesIn(await cosign(one, checkpoint, noon + 999))
    expect(await verifyCosignature(one.key, signature, checkpoint)).toBe(noon)
  })

  test.each([
    ['another size', { size: 8 }],
    ['another root', { root: new Uint8Array(32) }],
    ['another origin', { origin: 'other.example' }],
  ])('TL-6: is worth nothing for %s', async (_, change) => {
    const one = await witness('a', 11, kind)
    const signature = bytesIn(await cosign(one, checkpoint, noon))
    const { size, root, origin: name } = { ...checkpoint, ...change }
    const other = { ...checkpoint, ...change, text: `${name}\n${size}\n${root.toBase64()}\n` }
    expect(await codeOf(() => verifyCosignature(one.key, signature, other))).toBe('bad-signature')
  })

  test.each([
    ['another time', (bytes: Bytes) => concat(uint64(noon / 1000 + 1), bytes.subarray(8))],
    ['a byte more', (bytes: Bytes) => concat(bytes, fromHex('00'))],
    ['a byte less', (bytes: Bytes) => bytes.subarray(0, -1)],
    ['a time alone', (bytes: Bytes) => bytes.subarray(0, 8)],
    ['no time', (bytes: Bytes) => bytes.subarray(8)],
  ])('TL-6: %s does not verify', async (_, change) => {
    const one = await witness('a', 11, kind)
    const signature = change(bytesIn(await cosign(one, checkpoint, noon)))
    expect(await codeOf(() => verifyCosignature(one.key, signature, checkpoint))).toBe('bad-signature')
  })

  test.each([
    [0, 'cosignature-without-time'],
    [1, 'accepted'],
    [8_640_000_000_000, 'accepted'],
    [8_640_000_000_001, 'cosignature-from-future'],
  ])('TL-7: well signed for second %i: %s', async (seconds, code) => {
    const one = await witness('a', 11, kind)
    const signature = bytesIn(await cosign(one, checkpoint, seconds * 1000))
    expect(await codeOf(() => verifyCosignature(one.key, signature, checkpoint))).toBe(code)
  })

  test('a seed has 32 bytes, a witness has a name that a note can carry', async () => {
    await expect(cosignerFromSeed('a', kind, new Uint8Array(31))).rejects.toThrow(TypeError)
    await expect(cosignerFromSeed('a b', kind, new Uint8Array(32))).rejects.toThrow(TypeError)
  })
})

test('TL-6: the types sign what their specification lays out', async () => {
  const seed = new Uint8Array(32).fill(11)
  const time = 1_782_864_000
  const text = utf8(`cosignature/v1\ntime ${time}\n${checkpoint.text}`)
  const subtree = concat(
    fromHex('737562747265652f76310a00'),
    fromHex('0b'),
    utf8('a.example/w'),
    uint64(time),
    fromHex('10'),
    utf8(origin),
    uint64(0),
    uint64(7),
    checkpoint.root,
  )
  expect(subtree.subarray(0, 12)).toEqual(utf8('subtree/v1\n\0').subarray(0, 12))
  for (const [kind, pair, message] of [
    ['cosignature', await ed25519FromSeed(seed), text],
    ['mldsaCosignature', await mldsaFromSeed(seed), subtree],
  ] as const) {
    const signature = concat(uint64(time), await pair.sign(message))
    const key = verifierKey('a.example/w', kind, pair.publicKey)
    expect(await verifyCosignature(key, signature, checkpoint)).toBe(time * 1000)
  }
})

test('TL-6: only the newer type knows the witness by name, and only the older one the extension lines', async () => {
  const extended = checkpointOf(await noteOf(7, [], { extensions: ['more'] }))
  for (const [kind, renamed, unextended] of [
    ['cosignature', 'accepted', 'bad-signature'],
    ['mldsaCosignature', 'bad-signature', 'accepted'],
  ] as const) {
    const { key, ...one } = await witness('a', 11, kind)
    const signature = bytesIn(await cosign({ key, ...one }, extended, noon))
    const other = verifierKey('b.example/w', kind, key.publicKey)
    expect(await codeOf(() => verifyCosignature(other, signature, extended))).toBe(renamed)
    expect(await codeOf(() => verifyCosignature(key, signature, checkpoint))).toBe(unextended)
  }
})

test('TL-6: an origin too long for the newer type is not cosigned by it', async () => {
  const { key } = await witness('a', 11, 'mldsaCosignature')
  const long = { ...checkpoint, origin: 'o'.repeat(256) }
  expect(await codeOf(() => verifyCosignature(key, new Uint8Array(8 + 2420), long))).toBe('bad-signature')
})

test("a log's key is no witness", async () => {
  const { key } = await logSigner()
  await expect(verifyCosignature(key, new Uint8Array(72), checkpoint)).rejects.toThrow('is not a key for cosignatures')
})

const vectors = sharedVectors('c2sp-notes') as { cases: Record<string, unknown>[] } | undefined
describe.skipIf(!vectors)('C2SP vectors', () => {
  const seeded = (vectors?.cases ?? []).filter((one) => 'cosignature_times' in one) as {
    id: string
    note: string
    cosignature_times: number[]
    seeds: { w1: string; w2: string }
  }[]
  test('there are some', () => expect(seeded).toHaveLength(3))

  test.each(seeded)(
    'TL-6: $id is cosigned byte for byte as its author did',
    async ({ note, cosignature_times, seeds }) => {
      const { text } = parseNote(note)
      const read = parseCheckpoint(text, ['transparency.example/cvm-images'])
      for (const [at, time] of cosignature_times.entries()) {
        const seed = fromHex([seeds.w1, seeds.w2][at] ?? '')
        const cosigner = await cosignerFromSeed(`witness${at + 1}.example/w`, 'cosignature', seed)
        expect(note).toContain(await cosign(cosigner, read, time * 1000))
      }
    },
  )
})

afterEach(() => void vi.restoreAllMocks())

test.each([0, 7, 8, 71, 73])('TL-6: %i bytes never reach the platform, which might be lenient', async (length) => {
  const { key } = await witness('a', 11)
  vi.spyOn(crypto.subtle, 'verify').mockResolvedValue(true)
  expect(await codeOf(() => verifyCosignature(key, new Uint8Array(length).fill(1), checkpoint))).toBe('bad-signature')
})

describe('a runtime without ML-DSA-44', () => {
  test.each([
    [
      'NotSupportedError',
      new DOMException('Unrecognized algorithm name', 'NotSupportedError'),
      'unsupported-signature',
    ],
    ['a TypeError', new TypeError("'raw-public' is not a key format"), 'unsupported-signature'],
    ['DataError', new DOMException('Invalid keyData', 'DataError'), 'unusable-key'],
  ])('%s is told as %s', async (_, error, code) => {
    const { key } = await witness('a', 11, 'mldsaCosignature')
    const signature = new Uint8Array(8 + 2420)
    vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(error)
    expect(await codeOf(() => verifyCosignature(key, signature, checkpoint))).toBe(code)
    expect(await codeOf(() => cosignerFromSeed('a', 'mldsaCosignature', new Uint8Array(32)))).toBe(code)
  })
})
