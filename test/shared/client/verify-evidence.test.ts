/** `asunder verify` on reports and quotes of real machines, and on evidence beside a signed policy and the log. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { signPolicy, verifyPolicy } from '../../../shared/attestation/signed-policy.ts'
import { hex } from '../../../shared/bytes.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { hardwareHouse, hardwareJson, identityLeaf, judged } from '../attestation/machine.ts'
import { now } from '../attestation/makers.ts'
import { read, text, there } from '../attestation/manifest.ts'
import { policyJson } from '../attestation/policies.ts'
import { ask } from '../attestation/sev-snp/forge.ts'
import * as snpReal from '../attestation/sev-snp/real.ts'
import * as tdxReal from '../attestation/tdx/real.ts'
import { asunder } from './shell.ts'
import { found, type Files } from './verify-run.ts'

const hour = 3_600_000

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

  test('of a product whose revocation list is not at hand is not taken on trust', async () => {
    const [, entry] = snpReal.reports.find(([, { expected }]) => expected.product === 'Turin') ?? []
    if (entry === undefined) throw new TypeError('no such entry')
    const { evidence } = snpReal.question(entry)
    const named = Object.fromEntries(evidence.endorsements.map((bytes, at) => [`e${at}`, bytes]))
    const beside = Object.keys(named).flatMap((name) => ['--endorsement', name])
    const files = { report: evidence.report, policy: draft(String(entry.fields['measurement'])), ...named }
    const args = ['report', '--policy', 'policy', '--report-data', 'none', ...heldAt, ...beside]
    expect((await found(args, files)).refused).toEqual([['revocation', 'crl-missing']])
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
