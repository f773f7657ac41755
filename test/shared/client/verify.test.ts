/** `asunder verify` on bundles that hold or are told to lie: every check with its result; and how it may be called. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { AttestedBundle, CvmEntry } from '../../../shared/attestation/bundle.ts'
import { fleet, keyBytes, type EntryChanges, type Fleet } from '../attestation/fleet.ts'
import { now } from '../attestation/makers.ts'
import { policyJson } from '../attestation/policies.ts'
import { hostileRelay } from './monitor/deployment.ts'
import { operator, startOfTest } from './operator.ts'
import { found, run, type Files } from './verify-run.ts'

const [minute, hour] = [60_000, 3_600_000]

describe('a bundle', () => {
  let ships: Fleet
  let entry: CvmEntry
  beforeAll(async () => {
    ships = await fleet({ at: now })
    entry = await ships.entry(keyBytes('one'))
  })
  const files = (note: string): Files => ({
    bundle: note,
    'root.note': ships.rootNote,
    leave: JSON.stringify(ships.allowSimulated),
  })
  const args = ['bundle', '--trust', 'root.note', '--placement', 'sealed', '--allow-simulated', 'leave']

  test('that holds: every check is told with what it found, and until when it may be used', async () => {
    const note = await ships.signed(await ships.bundle([entry]))
    const { exit, out } = await run(args, files(note))
    expect(exit).toBe(0)
    expect(out.match(/^ {2}ok {7}/gm)).toHaveLength(15)
    expect(out).toContain('serial 42, signed by')
    expect(out).toContain(`key ${entry.id}\n`)
    expect(out).toContain(ships.allowSimulated.measurement)
    expect(out).toContain('not verified  hardware, firmware, chip: the evidence is simulated')
    expect(out).not.toContain('who signed it')
    expect(out).not.toContain('release in the log')
    expect(out).toContain('not verified  release: whether a log knows this image')
    expect(out).toContain(`all checks held; usable until ${new Date(entry.notAfter).toISOString()}`)
    const { examined } = await found(args, files(note))
    expect(examined).toMatchObject({ ok: true, usableUntil: entry.notAfter })
    expect(examined.checks.map(({ result }) => result)).not.toContain('refused')
  })

  type Broken = [string, () => Promise<string>, (readonly [string, string])[]]
  const bundled = async (changes: Partial<AttestedBundle>, cvm: EntryChanges = {}) =>
    ships.signed(await ships.bundle([await ships.entry(keyBytes('one'), cvm)], changes))
  const both = (name: string, code: string) => [[name, code] as const, ['all together', code] as const]

  test.each<Broken>([
    [
      'changed after signing',
      async () => (await bundled({})).replace('"serial":7', '"serial":8'),
      both('signature', 'bad-signature'),
    ],
    [
      'that ended',
      () => bundled({ notBefore: now - 2 * hour, notAfter: now - hour }),
      both('validity', 'bundle-expired'),
    ],
    ['whose policy has no proof', () => bundled({ policyProof: '' }), both('policy in the log', 'no-proof')],
    [
      'whose policy is none',
      async () => bundled({ policy: (await ships.notes()).statement }),
      both('policy', 'unsigned'),
    ],
    [
      'whose policy was replaced',
      async () => bundled(await ships.notes({ serial: 41, stated: 42 })),
      both('statement', 'rolled-back'),
    ],
    [
      'whose key lives too long',
      () => bundled({}, { said: { notAfter: now - 5 * minute + hour + 1000 } }),
      both('key life', 'key-expired'),
    ],
    [
      'whose anchor is old',
      async () => bundled({}, { said: { anchor: await ships.anchor(now - 99 * hour) } }),
      both('anchor', 'cosignature-too-old'),
    ],
    [
      'whose evidence is of another role',
      () => bundled({}, { bound: { role: 'other' } }),
      both('binding', 'binding-mismatch'),
    ],
    [
      'whose simulated evidence comes with a proof',
      async () => bundled({}, { said: { proof: (await ships.notes()).policyProof } }),
      both('release in the log', 'bundle-mismatch'),
    ],
    [
      'with fewer machines than the policy wants',
      async () => bundled(await ships.notes({ more: { snp: { minCvms: 2 } } })),
      [['all together', 'too-few-machines']],
    ],
  ])('%s', async (_what, make, refused) => {
    const one = await found(args, files(await make()))
    expect([one.exit, one.examined.ok, one.refused]).toEqual([1, false, refused])
    expect(one.examined.usableUntil).toBeUndefined()
  })

  test('what stands behind a refusal is called neither good nor bad', async () => {
    const noPolicy = await found(args, files(await bundled({ policy: 'x' })))
    expect(noPolicy.open).toEqual([
      'statement',
      'policy in the log',
      'key life',
      'anchor',
      'evidence',
      'release in the log',
    ])
    const stranger = await found(args.toSpliced(-2), files(await bundled({})))
    expect(stranger.refused[0]).toEqual(['allowed at all', 'simulated-not-allowed'])
    expect(stranger.open).toEqual(['form', 'chain', 'signature', 'image', 'binding', 'release in the log'])
  })

  test('of another placement than the one that is named', async () => {
    const one = await found(args.with(4, 'inside'), files(await bundled({})))
    expect(one.refused).toEqual(both('placement', 'placement-mismatch'))
  })

  test('of front says that nobody here saw the CVM', async () => {
    const people = await operator()
    const files = { bundle: await people.bundle({ keys: Uint8Array.of(1) }), 'root.note': people.root }
    const front = ['bundle', '--trust', 'root.note', '--placement', 'front']
    const { exit, examined } = await found(front, files, startOfTest)
    expect([exit, examined.checks.length]).toEqual([0, 4])
    expect(examined.notVerified).toContainEqual(expect.stringContaining('whose operator is trusted'))
  })

  test('whose parts cannot be kept says where', async () => {
    const nowhere = { writeFile: () => Promise.reject(new Error('ENOENT')) }
    const one = await run([...args, '--save', 'nowhere'], files(await bundled({})), now, nowhere)
    expect([one.exit, one.err]).toEqual([1, expect.stringContaining('--save: cannot write nowhere/bundle.note')])
  })

  test('is fetched from a relay as a client does it', async () => {
    const relay = await hostileRelay(await bundled({}))
    const [, ...others] = args
    expect((await found([relay.url, '--plaintext-loopback', ...others], files(''))).exit).toBe(0)
    relay.status = 404
    const silent = await run([relay.url, '--plaintext-loopback', ...others], files(''))
    expect([silent.exit, silent.out, silent.err]).toEqual([1, '', expect.stringContaining('bundle-unavailable')])
    const far = await run(['https://relay.example/', ...others], files(''))
    expect([far.exit, far.err]).toEqual([2, expect.stringContaining('loopback addresses only')])
  })
})

describe('usage', () => {
  const policy = ['report', '--policy', 'policy']
  test.each([
    [[], 'give exactly one URL or FILE'],
    [['a', 'b'], 'give exactly one URL or FILE'],
    [['bundle'], '--trust is missing'],
    [['bundle', '--trust', 'root'], '--placement is missing'],
    [['bundle', '--trust', 'root', '--placement', 'beside'], '--placement: one of front, inside, sealed'],
    [['bundle', '--trust', 'root', '--placement', 'front', '--policy', 'p'], '--policy: a bundle brings its own'],
    [['bundle', '--collateral', 'c'], '--endorsement, --collateral: only beside'],
    [['report'], '--policy is missing'],
    [['report', '--placement', 'front'], '--placement, --role, --save: only for a bundle'],
    [policy, '--report-data: 128 digits'],
    [[...policy, '--report-data', '00'.repeat(64)], 'not all 0'],
    [[...policy, '--report-data', 'none', '--at', 'soon'], '--at: a time'],
    [['http://relay.example/'], '--plaintext-loopback'],
    [[...policy, '--allow-simulated', 'leave'], '--allow-simulated: file.rootSha256 must be present'],
  ])('%j', async (args, words) => {
    const draft = JSON.stringify(policyJson())
    const files = { bundle: 'asunder bundle v1', report: Uint8Array.of(1), root: 'r', policy: draft, leave: '{}' }
    const { exit, out, err } = await run(args, files)
    expect([exit, out, err]).toEqual([2, '', expect.stringContaining(words)])
  })
})
