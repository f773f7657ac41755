/**
 * The judge on forged TDX evidence: formats as Intel's, roots of this run. Every finding has a case that differs from
 * accepted evidence by that alone. attestation.md a.6, attestation-negatives.md.
 */
import { describe, expect, test } from 'vitest'
import { judge } from '../../../../shared/attestation/judge.ts'
import { Proven } from '../../../../shared/attestation/proven.ts'
import { tdxFindings, type TdxFinding } from '../../../../shared/attestation/tdx/findings.ts'
import { strictTdx } from '../../../../shared/attestation/tdx/policy.ts'
import { concat, fromUtf8, hex, utf8 } from '../../../../shared/bytes.ts'
import { timeText } from '../../../../shared/tlog/json-fields.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { codeOf } from '../../tlog/code-of.ts'
import { now } from '../makers.ts'
import { bytes, digestOf } from '../values.ts'
import { day, extension } from '../x509/forge.ts'
import { chainCases } from './cases-chain.ts'
import { collateralCases } from './cases-collateral.ts'
import { guestCases } from './cases-guest.ts'
import { platformCases } from './cases-platform.ts'
import { quoteCases } from './cases-quote.ts'
import { ask, mrTd, rtmrText, svn, type Changes } from './forge.ts'
import { moduleLevels, platformLevel, svnLevel } from './forge-ratings.ts'
import { furniture, nameOf, pair, ppid } from './forge-vendor.ts'

const refusal = (changes: Changes = {}) => codeOf(() => judge(ask(changes)))
const verdict = (changes: Changes = {}) => judge(ask(changes))
const listed = { digest: hex(mrTd), notAfter: Infinity }
const processor = nameOf('Intel SGX PCK Processor CA')
const bornBy = (...statuses: string[]) => ({ statuses: statuses as never, advisoriesAllowed: ['INTEL-SA-00837'] })

describe('accepted', () => {
  test('a strict TD: the verdict says what was found and what nobody checked', async () => {
    expect(await verdict()).toEqual({
      kind: 'tdx',
      measurement: hex(mrTd),
      role: 'orchestrator-cvm',
      simulated: false,
      identity: {
        measurement: hex(mrTd),
        hostData: '',
        mrConfigId: '00'.repeat(48),
        rtmr: rtmrText,
        idKeyDigest: '',
        role: 'orchestrator-cvm',
      },
      notAfter: now + 20 * day,
      notVerified: ['gpu', 'transparency log', 'policy signature'],
      tdx: {
        quoteVersion: 5,
        fmspc: '90c06f000000',
        chip: { ppid: hex(ppid), sha256: digestOf(ppid) },
        tcb: {
          platform: 'UpToDate',
          module: 'UpToDate',
          quotingEnclave: 'UpToDate',
          status: 'UpToDate',
          advisories: [],
        },
        tcbEvaluationDataNumber: 18,
        teeTcbSvn: hex(svn(6, 1, 3)),
        mrSeam: '09'.repeat(48),
      },
    })
  })

  const borne: readonly (readonly [string, Changes])[] = [
    ['version 4', { quote: { header: { version: 4 } } }],
    ['version 5 with a body of TDX 1.0', { quote: { bodyType: 2 } }],
    ['a tail of zeros', { quote: { tail: bytes(3000, 0) } }],
    ['SVNs in the header', { quote: { header: { svns: 0x0b00_0700 } } }],
    ['a chain without an end mark', { pem: (chain) => chain }],
    [
      'a platform with one socket',
      { leaf: { issuer: processor }, ca: { subject: processor }, pckCrl: { issuer: processor }, pck: { '6': null } },
    ],
    ['a platform with its configuration', { pck: { '7': der.sequence(pair('7.1', der.boolean(true))) } }],
    ['nothing bound beside the key', { quote: { authentication: new Uint8Array(0) } }],
    ['certificates within the skew of clocks', { leaf: { notBefore: now + 120_000 }, ca: { notAfter: now - 120_000 } }],
    [
      'a signer with something new that is not critical',
      { signer: { extensions: [...furniture, extension('1.2.3', bytes(1, 0)), ...signerEnding()] } },
    ],
    [
      'ratings and identity in their last moment',
      { tcbInfo: { nextUpdate: timeText(now) }, qeIdentity: { nextUpdate: timeText(now) } },
    ],
    ['a list within the skew of clocks', { pckCrl: { thisUpdate: now + 120_000 } }],
    ['lists of nothing', { pckCrl: { revoked: [] } }],
    ['a round that was seen', { seen: { crlNumbers: {}, tcbEvaluationDataNumber: 18 } }],
    ['ratings of a higher round on one side', { tcbInfo: { tcbEvaluationDataNumber: 19 } }],
    [
      'a platform above the first level',
      { pck: { '2.1': der.integer(Uint8Array.of(9)), '2.17': der.integer(Uint8Array.of(1, 0)) } },
    ],
    [
      'an old module of major version 0, as ratings have it',
      { body: { teeTcbSvn: svn(5, 0, 3), teeTcbSvn2: svn(5, 0, 3) }, tcbInfo: { tdxModuleIdentities: undefined } },
    ],
    [
      'a quoting enclave with a feature outside of the mask',
      { enclave: { attributes: svn(0x15, 0, 0, 0, 0, 0, 0, 0, 0xff) } },
    ],
    [
      'out of date, where policy bears it',
      { pck: { '2.17': der.integer(Uint8Array.of(12)) }, tdx: bornBy('UpToDate', 'OutOfDate') },
    ],
    [
      'several faults together, where policy bears all of it',
      {
        tcbInfo: { tcbLevels: [platformLevel({}, 'ConfigurationNeeded')] },
        qeIdentity: { tcbLevels: [svnLevel(4, 'OutOfDate')] },
        tdx: bornBy('UpToDate', 'ConfigurationNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'),
      },
    ],
    ['protection keys and key locker', { body: { tdAttributes: (1n << 28n) | (1n << 30n) | (1n << 31n) } }],
    [
      'SEPT_VE_DISABLE off, where policy bears it',
      { body: { tdAttributes: 0 }, tdx: { attributes: { ...strictTdx.attributes, septVeDisable: null } } },
    ],
    ['every feature of the mask', { body: { xfam: 0x6dbe7 } }],
    [
      'DEBUG in development, where policy bears it',
      {
        body: { tdAttributes: (1n << 28n) | 1n },
        tdx: { attributes: { ...strictTdx.attributes, debug: 1 } },
        trust: { use: 'development' },
      },
    ],
    ['a listed module', { tdx: { mrSeam: ['09'.repeat(48)] } }],
    [
      'an image and settings of its own',
      {
        body: { mrConfigId: bytes(48, 7) },
        tdx: { mrtd: [{ ...listed, rtmr: rtmrText, mrConfigId: '07'.repeat(48) }], rtmr: [] },
      },
    ],
    [
      'the second of two images of one firmware',
      {
        tdx: {
          mrtd: [
            { ...listed, rtmr: ['', '', '', ''] },
            { ...listed, rtmr: rtmrText },
          ],
          rtmr: [],
        },
      },
    ],
    [
      'settings that the policy names for all',
      { body: { mrConfigId: bytes(48, 7) }, tdx: { mrConfigId: '07'.repeat(48) } },
    ],
    [
      'an owner that policy names',
      { body: { mrOwner: bytes(48, 7) }, tdx: { mrOwner: '07'.repeat(48), mrOwnerConfig: null } },
    ],
    [
      'any owner, where nothing is asked',
      { body: { mrOwner: bytes(48, 7), mrOwnerConfig: bytes(48, 8) }, tdx: { mrOwner: null, mrOwnerConfig: null } },
    ],
    ['the second of two images', { tdx: { rtmr: [['00', '00', '00', '00'], rtmrText] } }],
  ]
  test.each(borne)('%s', async (_, changes) => {
    expect(await refusal(changes)).toBe('accepted')
  })
})

describe('refused', () => {
  const cases = [...quoteCases, ...chainCases, ...collateralCases, ...platformCases, ...guestCases]

  test.each(cases)('%s: %s', async (finding, _, changes) => {
    expect(await refusal(changes)).toBe(finding)
  })

  test('every finding has a case', () => {
    expect(Object.keys(tdxFindings).filter((code) => !cases.some(([finding]) => finding === code))).toEqual([])
  })

  test('a policy without a section for this kind wants none of it, whatever it is', async () => {
    expect(await refusal({ policy: { tdx: undefined }, mangle: () => bytes(1, 0) })).toBe('policy-refused')
  })

  test('an ended trust root', async () => {
    expect(await refusal({ trust: { notAfter: now } })).toBe('root-expired')
  })
})

test('of many faults the lowest number is told: mended one by one, the numbers rise through all that TDX has', async () => {
  const theirs = { digest: 'ee'.repeat(48), notAfter: Infinity, mrConfigId: '02'.repeat(48) }
  const good: Changes = {
    body: { mrConfigId: bytes(48, 1) },
    tdx: { mrtd: [{ ...listed, mrConfigId: '01'.repeat(48) }, theirs] },
  }
  const faults: readonly (readonly [number, Changes])[] = [
    [1, { evidence: { endorsements: [bytes(1, 1)] } }],
    [2, { tdx: { quoteVersions: [] } }],
    [3, { quote: { tail: bytes(1, 1) } }],
    [4, { quote: { header: { vendorId: bytes(16, 1) } } }],
    [5, { leaf: { tail: bytes(1, 0) } }],
    [6, { trust: { vendorRoots: [] } }],
    [7, { tcbInfo: { nextUpdate: timeText(now - day) } }],
    [8, { tcbInfo: { fmspc: '00'.repeat(6) } }],
    [9, { tdx: { chips: { mode: 'allowlist', sha256: [] } } }],
    [10, { enclave: { isvProdId: 1 } }],
    [11, { tdx: { statuses: [] } }],
    [12, { quote: { signature: bytes(64, 0) } }],
    [13, { body: { tdAttributes: 1 } }],
    [16, { tdx: { mrtd: [theirs] } }],
    [17, { body: { mrConfigId: bytes(48, 9) } }],
    [18, { body: { mrConfigId: bytes(48, 2) } }],
    [19, { expected: bytes(64, 1) }],
  ]
  const numbers: (number | undefined)[] = []
  for (let mended = 0; mended < faults.length; mended++) {
    const changes = faults.slice(mended).map(([, fault]) => fault)
    const code = await refusal(changes.toReversed().reduce(merged, good))
    numbers.push(tdxFindings[code as TdxFinding])
  }
  expect(numbers).toEqual(faults.map(([number]) => number))
  expect(await refusal(good)).toBe('accepted')
})

describe('the verdict ends with the first of', () => {
  const soon = now + 3_600_000
  const ends: readonly (readonly [string, Changes])[] = [
    ['leaf', { leaf: { notAfter: soon } }],
    ['issuer', { ca: { notAfter: soon } }],
    ['root', { root: { notAfter: soon } }],
    ['who signs ratings', { signer: { notAfter: soon } }],
    ['ratings', { tcbInfo: { nextUpdate: timeText(soon) } }],
    ['age of ratings', { tcbInfo: { issueDate: timeText(soon - 15 * day) }, age: { tdxMaxAge: 15 * day } }],
    ['identity of the quoting enclave', { qeIdentity: { nextUpdate: timeText(soon) } }],
    ['list of platforms', { pckCrl: { nextUpdate: soon } }],
    ['age of the list of platforms', { pckCrl: { thisUpdate: soon - 15 * day }, age: { tdxMaxAge: 15 * day } }],
    ['list of issuers', { rootCrl: { nextUpdate: soon } }],
    ['measurement', { tdx: { mrtd: [{ ...listed, notAfter: soon }] } }],
    ['trust root', { trust: { notAfter: soon } }],
  ]
  test.each(ends)('%s', async (_, changes) => {
    expect((await verdict(changes)).notAfter).toBe(soon)
  })
})

describe('what the verdict says', () => {
  const any = { chips: { mode: 'any', sha256: [] } } as const
  test('chips of anybody, and ratings of any age', async () => {
    const { notVerified } = await verdict({ tdx: { ...any, minTcbEval: 0 }, trust: { chips: 'any' } })
    expect(notVerified).toEqual(['chip', 'age of TCB ratings', 'gpu', 'transparency log', 'policy signature'])
  })
  test('chips of a log are for the caller to look up', async () => {
    const { notVerified } = await verdict({ tdx: any, trust: { chips: 'log' } })
    expect(notVerified).toContain('chip log')
  })
  test('the ratings of each part, the worst of them, and every advisory once', async () => {
    const advisoryIDs = ['INTEL-SA-00837']
    const { tdx } = await verdict({
      tcbInfo: {
        tcbLevels: [platformLevel({}, 'SWHardeningNeeded', { advisoryIDs })],
        tdxModuleIdentities: [moduleLevels('TDX_01', [svnLevel(7), svnLevel(6, 'OutOfDate', { advisoryIDs })])],
      },
      tdx: bornBy('UpToDate', 'SWHardeningNeeded', 'OutOfDate'),
    })
    expect(tdx?.tcb).toEqual({
      ...{ platform: 'SWHardeningNeeded', module: 'OutOfDate', quotingEnclave: 'UpToDate', status: 'OutOfDate' },
      advisories: advisoryIDs,
    })
  })
})

test('what was proven changes no answer: other bytes under the same signature are refused', async () => {
  const proven = new Proven()
  const question = ask()
  const first = await judge({ ...question, proven })
  expect(await judge({ ...question, proven })).toEqual(first)
  const text = fromUtf8(question.evidence.collateral ?? bytes(0, 0))
  const collateral = utf8(text.replace('OutOfDate', 'UpToDate'))
  const forged = { ...question.evidence, collateral }
  expect(await codeOf(() => judge({ ...question, evidence: forged, proven }))).toBe('collateral-signature-refused')
})

test('no single bit of the quote can change and stay accepted', async () => {
  const question = ask()
  const proven = new Proven()
  const { report } = question.evidence
  const codes = new Set<string>()
  for (let at = 0; at < report.length; at++) {
    const changed = report.with(at, (report[at] ?? 0) ^ (1 << (at % 8)))
    codes.add(await codeOf(() => judge({ ...question, evidence: { ...question.evidence, report: changed }, proven })))
  }
  expect(codes).not.toContain('accepted')
})

test('nothing can be cut from the quote, nor put behind it', async () => {
  const question = ask()
  const { report } = question.evidence
  const codes = new Set<string>()
  for (let length = 0; length < report.length; length += 37) {
    codes.add(
      await codeOf(() => judge({ ...question, evidence: { ...question.evidence, report: report.slice(0, length) } })),
    )
  }
  expect([...codes]).toEqual(['bad-evidence'])
  const longer = { ...question.evidence, report: concat(report, bytes(1, 1)) }
  expect(await codeOf(() => judge({ ...question, evidence: longer }))).toBe('reserved-not-zero')
})

function signerEnding() {
  return [
    extension('2.5.29.15', der.bitString(Uint8Array.of(0xc0), 6), true),
    extension('2.5.29.19', der.sequence(), true),
  ]
}

/** Changes on changes: objects of both are joined, the second wins. */
function merged(under: Changes, over: Changes): Changes {
  const join = (name: keyof Changes) => {
    const [a, b] = [under[name], over[name]]
    const plain = (value: unknown) => typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
    return plain(a) && plain(b) ? { ...(a as object), ...(b as object) } : (b ?? a)
  }
  const names = [...Object.keys(under), ...Object.keys(over)] as (keyof Changes)[]
  return Object.fromEntries(names.map((name) => [name, join(name)]))
}
