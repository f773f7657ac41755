/** `asunder verify`: every check with its result, for bundles that hold or are told to lie, and for evidence of real machines. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { AttestedBundle, CvmEntry } from '../../../shared/attestation/bundle.ts'
import { signPolicy, verifyPolicy } from '../../../shared/attestation/signed-policy.ts'
import { hex, utf8 } from '../../../shared/bytes.ts'
import { main } from '../../../shared/client/commands/main.ts'
import type { Examined } from '../../../shared/client/verify/bundle.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { fleet, keyBytes, type EntryChanges, type Fleet } from '../attestation/fleet.ts'
import { hardwareHouse, hardwareJson, identityLeaf, judged } from '../attestation/machine.ts'
import { now } from '../attestation/makers.ts'
import { read, text, there } from '../attestation/manifest.ts'
import { policyJson } from '../attestation/policies.ts'
import { ask } from '../attestation/sev-snp/forge.ts'
import * as snpReal from '../attestation/sev-snp/real.ts'
import * as tdxReal from '../attestation/tdx/real.ts'
import { hostileRelay } from './monitor/deployment.ts'
import { operator, startOfTest } from './operator.ts'
import { asunder } from './shell.ts'
import { newTerminal } from './terminal.ts'

const [minute, hour] = [60_000, 3_600_000]

type Files = Readonly<Record<string, string | Uint8Array>>

async function run(args: readonly string[], files: Files, at = now) {
  const terminal = newTerminal({ now: () => at })
  for (const [name, file] of Object.entries(files)) {
    terminal.files.set(name, typeof file === 'string' ? utf8(file) : file)
  }
  const exit = await main(['verify', ...args], terminal)
  return { exit, ...terminal.shown }
}

/** The JSON form, and of it what most tests ask. */
async function found(args: readonly string[], files: Files, at?: number) {
  const { exit, out, err } = await run([...args, '--json'], files, at)
  expect(err).toBe('')
  const examined = JSON.parse(out) as Examined
  const refused = examined.checks.filter(({ result }) => result === 'refused')
  const open = examined.checks.filter(({ result }) => result === 'not reached').map(({ name }) => name)
  return { exit, examined, open, refused: refused.map(({ name, code }) => [name, code]) }
}

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
    expect(out.match(/^ {2}ok {7}/gm)).toHaveLength(16)
    expect(out).toContain('serial 42, signed by')
    expect(out).toContain(`key ${entry.id}\n`)
    expect(out).toContain(ships.allowSimulated.measurement)
    expect(out).toContain('not verified  hardware: the evidence is simulated')
    expect(out).not.toContain('who signed it')
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

const lists = {
  notBefore: timeText(Date.parse('2025-09-08T00:00:00Z')),
  notAfter: timeText(Date.parse('2025-09-14T00:00:00Z')),
}
const heldAt = ['--at', '2025-09-10T00:00:00Z']

describe.skipIf(!there)('the evidence of a real SEV-SNP machine', () => {
  const question = (index: number) => {
    const [file, entry] = snpReal.whole[index] ?? ['', undefined]
    if (entry === undefined) throw new TypeError('no such entry')
    return { file, entry, ...snpReal.question(entry) }
  }
  const draft = (measurement: string, snp: object = {}) => {
    const measurements = [
      {
        digest: measurement,
        notAfter: timeText(Date.parse('2027-01-01T00:00:00Z')),
        build: `sha256:${'ef'.repeat(32)}`,
      },
    ]
    const rules = { ...policyJson({ ...lists, snp: { ...snpReal.lax, measurements, ...snp } }) }
    return JSON.stringify(rules)
  }
  const given = (index: number, snp: object = {}) => {
    const { evidence, expected, entry } = question(index)
    const named = evidence.endorsements.map((bytes, at) => [`e${at}`, bytes] as const)
    const files = {
      report: evidence.report,
      policy: draft(String(entry.fields['measurement']), snp),
      ...Object.fromEntries(named),
    }
    const args = ['report', '--policy', 'policy', ...heldAt, ...named.flatMap(([name]) => ['--endorsement', name])]
    return { files, args, reportData: ['--report-data', hex(expected.reportData)] }
  }

  test.each(snpReal.whole.map(([file], index) => [file, index] as const))('%s', async (_file, index) => {
    const { files, args, reportData } = given(index)
    const { exit, examined } = await found([...args, ...reportData], files)
    expect([exit, examined.checks.length]).toEqual([0, 20])
    expect(examined.checks.find(({ name }) => name === 'image')?.says).toBe(question(index).entry.fields['measurement'])
    expect(examined.notVerified).toContainEqual(expect.stringContaining('trust root: none was given'))
    const other = await found([...args, '--report-data', '01'.repeat(64)], files)
    expect(other.refused).toEqual([['binding', 'binding-mismatch']])
    const open = await found([...args, '--report-data', 'none'], files)
    expect([open.exit, open.examined.notVerified]).toEqual([
      0,
      expect.arrayContaining([expect.stringMatching(/^binding: /)]),
    ])
  })

  test.each([
    [{ reportVersions: [4] }, 'report version', 'report-version-refused', 17],
    [{ products: ['Turin'] }, 'product', 'product-refused', 11],
    [{ vmpl: [3] }, 'privilege level', 'vmpl-refused', 4],
    [{ measurements: [] }, 'image', 'measurement-refused', 3],
  ])('under a policy with %j', async (snp, name, code, open) => {
    const { files, args, reportData } = given(0, snp)
    const one = await found([...args, ...reportData], files)
    expect([one.exit, one.refused, one.open.length]).toEqual([1, [[name, code]], open])
  })

  test('without its revocation list, with a byte changed, and with certificates in PEM', async () => {
    const { files, args, reportData } = given(0)
    const bare = await found([...args.slice(0, -2), ...reportData], files)
    expect(bare.refused).toEqual([['revocation', 'crl-missing']])
    const changed = Uint8Array.from(files.report)
    changed[0x90] = (changed[0x90] ?? 0) ^ 1
    const forged = await found([...args, ...reportData], { ...files, report: changed })
    expect(forged.refused).toEqual([['signature', 'bad-signature']])
    const { product = 'Milan', leafKind = 'VCEK' } = question(0).entry.expected
    const pem = { issuers: snpReal.issuersOf(product, leafKind), list: text(`amd/crl_${product.toLowerCase()}.pem`) }
    const [beside, chain] = [args.slice(0, -6), ['issuers', 'list'].flatMap((name) => ['--endorsement', name])]
    expect((await found([...beside, ...chain, ...reportData], { ...files, ...pem })).exit).toBe(0)
  })

  test('as a process, with files on a disk', async () => {
    const { files, args, reportData } = given(0)
    const folder = mkdtempSync(join(tmpdir(), 'asunder-verify-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    for (const [name, file] of Object.entries(files)) writeFileSync(join(folder, name), file)
    const good = await asunder(['verify', ...args, ...reportData], { folder })
    expect([good.code, good.err, good.out]).toEqual([0, '', expect.stringContaining('all checks held')])
    const bad = await asunder(['verify', ...args, '--report-data', '01'.repeat(64)], { folder })
    expect([bad.code, bad.out]).toEqual([1, expect.stringContaining('REFUSED  binding')])
  })
})

describe.skipIf(!there)('the evidence of a real TDX machine', () => {
  test.each([
    ['uptodate', 'uptodate', []],
    ['phala-tcb-unsupported', 'unsupported', [['ratings', 'tcb-unsupported']]],
    ['gcp-spr-e4', 'uptodate', [['tail', 'reserved-not-zero']]],
    ['debug', 'uptodate', [['platform kind', 'collateral-mismatch']]],
  ] as const)('%s', async (name, which, refused) => {
    const entry = tdxReal.quoteOf(name)
    const { mrtd, rtmr, mrConfigId } = tdxReal.registersOf(entry)
    const at = tdxReal.timeOf(which)
    const ends = timeText(at + 100 * 24 * hour)
    const [one] = mrtd
    const image = { digest: one?.digest, notAfter: ends, build: `sha256:${'ef'.repeat(32)}` }
    const times = { notBefore: timeText(at - hour), notAfter: timeText(at + hour) }
    const policy = policyJson({ ...times, snp: undefined, tdx: { mrtd: [image], rtmr, mrConfigId } })
    const args = ['quote', '--policy', 'policy', '--collateral', 'collateral', '--report-data', 'none']
    const files = { quote: read(entry.file), policy: JSON.stringify(policy), collateral: tdxReal.collateralOf(which) }
    const seen = await found(args, files, at)
    expect([seen.exit, seen.refused]).toEqual([refused.length, refused])
  })
})

describe('evidence beside a signed policy and the log', () => {
  async function machine() {
    const house = await hardwareHouse()
    const note = await signPolicy(policyJson({ snp: hardwareJson() }), house.releasers)
    const policy = await verifyPolicy(note, { root: house.root, now })
    const leaf = identityLeaf(await judged(policy, house.root, now), policy)
    house.log.add(leaf)
    const proof = await house.log.proof(leaf, [
      [0, now - hour],
      [1, now - hour],
    ])
    const { evidence, expected } = ask()
    const endorsements = Object.fromEntries(evidence.endorsements.map((bytes, at) => [`e${at}`, bytes]))
    const files: Files = { report: evidence.report, policy: note, 'root.note': house.root.note, proof, ...endorsements }
    const beside = Object.keys(endorsements).flatMap((name) => ['--endorsement', name])
    const args = ['report', '--policy', 'policy', '--trust', 'root.note', '--proof', 'proof', ...beside]
    return { args: [...args, '--report-data', hex(expected.reportData)], files }
  }

  test('is followed from the chip to the release in the log', async () => {
    const { args, files } = await machine()
    const { exit, examined } = await found(args, files)
    expect([exit, examined.checks.length]).toEqual([0, 22])
    expect(examined.notVerified.join()).not.toMatch(/who signed it|whether a log knows this image|trust root/)
  })

  test.each<[string, Files, (readonly [string, string])[]]>([
    ['a proof of something else', { proof: 'hello' }, [['release in the log', 'malformed-proof']]],
    ['a policy that nobody signed', { policy: 'hello' }, [['policy', 'malformed-note']]],
  ])('%s', async (_what, changes, refused) => {
    const { args, files } = await machine()
    const one = await found(args, { ...files, ...changes })
    expect([one.exit, one.refused]).toEqual([1, refused])
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
