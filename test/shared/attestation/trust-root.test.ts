/** Trust roots: their rules, their signatures, and who may follow. trust.md 1. */
import { describe, expect, test } from 'vitest'
import { readRootFields, rootJson, type RootFields } from '../../../shared/attestation/root-fields.ts'
import { newestRoot, nextRoot, signRoot, verifyRoot } from '../../../shared/attestation/trust-root.ts'
import { verifierKey } from '../../../shared/tlog/key.ts'
import { generateSigner, generateSigningKey, readSigner, type Signer } from '../../../shared/tlog/signer.ts'
import { codeOf } from '../tlog/code-of.ts'
import { logged, now, operators, rootOf, signedText, without } from './makers.ts'

const people = await operators()
const [ada, bob, cyd] = people.roots as [Signer, Signer, Signer]
const withLogs = { ...people.fields, ...(await logged()) }
const stranger = await generateSigner('stranger.example/key')
const [dee, eve] = [await generateSigner('dee.example/key'), await generateSigner('eve.example/key')]

test('a root comes back as it went, for front alone and for every placement', async () => {
  for (const fields of [people.fields, withLogs]) {
    const note = await signRoot(fields, [ada, cyd])
    expect(note.startsWith('asunder root v1\n{"version":1,"use":"development","notAfter":"')).toBe(true)
    expect(await verifyRoot(note)).toEqual({ ...fields, note })
  }
})

describe('signatures of a root', () => {
  test.each([
    ['two of three', [bob, cyd], 'accepted'],
    ['one of three', [ada], 'unsigned'],
    ['one of three and a stranger', [ada, stranger], 'unsigned'],
    ['one of three and the bundle key', [ada, people.bundle], 'unsigned'],
    ['strangers', [stranger], 'unsigned'],
  ])('%s: %s', async (_, signers, code) => {
    const note = await signRoot(people.fields, signers)
    expect(await codeOf(() => verifyRoot(note))).toBe(code)
  })

  test('a changed text: bad-signature', async () => {
    const note = (await signRoot(people.fields, [ada, bob])).replace('"version":1', '"version":2')
    expect(await codeOf(() => verifyRoot(note))).toBe('bad-signature')
  })

  test('a text of another kind: malformed-note', async () => {
    const note = await signedText('bundle', rootJson(people.fields), [ada, bob])
    expect(await codeOf(() => verifyRoot(note))).toBe('malformed-note')
  })
})

describe('rules', () => {
  const json = rootJson(withLogs) as Record<string, unknown>
  const key = (name: string) => (withLogs as unknown as Record<string, { text: string }[]>)[name]?.[0]?.text ?? ''
  const [log] = withLogs.logs
  const [w1, w2] = withLogs.witnesses
  const cosigner = verifierKey('c', 'cosignature', stranger.key.publicKey).text
  const witness = (operator: string, text = w1?.key.text) => ({ operator, key: text })

  test.each(Object.keys(json))('%s is mandatory', async (name) => {
    expect(await codeOf(() => readRootFields(without(json, name)))).toBe('bad-encoding')
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['an unknown field', { extra: 1 }, 'bad-encoding'],
    ['version 0', { version: 0 }, 'bad-encoding'],
    ['a use that is neither', { use: 'staging' }, 'bad-encoding'],
    ['a sloppy time', { notAfter: '2027-01-01' }, 'bad-encoding'],
    ['no root keys', { rootKeys: [] }, 'bad-encoding'],
    ['no bundle keys', { bundleKeys: [] }, 'bad-encoding'],
    ['no policy keys', { policyKeys: [] }, 'bad-encoding'],
    ['no timestamp keys', { timestampKeys: [] }, 'bad-encoding'],
    ['a root threshold of 0', { rootThreshold: 0 }, 'bad-encoding'],
    ['a policy threshold of 0', { policyThreshold: 0 }, 'bad-encoding'],
    ['a root threshold above the keys', { rootThreshold: 4 }, 'bad-trust-root'],
    ['a policy threshold above the keys', { policyThreshold: 2 }, 'bad-trust-root'],
    ['one key twice in a list', { bundleKeys: [key('bundleKeys'), key('bundleKeys')] }, 'bad-trust-root'],
    ['one key for two tasks', { bundleKeys: [key('policyKeys')] }, 'bad-trust-root'],
    ['a witness key among the bundle keys', { bundleKeys: [w1?.key.text] }, 'bad-trust-root'],
    ['a note key for a witness', { witnesses: [witness('w', stranger.vkey)], quorum: 1 }, 'bad-trust-root'],
    ['a cosignature key for bundles', { bundleKeys: [cosigner] }, 'bad-trust-root'],
    ['a key that is none', { bundleKeys: ['key'] }, 'bad-encoding'],
    ['one witness twice', { witnesses: [witness('a'), witness('b')], quorum: 1 }, 'bad-trust-root'],
    ['no logs', { logs: [] }, 'bad-trust-root'],
    ['no witnesses', { witnesses: [], quorum: 0 }, 'bad-trust-root'],
    ['a log without an origin', { logs: [{ origin: '', key: log?.key.text }] }, 'bad-trust-root'],
    ['a log with more to say', { logs: [{ origin: 'o', key: log?.key.text, url: 'x' }] }, 'bad-encoding'],
    ['a quorum of 0', { quorum: 0 }, 'bad-trust-root'],
    ['a quorum above the operators', { quorum: 4 }, 'bad-trust-root'],
    ['a quorum of one operator twice', { witnesses: [witness('a'), witness('a', w2?.key.text)] }, 'bad-trust-root'],
    ['a vendor root in upper case', { vendorRoots: ['AB'.repeat(32)] }, 'bad-encoding'],
    ['a vendor root twice', { vendorRoots: ['ab'.repeat(32), 'ab'.repeat(32)] }, 'bad-trust-root'],
    ['a negative policy serial', { minPolicySerial: -1 }, 'bad-encoding'],
    ['an unknown chip mode', { chips: 'some' }, 'bad-encoding'],
    ['no placement', { placements: [] }, 'bad-encoding'],
    ['an unknown placement', { placements: ['beside'] }, 'bad-encoding'],
    ['a placement twice', { placements: ['front', 'front'] }, 'bad-trust-root'],
  ])('%s: refused', async (_, change, code) => {
    expect(await codeOf(() => readRootFields({ ...json, ...change }))).toBe(code)
  })

  test('one origin for two logs is refused', async () => {
    const other = { origin: log?.origin, key: stranger.vkey }
    const logs = [...(json['logs'] as unknown[]), other]
    expect(await codeOf(() => readRootFields({ ...json, logs }))).toBe('bad-trust-root')
  })

  test('the same public key under another name is the same key', async () => {
    const alias = verifierKey('alias', 'note', ada.key.publicKey).text
    const rootKeys = [ada.vkey, alias, cyd.vkey]
    expect(await codeOf(() => readRootFields({ ...json, rootKeys }))).toBe('bad-trust-root')
  })

  test('two keys that share name and id are refused: nobody could say which one signed', async () => {
    const same = 'twin.example/key+a91db35c+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    const bundleKeys = [`${same}AE8C`, `${same}Artv`]
    expect(await codeOf(() => readRootFields({ ...json, bundleKeys: bundleKeys.slice(0, 1) }))).toBe('accepted')
    expect(await codeOf(() => readRootFields({ ...json, bundleKeys }))).toBe('bad-trust-root')
  })

  const names = (origin: string, log: string, operator: string, w: string) => ({
    logs: [{ origin, key: verifierKey(log, 'note', dee.key.publicKey).text }],
    witnesses: [witness(operator, verifierKey(w, 'cosignature', eve.key.publicKey).text)],
    quorum: 1,
  })
  test.each([
    ['its origin', names('development-log.invalid/x', 'l', 'o', 'w'), 'bad-trust-root'],
    ['the name of its key', names('log', 'Development-log.invalid/x', 'o', 'w'), 'bad-trust-root'],
    ['the operator of a witness', names('log', 'l', 'DEVELOPMENT', 'w'), 'bad-trust-root'],
    ['the name of a witness key', names('log', 'l', 'o', 'development-witness.invalid/x'), 'bad-trust-root'],
    ['none of the four', names('log', 'l', 'o', 'w'), 'accepted'],
  ])('a production root of a log that says development in %s: %s', async (_, named, code) => {
    expect(await codeOf(() => readRootFields({ ...json, ...named, use: 'production' }))).toBe(code)
    expect(await codeOf(() => readRootFields({ ...json, ...named }))).toBe('accepted')
  })

  test('without logs and witnesses there is only front, and then no quorum', async () => {
    const front = { ...json, logs: [], witnesses: [], placements: ['front'] }
    expect(await codeOf(() => readRootFields({ ...front, quorum: 0 }))).toBe('accepted')
    expect(await codeOf(() => readRootFields({ ...front, quorum: 3 }))).toBe('bad-trust-root')
  })

  test('what readers would refuse is not signed', async () => {
    expect(await codeOf(() => signRoot({ ...people.fields, rootThreshold: 4 }, [ada]))).toBe('bad-trust-root')
  })
})

describe('the next root', () => {
  const turned: RootFields = { ...people.fields, version: 2, rootKeys: [cyd.key, dee.key, eve.key] }

  test.each([
    ['two old, two new', [ada, bob, dee, eve], 'accepted'],
    ['two old of which one stays, and one new', [ada, cyd, eve], 'accepted'],
    ['two old and one new', [ada, bob, dee], 'unsigned'],
    ['one old and two new', [ada, dee, eve], 'unsigned'],
    ['only new', [cyd, dee, eve], 'unsigned'],
    ['only old', [ada, bob], 'unsigned'],
  ])('%s: %s', async (_, signers, code) => {
    const root = await rootOf(people)
    const note = await signRoot(turned, signers)
    expect(await codeOf(() => nextRoot(root, note))).toBe(code)
  })

  test.each<[string, Partial<RootFields>]>([
    ['the same version', { version: 1 }],
    ['a version skipped', { version: 3 }],
    ['another use', { use: 'production' }],
    ['a lower policy serial', { minPolicySerial: 6 }],
  ])('%s: bad-trust-root', async (_, change) => {
    const root = await rootOf({ ...people, fields: { ...people.fields, minPolicySerial: 7 } })
    const note = await signRoot({ ...turned, minPolicySerial: 7, ...change }, [ada, bob, dee, eve])
    expect(await codeOf(() => nextRoot(root, note))).toBe('bad-trust-root')
  })

  test('is made from a verified one by changing it', async () => {
    const root = await rootOf(people)
    const next = await nextRoot(root, await signRoot({ ...root, version: 2, notAfter: now }, [ada, bob]))
    expect(next).toMatchObject({ version: 2, notAfter: now })
  })
})

const signed = (version: number) => signRoot({ ...people.fields, version }, [ada, bob])
const [one, two, three] = await Promise.all([signed(1), signed(2), signed(3)])

describe('a chain of roots', () => {
  test.each([
    ['nothing new', [], 1],
    ['the one we hold', [one], 1],
    ['every later one', [two, three], 3],
    ['ours and every later one', [one, two, three], 3],
  ])('%s', async (_, notes, version) => {
    expect((await newestRoot(await verifyRoot(one), notes)).version).toBe(version)
  })

  test('begins before what we hold', async () => {
    expect((await newestRoot(await verifyRoot(two), [one, two, three])).note).toBe(three)
  })

  test.each([
    ['a gap', [three]],
    ['the wrong order', [two, one]],
    ['one twice', [two, two]],
  ])('%s: bad-trust-root', async (_, notes) => {
    const held = await verifyRoot(one)
    expect(await codeOf(() => newestRoot(held, notes))).toBe('bad-trust-root')
  })

  test('another root of the version that we hold: bad-trust-root', async () => {
    const fork = await signRoot({ ...people.fields, minPolicySerial: 9 }, [ada, bob])
    const held = await verifyRoot(one)
    expect(await codeOf(() => newestRoot(held, [fork]))).toBe('bad-trust-root')
  })

  test('the same root signed by others is the same root', async () => {
    const resigned = await signRoot(people.fields, [bob, cyd])
    expect((await newestRoot(await verifyRoot(one), [resigned])).note).toBe(one)
  })

  test('a successor that nobody signed: unsigned', async () => {
    const held = await verifyRoot(one)
    const forged = await signRoot({ ...people.fields, version: 2 }, [stranger])
    expect(await codeOf(() => newestRoot(held, [forged]))).toBe('unsigned')
  })
})

test('a threshold is not met by one secret under two names', async () => {
  const seed = new Uint8Array(32).fill(3)
  const twins = await Promise.all(
    ['x', 'y'].map(async (name) => readSigner((await generateSigningKey(name, seed)).skey)),
  )
  const fields = { ...people.fields, rootKeys: twins.map(({ key }) => key) }
  expect(await codeOf(() => signRoot(fields, twins))).toBe('bad-trust-root')
})
