/** Bundles: whose signature, which placement, until when, and never back. trust.md 2 and 3. */
import { describe, expect, test } from 'vitest'
import { bundleJson, cvmId, readBundleFields } from '../../../shared/attestation/bundle-fields.ts'
import { maxBundle, signBundle, verifyBundle, type AttestedBundle } from '../../../shared/attestation/bundle.ts'
import { signRoot, type Placement } from '../../../shared/attestation/trust-root.ts'
import { hex, utf8 } from '../../../shared/bytes.ts'
import { generateSigner, type Signer } from '../../../shared/tlog/signer.ts'
import { codeOf } from '../tlog/code-of.ts'
import { frontBundle, hour, logged, now, operators, rootOf, signedText, without } from './makers.ts'

const people = await operators(await logged())
const [ada, bob, cyd] = people.roots as [Signer, Signer, Signer]
const root = await rootOf(people)
const stranger = await generateSigner('stranger.example/key')
const asked = { root, placement: 'front', now } as const

test('a front bundle comes back as it went, from text or bytes', async () => {
  const note = await signBundle(frontBundle(), [people.bundle])
  expect(
    note.startsWith('asunder bundle v1\n{"serial":5,"placement":"front","notBefore":"2026-11-22T11:00:00Z",'),
  ).toBe(true)
  const verified = await verifyBundle({ ...asked, note })
  expect(verified).toEqual({ bundle: frontBundle(), root })
  expect(await verifyBundle({ ...asked, note: utf8(note) })).toEqual(verified)
})

describe('signature', () => {
  test.each([
    ['a stranger', stranger, 'unsigned'],
    ['a root key', ada, 'unsigned'],
  ])('of %s: %s', async (_, signer, code) => {
    const note = await signBundle(frontBundle(), [signer])
    expect(await codeOf(() => verifyBundle({ ...asked, note }))).toBe(code)
  })

  test('over other bytes: bad-signature', async () => {
    const note = (await signBundle(frontBundle(), [people.bundle])).replace('"serial":5', '"serial":6')
    expect(await codeOf(() => verifyBundle({ ...asked, note }))).toBe('bad-signature')
  })

  test('over a text of another kind: malformed-note', async () => {
    const note = await signedText('root', bundleJson(frontBundle()), [people.bundle])
    expect(await codeOf(() => verifyBundle({ ...asked, note }))).toBe('malformed-note')
  })

  test('bytes that are not UTF-8: bad-encoding', async () => {
    const note = utf8(await signBundle(frontBundle(), [people.bundle]))
    note[40] = 0xff
    expect(await codeOf(() => verifyBundle({ ...asked, note }))).toBe('bad-encoding')
  })
})

describe('size', () => {
  test('over 4 MiB: body-too-large, made or received', async () => {
    const keys = new Uint8Array(maxBundle * 0.75)
    expect(await codeOf(() => signBundle(frontBundle({ keys }), [people.bundle]))).toBe('body-too-large')
    expect(await codeOf(() => verifyBundle({ ...asked, note: ' '.repeat(maxBundle + 1) }))).toBe('body-too-large')
  })

  test('just below 4 MiB is read', async () => {
    const keys = new Uint8Array(maxBundle * 0.75 - 1024)
    const note = await signBundle(frontBundle({ keys }), [people.bundle])
    expect((await verifyBundle({ ...asked, note })).bundle.keys.length).toBe(keys.length)
  })
})

describe('placement', () => {
  test.each<Placement>(['inside', 'sealed'])('front where %s was named: placement-mismatch', async (placement) => {
    const note = await signBundle(frontBundle(), [people.bundle])
    expect(await codeOf(() => verifyBundle({ ...asked, placement, note }))).toBe('placement-mismatch')
  })

  test.each(['inside', 'sealed'] as const)('%s where front was named: placement-mismatch', async (placement) => {
    const note = await signBundle(attestedBundle({ placement }), [people.bundle])
    expect(await codeOf(() => verifyBundle({ ...asked, note }))).toBe('placement-mismatch')
  })

  test.each(['inside', 'sealed'] as const)('%s as named is appraised: its policy comes first', async (placement) => {
    const note = await signBundle(attestedBundle({ placement }), [people.bundle])
    expect(await codeOf(() => verifyBundle({ ...asked, placement, note }))).toBe('malformed-note')
  })

  test('one that the root does not allow: placement-mismatch', async () => {
    const sealedOnly = await rootOf({ ...people, fields: { ...people.fields, placements: ['sealed'] } })
    const note = await signBundle(frontBundle(), [people.bundle])
    expect(await codeOf(() => verifyBundle({ ...asked, root: sealedOnly, note }))).toBe('placement-mismatch')
  })
})

describe('time', () => {
  const { notBefore, notAfter } = frontBundle()
  test.each([
    ['one moment early', notBefore - 1, 'bundle-expired'],
    ['at its begin', notBefore, 'accepted'],
    ['in its last moment', notAfter - 1, 'accepted'],
    ['at its end', notAfter, 'bundle-expired'],
  ])('%s: %s', async (_, moment, code) => {
    const note = await signBundle(frontBundle(), [people.bundle])
    expect(await codeOf(() => verifyBundle({ ...asked, now: moment, note }))).toBe(code)
  })

  test.each([
    ['24 h', 24 * hour, 'accepted'],
    ['a second more', 24 * hour + 1000, 'bundle-expired'],
    ['no time', 0, 'bundle-expired'],
    ['less than no time', -1000, 'bundle-expired'],
  ])('a life of %s: %s', async (_, life, code) => {
    const bundle = frontBundle({ notBefore: now, notAfter: now + life })
    const note = await signedText('bundle', bundleJson(bundle), [people.bundle])
    expect(await codeOf(() => verifyBundle({ ...asked, note }))).toBe(code)
    expect(await codeOf(() => signBundle(bundle, [people.bundle]))).toBe(code)
  })

  test('past the root: root-expired', async () => {
    const old = await rootOf({ ...people, fields: { ...people.fields, notAfter: now } })
    const note = await signBundle(frontBundle(), [people.bundle])
    expect(await codeOf(() => verifyBundle({ ...asked, root: old, note }))).toBe('root-expired')
    expect(await codeOf(() => verifyBundle({ ...asked, root: old, now: now - 1, note }))).toBe('accepted')
  })
})

test.each([
  [4, 'accepted'],
  [5, 'accepted'],
  [6, 'rolled-back'],
])('serial 5 after %i: %s', async (lastSerial, code) => {
  const note = await signBundle(frontBundle(), [people.bundle])
  expect(await codeOf(() => verifyBundle({ ...asked, lastSerial, note }))).toBe(code)
})

const newcomer = await generateSigner('newcomer.example/bundle')
const secondFields = { ...people.fields, version: 2, bundleKeys: [newcomer.key] }
const second = await signRoot(secondFields, [ada, bob])

describe('roots', () => {
  test('the newest root says whose signature counts, and is returned to be remembered', async () => {
    const note = await signBundle(frontBundle({ roots: [second] }), [newcomer])
    const verified = await verifyBundle({ ...asked, note })
    expect(verified.root).toEqual({ ...secondFields, note: second })
  })

  test('a bundle key that the newest root dropped: unsigned', async () => {
    const note = await signBundle(frontBundle({ roots: [second] }), [people.bundle])
    expect(await codeOf(() => verifyBundle({ ...asked, note }))).toBe('unsigned')
  })

  test('a new bundle key without its root: unsigned', async () => {
    const note = await signBundle(frontBundle(), [newcomer])
    expect(await codeOf(() => verifyBundle({ ...asked, note }))).toBe('unsigned')
  })

  test('a root that strangers signed brings no key in: unsigned', async () => {
    const forged = await signRoot(secondFields, [cyd, stranger])
    const note = await signBundle(frontBundle({ roots: [forged] }), [newcomer])
    expect(await codeOf(() => verifyBundle({ ...asked, note }))).toBe('unsigned')
  })

  test('an old root may have ended once a living one followed it', async () => {
    const ended = await rootOf({ ...people, fields: { ...people.fields, notAfter: now - hour } })
    const note = await signBundle(frontBundle({ roots: [second] }), [newcomer])
    expect(await codeOf(() => verifyBundle({ ...asked, root: ended, note }))).toBe('accepted')
  })
})

describe('fields', () => {
  const front = bundleJson(frontBundle()) as Record<string, unknown>
  const sealed = bundleJson(attestedBundle()) as Record<string, unknown>
  const [cvm] = sealed['cvms'] as [Record<string, unknown>]

  test.each(Object.keys(front))('front: %s is mandatory', async (name) => {
    expect(await codeOf(() => readBundleFields(without(front, name)))).toBe('bad-encoding')
  })

  test.each(Object.keys(sealed))('sealed: %s is mandatory', async (name) => {
    expect(await codeOf(() => readBundleFields(without(sealed, name)))).toBe('bad-encoding')
  })

  test.each(Object.keys(cvm))('sealed: cvms[0].%s is mandatory', async (name) => {
    expect(await codeOf(() => readBundleFields({ ...sealed, cvms: [without(cvm, name)] }))).toBe('bad-encoding')
  })

  test.each<[string, unknown, string]>([
    ['no object', null, 'bad-encoding'],
    ['a list', [], 'bad-encoding'],
    ['a placement that is none', { ...front, placement: 'beside' }, 'bad-encoding'],
    ['an unknown field', { ...front, extra: 1 }, 'bad-encoding'],
    ['a front bundle with cvms', { ...front, cvms: [] }, 'bad-encoding'],
    ['serial 0', { ...front, serial: 0 }, 'bad-encoding'],
    ['no keys', { ...front, keys: '' }, 'bad-encoding'],
    ['sloppy base64', { ...front, keys: 'AAECAx==' }, 'bad-encoding'],
    ['65 roots', { ...front, roots: Array(65).fill('x') }, 'bad-encoding'],
    ['a root that is no text', { ...front, roots: [{}] }, 'bad-encoding'],
    ['no cvm', { ...sealed, cvms: [] }, 'bad-encoding'],
    ['a cvm of an unknown layer', { ...sealed, cvms: [{ ...cvm, layer: 'middle' }] }, 'bad-encoding'],
    ['a cvm with more to say', { ...sealed, cvms: [{ ...cvm, extra: 1 }] }, 'bad-encoding'],
    ['an id of another key', { ...sealed, cvms: [{ ...cvm, id: '0'.repeat(16) }] }, 'bundle-mismatch'],
    ['one key twice', { ...sealed, cvms: [cvm, cvm] }, 'bundle-mismatch'],
    ['a key that ends first', { ...sealed, cvms: [{ ...cvm, notAfter: sealed['notBefore'] }] }, 'bundle-expired'],
  ])('%s: refused', async (_, value, code) => {
    expect(await codeOf(() => readBundleFields(value))).toBe(code)
  })

  test('a sealed bundle comes back as it went', () => {
    expect(readBundleFields(sealed)).toEqual(attestedBundle())
  })
})

function attestedBundle(changes: Partial<AttestedBundle> = {}): AttestedBundle {
  const keyConfig = Uint8Array.of(9, 8, 7)
  const { serial, notBefore, notAfter, keys, roots } = frontBundle()
  const report = Uint8Array.of(1)
  const evidence = { kind: 'sev-snp', report, endorsements: [report], collateral: null } as const
  const texts = { policy: 'policy note', policyProof: 'proof', statement: 'statement note' }
  const policySha256 = hex(new Uint8Array(32))
  const proofs = { anchor: 'checkpoint note', policySha256, proof: 'proof' }
  const cvm = { id: cvmId(keyConfig), layer: 'inner', keyConfig, evidence, notBefore, notAfter, ...proofs } as const
  return { serial, placement: 'sealed', notBefore, notAfter, keys, roots, ...texts, cvms: [cvm], ...changes }
}
