/** Real quotes and real collateral: every TDX and Intel entry of evidence/MANIFEST.json gives the result that it states. */
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, test } from 'vitest'
import { judge } from '../../../../shared/attestation/judge.ts'
import { readPem } from '../../../../shared/attestation/pem.ts'
import { Proven } from '../../../../shared/attestation/proven.ts'
import { checkChain, readLeaf } from '../../../../shared/attestation/tdx/chain.ts'
import { proveCollateral, readCollateral } from '../../../../shared/attestation/tdx/collateral.ts'
import * as guest from '../../../../shared/attestation/tdx/guest-checks.ts'
import { readPckClaims } from '../../../../shared/attestation/tdx/pck.ts'
import { strictTdx } from '../../../../shared/attestation/tdx/policy.ts'
import { readQuote } from '../../../../shared/attestation/tdx/quote.ts'
import { checkRevocation } from '../../../../shared/attestation/tdx/revocation.ts'
import { rate } from '../../../../shared/attestation/tdx/tcb.ts'
import { intelRoot, intelVendorId, isEcdsa, keyAt, keyOf, signedBy } from '../../../../shared/attestation/tdx/vendor.ts'
import { readCertificate } from '../../../../shared/attestation/x509/certificate.ts'
import { readCrl } from '../../../../shared/attestation/x509/crl.ts'
import { concat, fromHex, hex, utf8, type Bytes } from '../../../../shared/bytes.ts'
import { codeOf } from '../../tlog/code-of.ts'
import { of, pick, read, text, there, type Entry } from '../manifest.ts'
import { bytes } from '../values.ts'
import { bundles, collateralOf, partsOf, question, quoteOf, quotes, responses, timeOf, withRatings } from './real.ts'

const skew = 0
const vendorRoots = [intelRoot]
const fieldNames =
  'version teeTcbSvn teeTcbSvn2 mrSeam tdAttributes xfam mrTd mrConfigId mrOwner rtmr0 rtmr1 rtmr2 rtmr3 reportData ' +
  'fmspc pceSvn pckTcbComponents pckSerial pckNotAfter'

async function chainOf(file: string) {
  const quote = readQuote(read(file))
  const now = Date.parse('2026-02-25T00:00:00Z')
  const proven = new Proven()
  return { quote, chain: await checkChain(readLeaf(quote), { vendorRoots, now, skew, proven }), proven }
}

const littleWord = (word: bigint): string => hex(fromHex(word.toString(16).padStart(16, '0')).reverse())

describe.skipIf(!there)('quotes', () => {
  test('there are eight', () => expect(quotes).toHaveLength(8))

  test.each(quotes)('%s: both signatures, the key between them, the chain and the tail as stated', async (_, entry) => {
    const { quote, chain } = await chainOf(entry.file)
    const { qe, attestationKey } = quote
    expect({
      attestationKeySignature: await (await keyAt(attestationKey)).verifies(quote.signature, quote.signed),
      qeReportSignature: await chain.key.verifies(qe.signature, qe.signed),
      qeReportDataBinding:
        hex(qe.reportData) === hex(sha256(concat(attestationKey, qe.authentication))) + '00'.repeat(32),
      pckChain: chain.notAfter > 0,
      trailingAllZero: quote.tail.every((octet) => octet === 0),
    }).toEqual(
      pick(entry.expected, 'attestationKeySignature qeReportSignature qeReportDataBinding pckChain trailingAllZero'),
    )
    expect(quote.vendorId).toEqual(intelVendorId)
  })

  test.each(quotes)('%s: every field as stated', async (_, { file, fields }) => {
    const { quote, chain } = await chainOf(file)
    const { fmspc, pceSvn, components } = readPckClaims(chain.leaf)
    const [rtmr0, rtmr1, rtmr2, rtmr3] = quote.rtmr.map(hex)
    expect({
      ...{ version: quote.version, teeTcbSvn: hex(quote.teeTcbSvn), mrSeam: hex(quote.mrSeam) },
      ...(quote.teeTcbSvn2 === undefined ? {} : { teeTcbSvn2: hex(quote.teeTcbSvn2) }),
      ...{ tdAttributes: littleWord(quote.tdAttributes), xfam: littleWord(quote.xfam) },
      ...{ mrTd: hex(quote.mrTd), mrConfigId: hex(quote.mrConfigId), mrOwner: hex(quote.mrOwner) },
      ...{ rtmr0, rtmr1, rtmr2, rtmr3, reportData: hex(quote.reportData) },
      ...{ fmspc, pceSvn, pckTcbComponents: components, pckSerial: chain.leaf.serial.toUpperCase() },
      pckNotAfter: chain.leaf.notAfter,
    }).toEqual({ ...pick(fields, fieldNames), pckNotAfter: Date.parse(String(fields['pckNotAfter'])) })
    expect(fields['bodyType']).toBe(quote.teeTcbSvn2 === undefined ? 2 : 3)
  })

  /** A finding of the manifest, and the check of ours that has another name for it. */
  const strict: Readonly<Record<string, readonly [code: string, check: (entry: Entry) => unknown]>> = {
    SEPT_VE_DISABLE_NOT_SET: [
      'sept-ve-disable-missing',
      ({ file }) => guest.checkAttributes(readQuote(read(file)), strictTdx),
    ],
    TD_DEBUG: ['debug-allowed', ({ file }) => guest.checkAttributes(readQuote(read(file)), strictTdx)],
    TRAILING_BYTES_NONZERO: ['reserved-not-zero', (entry) => judge(question(entry, 'uptodate'))],
    // Nobody stored ratings for these platforms, so the judge would say that first.
    REPORT_DATA_ZERO: ['accepted', ({ file }) => expect(readQuote(read(file)).reportData).toEqual(bytes(64, 0))],
  }
  const found = quotes.flatMap(([file, entry]) =>
    (entry.expected.strictPolicyFindings ?? []).map((finding) => [file, finding, entry] as const),
  )
  test('there are findings', () => expect(found.length).toBe(5))
  test.each(found)('%s: %s', async (_, finding, entry) => {
    const [code, check] = strict[finding] ?? ['unknown finding', () => undefined]
    expect(await codeOf(() => check(entry))).toBe(code)
  })
  test.each(quotes.filter(([, { expected }]) => expected.strictPolicyFindings?.length === 0))(
    '%s: nothing that a strict policy flags',
    (file) => {
      const quote = readQuote(read(file))
      guest.checkAttributes(quote, strictTdx)
      guest.checkModule(quote, strictTdx)
    },
  )

  test.each(quotes.filter(([file]) => !/phala|gnr|e4/.test(file)))(
    '%s: ratings of another kind of platform are none',
    async (_, entry) => {
      expect(await codeOf(() => judge(question(entry, 'uptodate')))).toBe('collateral-mismatch')
    },
  )
})

describe.skipIf(!there)('whole evidence', () => {
  test('ratings, module and quoting enclave up to date: accepted, until the first of them ends', async () => {
    const [, { expected }] = bundles.find(([file]) => file.includes('uptodate')) as (typeof bundles)[number]
    const [from = '', to = ''] = (expected.validWindow ?? '').replace(/ \(.*/, '').split(' .. ')
    const asked = question(quoteOf('phala-uptodate'), 'uptodate')
    const { tdx, notAfter } = await judge(asked)
    expect(tdx?.tcb).toEqual({
      ...{ platform: expected.tcbStatus, module: expected.moduleStatus, quotingEnclave: expected.qeStatus },
      ...{ status: 'UpToDate', advisories: [] },
    })
    expect(notAfter).toBe(Date.parse(to))
    const at = (now: number) => codeOf(() => judge({ ...asked, policy: { ...asked.policy, clockSkew: 0 }, now }))
    expect([await at(Date.parse(from)), await at(Date.parse(to))]).toEqual(['accepted', 'accepted'])
    expect(await at(Date.parse(from) - 1)).toBe('collateral-not-yet-valid')
    // The list of platforms ends first.
    expect(await at(Date.parse(to) + 1)).toBe('crl-expired')
    expect(await at(timeOf('unsupported'))).toBe('collateral-expired')
  })

  test('below every level', async () => {
    expect(await codeOf(() => judge(question(quoteOf('phala-tcb-unsupported'), 'unsupported')))).toBe('tcb-unsupported')
  })

  test.each([
    ['ratings fetched apart', () => withRatings('unsupported', 'intel/tcbinfo_90c06f_2026.json')],
    ['the ratings of two weeks later', () => collateralOf('unsupported')],
  ])('Granite Rapids with %s: UpToDate', async (_, collateral) => {
    const asked = question(quoteOf('gnr-sample'), 'unsupported', { minTcbEval: 18 })
    const { tdx } = await judge({ ...asked, evidence: { ...asked.evidence, collateral: collateral() } })
    expect(tdx).toMatchObject({ quoteVersion: 5, fmspc: '90c06f000000', tcb: { status: 'UpToDate' } })
  })

  test('a round above the one that Intel signed', async () => {
    const asked = question(quoteOf('phala-uptodate'), 'uptodate', { minTcbEval: 18 })
    expect(await codeOf(() => judge(asked))).toBe('collateral-rolled-back')
  })

  test('real ratings written anew are ratings of nobody', async () => {
    const asked = question(quoteOf('phala-uptodate'), 'uptodate')
    const fields = JSON.parse(text('intel/phala_uptodate_collateral.json')) as Record<string, string>
    const again = { ...fields, tcb_info: JSON.stringify(JSON.parse(fields['tcb_info'] ?? ''), undefined, 1) }
    const collateral = utf8(JSON.stringify(again))
    const anew = { ...asked, evidence: { ...asked.evidence, collateral } }
    expect(await codeOf(() => judge(anew))).toBe('collateral-signature-refused')
  })
})

describe.skipIf(!there)("Intel's collateral", () => {
  test.each(bundles)(
    '%s: every signature holds, the platform is not revoked, the numbers are as stated',
    async (file, entry) => {
      const which = file.includes('uptodate') ? 'uptodate' : 'unsupported'
      const { quote, chain, proven } = await chainOf(`tdx/${entry.set}.quote.bin`)
      const collateral = await proveCollateral(readCollateral(read(file)), chain, proven)
      const { tcbInfo } = collateral
      expect({
        fmspc: tcbInfo.fmspc.toUpperCase(),
        tcbEvaluationDataNumber: tcbInfo.evaluation,
        issueDate: new Date(tcbInfo.issueDate).toISOString().replace('.000', ''),
        nextUpdate: new Date(tcbInfo.nextUpdate).toISOString().replace('.000', ''),
      }).toEqual(entry.fields)
      const asked = { tdxMaxAge: Infinity, now: timeOf(which), skew, proven }
      expect(await checkRevocation(collateral, chain, asked)).toBeGreaterThan(timeOf(which))
      const rated = await codeOf(() => rate(quote, readPckClaims(chain.leaf), collateral))
      expect(rated).toBe(entry.expected.mustReject === 'TCB_NOT_SUPPORTED' ? 'tcb-unsupported' : 'accepted')
    },
  )

  test.each(responses)('%s: signed by TCB signing, over its exact octets', async (file, entry) => {
    const { inner, signature } = partsOf(file)
    const [signer] = readPem(chainIn('intel/phala_uptodate_collateral.json')).map(readCertificate)
    const key = await keyOf(signer as never)
    const says = async (signed: string) => key.verifies(fromHex(signature), utf8(signed))
    expect(await says(inner)).toBe(entry.expected.signatureByIntelTcbSigning)
    expect(await says(`${inner} `)).toBe(false)
  })

  test.each(responses.filter(([, { expected }]) => expected.mustReject === 'COLLATERAL_EXPIRED'))(
    '%s: expired long before its platform was',
    async (file) => {
      const isRatings = file.includes('tcbinfo')
      const asked = question(quoteOf('phala-uptodate'), 'uptodate')
      const { inner, signature } = partsOf(file)
      const name = isRatings ? 'tcb_info' : 'qe_identity'
      const fields = JSON.parse(text('intel/phala_uptodate_collateral.json')) as object
      const collateral = utf8(JSON.stringify({ ...fields, [name]: inner, [`${name}_signature`]: signature }))
      expect(await codeOf(() => judge({ ...asked, evidence: { ...asked.evidence, collateral } }))).toBe(
        'collateral-expired',
      )
    },
  )

  test.each(of('intel-collateral', 'intel/').filter(([file]) => file.endsWith('.der')))(
    '%s: signed by its issuer, and stale',
    async (file, { expected }) => {
      const { chain } = await chainOf('tdx/tdx-v4-phala-uptodate.quote.bin')
      const crl = readCrl(read(file))
      const isRoot = file.includes('root')
      expect(isEcdsa(crl) && (await signedBy(isRoot ? chain.rootKey : chain.caKey, crl))).toBe(true)
      expect(await signedBy(isRoot ? chain.caKey : chain.rootKey, crl)).toBe(false)
      expect(crl.serials).toHaveLength(isRoot ? 0 : 44)
      expect(expected.stale).toBe(true)
      const asked = question(quoteOf('phala-uptodate'), 'uptodate')
      const name = isRoot ? 'root_ca_crl' : 'pck_crl'
      const fields = JSON.parse(text('intel/phala_uptodate_collateral.json')) as object
      const collateral = utf8(JSON.stringify({ ...fields, [name]: hex(read(file)) }))
      expect(await codeOf(() => judge({ ...asked, evidence: { ...asked.evidence, collateral } }))).toBe('crl-expired')
    },
  )

  test('the TDX entry of Azure holds a TDREPORT, which only its own processor can verify: it is no quote', async () => {
    const [[file] = ['']] = of('azure-hcl-report', 'azure/tdx')
    const report: Bytes = read(file).subarray(32, 32 + 1184)
    const asked = question(quoteOf('phala-uptodate'), 'uptodate')
    for (const bytes of [read(file), report, report.slice(0, 1024)]) {
      const code = await codeOf(() => judge({ ...asked, evidence: { ...asked.evidence, report: bytes } }))
      expect(code).toBe('report-version-refused')
    }
  })
})

function chainIn(file: string): string {
  return (JSON.parse(text(file)) as { tcb_info_issuer_chain: string }).tcb_info_issuer_chain
}
