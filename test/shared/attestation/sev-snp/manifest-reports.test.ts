/** Real reports: every SEV-SNP report of evidence/MANIFEST.json gives the result that it states. */
import { describe, expect, test } from 'vitest'
import { judge } from '../../../../shared/attestation/judge.ts'
import { checkOf } from '../../../../shared/attestation/sev-snp/findings.ts'
import { readLeafClaims } from '../../../../shared/attestation/sev-snp/leaf.ts'
import * as platform from '../../../../shared/attestation/sev-snp/platform-checks.ts'
import { strictSnp, type SnpPolicy } from '../../../../shared/attestation/sev-snp/policy.ts'
import { products } from '../../../../shared/attestation/sev-snp/products.ts'
import { readReport } from '../../../../shared/attestation/sev-snp/report.ts'
import { checkReserved } from '../../../../shared/attestation/sev-snp/report-checks.ts'
import { counted, readTcb } from '../../../../shared/attestation/sev-snp/tcb.ts'
import { hex, type Bytes } from '../../../../shared/bytes.ts'
import type { RefusalCode } from '../../../../shared/refusal.ts'
import { codeOf } from '../../tlog/code-of.ts'
import { of, pick, read, there, type Entry } from '../manifest.ts'
import { chainOf, endorsementsOf, lax, question, reports, whole } from './real.ts'

const reportFields =
  'version guestSvn vmpl policy platformInfo reportedTcb currentTcb committedTcb launchTcb fwCurrent fwCommitted ' +
  'measurement reportData hostData idKeyDigest authorKeyDigest chipId cpuidFms launchMitVector currentMitVector'

describe.skipIf(!there)('reports', () => {
  test('there are nine with certificates', () => expect(reports).toHaveLength(9))

  test.each(reports)('%s: signature, chain, TCB, chip and product as stated', async (_, entry) => {
    const { product = 'Milan', leafKind = 'VCEK', evaluateAt = '' } = entry.expected
    const report = readReport(read(entry.file))
    checkReserved(report)
    const { row, leaf, key } = await chainOf(endorsementsOf(entry), leafKind, Date.parse(evaluateAt))
    expect(row.name).toBe(product)
    expect(await key.verifies(report.signature, report.signed)).toBe(true)
    const one = { report, claims: readLeafClaims(leaf, leafKind, row), row, policy: lax }
    platform.checkProduct(one)
    platform.checkChip(one)
    platform.checkTcb(one)
  })

  test.each(reports)('%s: every field as stated', (_, entry) => {
    const { fields, expected } = entry
    const report = readReport(read(entry.file))
    const row = products[expected.product ?? 'Milan']
    const tcb = (value: Bytes) => counted(readTcb(value, row), row)
    const fw = ({ major, minor, build }: typeof report.current) => `${major}.${minor}.${build}`
    expect({
      ...{ version: report.version, guestSvn: report.guestSvn, vmpl: report.vmpl },
      ...{ policy: `0x${report.policy.toString(16)}`, platformInfo: `0x${report.platform.toString(16)}` },
      ...{ reportedTcb: tcb(report.reportedTcb), currentTcb: tcb(report.currentTcb) },
      ...{ committedTcb: tcb(report.committedTcb), launchTcb: tcb(report.launchTcb) },
      ...{ fwCurrent: fw(report.current), fwCommitted: fw(report.committed) },
      ...{ measurement: hex(report.measurement), reportData: hex(report.reportData), hostData: hex(report.hostData) },
      ...{ idKeyDigest: hex(report.idKeyDigest), authorKeyDigest: hex(report.authorKeyDigest) },
      chipId: hex(report.chipId),
      launchMitVector: little(report.launchMitigations),
      currentMitVector: little(report.currentMitigations),
      cpuidFms: hex(Uint8Array.of(report.cpu.family, report.cpu.model, report.cpu.stepping)),
    }).toEqual(pick(fields, reportFields))
  })

  test.each(whole)('%s: cryptographically valid, so a policy that bears the rest accepts it', async (_, entry) => {
    const { snp, kind } = await judge(question(entry))
    expect(kind).toBe('sev-snp')
    expect(snp).toMatchObject({ product: entry.expected.product, leaf: entry.expected.leafKind })
  })

  test.each(reports.filter(([, { expected }]) => expected.product === 'Turin'))(
    '%s: nobody stored its revocation list, and none is never good news',
    async (_, entry) => {
      expect(await codeOf(() => judge(question(entry)))).toBe('crl-missing')
    },
  )

  test.each(of('snp-report', 'snp/').filter(([, { expected }]) => expected.mustReject === 'LEAF_MISSING'))(
    '%s: LEAF_MISSING',
    async (_, entry) => {
      expect(readReport(read(entry.file)).version).toBe(4)
      const { evidence, ...others } = question({ ...entry, file: 'snp/milan-v3-oak-oc-release.report.bin' })
      const alone = { ...evidence, report: read(entry.file), endorsements: [] }
      expect(await codeOf(() => judge({ ...others, evidence: alone }))).toBe('leaf-missing')
    },
  )

  /** A finding of the manifest, the part of the policy that stands against it, and our word for it. */
  const strict: Readonly<Record<string, readonly [code: RefusalCode, rule: Partial<SnpPolicy>]>> = {
    REPORT_VERSION_TOO_OLD: ['report-version-refused', { reportVersions: strictSnp.reportVersions }],
    VLEK_NOT_ALLOWED: ['vlek-refused', { allowVlek: false }],
    'PRODUCT_NOT_ALLOWED(Milan)': ['product-refused', { products: strictSnp.products }],
    PROVISIONAL_FIRMWARE: ['firmware-provisional', { allowProvisional: false }],
    DEBUG_ALLOWED: ['debug-allowed', { guestPolicy: { ...lax.guestPolicy, debug: 0 } }],
    SMT_ENABLED: ['smt-allowed', { guestPolicy: { ...lax.guestPolicy, smt: 0 } }],
    'CIPHERTEXT_HIDING_NOT_REQUIRED(advisory)': [
      'ciphertext-hiding-missing',
      { guestPolicy: { ...lax.guestPolicy, ciphertextHiding: 1 } },
    ],
  }
  const found = whole.flatMap(([file, entry]) =>
    (entry.expected.strictPolicyFindings ?? [])
      .filter((one) => one in strict)
      .map((one) => [file, one, entry] as const),
  )
  test.each(found)('%s: %s, by that rule alone', async (_, finding, entry) => {
    const [code, rule] = strict[finding] ?? ['incomplete', {}]
    expect(await codeOf(() => judge(question(entry, rule)))).toBe(code)
  })

  test('every finding of the manifest is one of those, or the end of a leaf', () => {
    const all = new Set(reports.flatMap(([, { expected }]) => expected.strictPolicyFindings ?? []))
    expect([...all].filter((one) => !(one in strict))).toEqual(['LEAF_EXPIRED(at 2026-11-22)'])
  })

  test.each(whole)('%s: all strict rules together tell the one of the lowest number', async (_, entry) => {
    const chips = { mode: 'any', sha256: [] } as const
    const told = await codeOf(() => judge(question(entry, { ...strictSnp, chips })))
    const numbers = (entry.expected.strictPolicyFindings ?? [])
      .filter((one) => one in strict && !one.includes('advisory'))
      .map((one) => checkOf(strict[one]?.[0] ?? 'incomplete') ?? 99)
    expect(checkOf(told as RefusalCode)).toBe(Math.min(...numbers))
  })

  const [vlek, genoaOld, release, staging, otherWork] = [
    'aws-vlek',
    'genoa-v3-yaxi',
    'oc-release',
    'oc-staging',
    'rk-release',
  ].map((name) => reports.find(([file]) => file.includes(name))?.[1])
  test('the AWS leaf is over by 2026-11-22', async () => {
    const now = Date.parse('2026-11-22T00:00:00Z')
    expect(await codeOf(() => judge(question(vlek as Entry, {}, now)))).toBe('certificate-expired')
  })
  test('old Genoa firmware fails a current floor, although everything verifies', async () => {
    const minTcb = { Genoa: { bl: 10, tee: 0, snp: 27, ucode: 88 } }
    expect(await codeOf(() => judge(question(genoaOld as Entry, { minTcb })))).toBe('tcb-too-low')
  })
  test('the staging image fails the list of the release', async () => {
    const measurements = [{ digest: String(release?.fields['measurement']), minGuestSvn: 0, notAfter: Infinity }]
    expect(await codeOf(() => judge(question(staging as Entry, { measurements })))).toBe('measurement-refused')
    expect(await codeOf(() => judge(question(otherWork as Entry, { measurements })))).toBe('accepted')
  })
})

/** Sixteen hex digits, the least significant octet first. */
function little(value: bigint): string {
  return hex(Uint8Array.fromHex(value.toString(16).padStart(16, '0')).toReversed())
}
