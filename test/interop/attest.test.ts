/** Evidence through the door's own process: every SNP, AMD, TDX and Intel entry of MANIFEST.json gives what it states. */
import { beforeAll, describe, expect, test } from 'vitest'
import { checkOf } from '../../shared/attestation/sev-snp/findings.ts'
import { strictSnp } from '../../shared/attestation/sev-snp/policy.ts'
import { createSimulatedPlatform, createSimulatedRoot } from '../../shared/attestation/simulated.ts'
import { hex } from '../../shared/bytes.ts'
import type { RefusalCode } from '../../shared/refusal.ts'
import { entries, of, read, text, there, type Entry } from '../shared/attestation/manifest.ts'
import * as snpReal from '../shared/attestation/sev-snp/real.ts'
import * as tdxReal from '../shared/attestation/tdx/real.ts'
import { ask, type Answer } from './ask.ts'

type Json = Readonly<Record<string, unknown>>
type Asked = { readonly files: readonly string[]; readonly case: Json; readonly answer: object }

const asked: Asked[] = []
const accepted = (files: readonly string[], one: Json, ok: object) => asked.push({ files, case: one, answer: { ok } })
const refused = (files: readonly string[], one: Json, code: string) =>
  asked.push({ files, case: one, answer: { refused: code } })

if (there) {
  askSnp()
  askAmd()
  askAzure()
  askTdx()
  askIntel()
}

function snpCase(entry: Entry, changes: Json = {}, now = '2025-09-10T00:00:00Z'): Json {
  const { product = 'Milan', leafKind = 'VCEK' } = entry.expected
  const leaf = hex(read(entry.file.replace('.report.bin', `.${leafKind.toLowerCase()}.der`)))
  const list = product === 'Turin' ? [] : [text(`amd/crl_${product.toLowerCase()}.pem`)]
  const { fields } = entry
  return {
    ...{ op: 'attest.judge', kind: 'sev-snp', evidence: hex(read(entry.file)), now },
    endorsements: [leaf, snpReal.issuersOf(product, leafKind), ...list],
    policy: { role: 'test', snp: { ...snpReal.lax, measurements: [{ digest: fields['measurement'] }], ...changes } },
    report_data: fields['reportData'],
  }
}

function askSnp(): void {
  for (const [file, entry] of snpReal.whole) {
    const { product, leafKind } = entry.expected
    const { measurement, reportedTcb } = entry.fields
    accepted([file], snpCase(entry), { measurement, product, leaf: leafKind, tcb: reportedTcb })
    refused([file], { ...snpCase(entry), report_data: '01'.repeat(64) }, 'binding-mismatch')
    refused([file], snpCase(entry, { measurements: [] }), 'measurement-refused')
    // Strict in everything that d.1 has: the manifest's findings, the lowest first.
    const strict = { ...strictSnp, measurements: undefined, chips: { mode: 'any', sha256: [] } }
    refused([file], snpCase(entry, strict), lowest(entry))
  }
  for (const [file, entry] of snpReal.reports) {
    if (entry.expected.product === 'Turin') refused([file], snpCase(entry), 'crl-missing')
  }
  const [, vlek] = byName(snpReal.reports, 'aws-vlek')
  refused([vlek.file], snpCase(vlek, {}, '2026-11-22T00:00:00Z'), 'certificate-expired')
  const [, good] = byName(snpReal.reports, 'oc-release')
  const [noLeaf] = byName(of('snp-report', 'snp/'), 'noleaf')
  refused([noLeaf], { ...snpCase(good), evidence: hex(read(noLeaf)), endorsements: [] }, 'leaf-missing')
  const invalid = 'snp/test-vcek-invalid-legacy.der'
  const [, ...issuers] = snpCase(good)['endorsements'] as string[]
  refused([invalid], { ...snpCase(good), endorsements: [hex(read(invalid)), ...issuers] }, 'bad-chain')
  for (const [file] of [...of('vcek-cert', 'snp/'), ...of('vlek-cert', 'snp/')]) {
    const report = snpReal.reports.find(([name]) => file.startsWith(name.replace('.report.bin', '.')))
    if (report === undefined) continue
    const answer = report[1].expected.product === 'Turin' ? { refused: 'crl-missing' } : { ok: {} }
    asked.push({ files: [file], case: snpCase(report[1]), answer })
  }
}

/** Our word for the finding of the manifest that has the lowest number in a.6. */
function lowest(entry: Entry): string {
  const words: Readonly<Record<string, RefusalCode>> = {
    REPORT_VERSION_TOO_OLD: 'report-version-refused',
    VLEK_NOT_ALLOWED: 'vlek-refused',
    'PRODUCT_NOT_ALLOWED(Milan)': 'product-refused',
    PROVISIONAL_FIRMWARE: 'firmware-provisional',
    DEBUG_ALLOWED: 'debug-allowed',
    SMT_ENABLED: 'smt-allowed',
  }
  const codes = (entry.expected.strictPolicyFindings ?? []).flatMap((finding) => words[finding] ?? [])
  return codes.toSorted((a, b) => (checkOf(a) ?? 99) - (checkOf(b) ?? 99))[0] ?? 'no finding'
}

function askAmd(): void {
  for (const [file] of of('amd-ca-chain', 'amd/')) {
    const kind = file.includes('vlek') ? 'VLEK' : 'VCEK'
    const fits = snpReal.reports.find(
      ([, { expected }]) => file === `amd/${issuersFile(expected.product ?? 'Milan', expected.leafKind ?? 'VCEK')}`,
    )
    const [, other] = byName(snpReal.whole, kind === 'VLEK' ? 'oc-release' : 'aws-vlek')
    const [leaf, , list] = snpCase(other)['endorsements'] as string[]
    // A chain of the other kind or product: read, of a pinned root, and not this leaf's.
    refused([file], { ...snpCase(other), endorsements: [leaf, text(file), list] }, 'certificate-name-mismatch')
    if (fits !== undefined && fits[1].expected.product !== 'Turin') accepted([file], snpCase(fits[1]), {})
  }
  for (const [file, { expected }] of of('amd-crl', 'amd/')) {
    const [, entry] = byName(snpReal.whole, file.includes('genoa') ? 'genoa-v5' : 'oc-release')
    const ends = (expected.staleAfter ?? '').replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6')
    accepted([file], snpCase(entry, {}, `${ends}.000Z`), {})
    refused([file], snpCase(entry, {}, `${ends}.001Z`), 'crl-expired')
    const { endorsements, ...others } = snpCase(entry)
    const [leaf, issuers, list] = endorsements as string[]
    refused([file], { ...others, endorsements: [leaf, issuers] }, 'crl-missing')
    accepted([file], { ...others, endorsements: [leaf, issuers], collateral: list }, {})
  }
}

function issuersFile(product: string, kind: string): string {
  const end = product === 'Turin' ? `_${kind.toLowerCase()}` : kind === 'VLEK' ? '_vlek' : ''
  return `ask_ark_${product.toLowerCase()}${end}.pem`
}

/** The report that Azure's blob holds: the judge takes it, and what it binds is Azure's. */
function askAzure(): void {
  const [, good] = byName(snpReal.whole, 'oc-release')
  for (const [file] of of('azure-hcl-report', 'azure/snp')) {
    const product = file.includes('genoa') ? 'genoa' : 'milan'
    const report = read(file).subarray(32, 32 + 1184)
    const leaf = file.replace('.hcl.bin', '.vcek.der')
    const policy = { snp: { ...snpReal.lax, measurements: [{ digest: hex(report.subarray(0x90, 0xc0)) }] } }
    const evidence = {
      ...{ evidence: hex(report), report_data: hex(report.subarray(0x50, 0x90)), policy },
      endorsements: [hex(read(leaf)), text(`amd/ask_ark_${product}.pem`), text(`amd/crl_${product}.pem`)],
    }
    accepted([file, leaf], { ...snpCase(good), ...evidence }, {})
    refused([file], { ...snpCase(good), ...evidence, evidence: hex(read(file)) }, 'bad-evidence')
  }
  const [file] = byName(of('azure-hcl-report', 'azure/'), 'tdx')
  const tdReport = hex(read(file).subarray(32, 32 + 1024))
  refused([file], { ...tdxCase(tdxReal.quoteOf('uptodate'), 'uptodate'), evidence: tdReport }, 'report-version-refused')
}

function tdxCase(entry: Entry, which: tdxReal.Held, changes: Json = {}): Json {
  const { mrtd, ...registers } = tdxReal.registersOf(entry)
  return {
    ...{ op: 'attest.judge', kind: 'tdx', evidence: hex(read(entry.file)), endorsements: [] },
    ...{ now: new Date(tdxReal.timeOf(which)).toISOString(), report_data: entry.fields['reportData'] },
    collateral: JSON.parse(new TextDecoder().decode(tdxReal.collateralOf(which))) as Json,
    policy: {
      version: 1,
      serial: 42,
      role: 'test',
      tdx: { ...registers, mrtd: mrtd.map(({ digest }) => digest), ...changes },
    },
  }
}

function askTdx(): void {
  const stated: readonly (readonly [name: string, which: tdxReal.Held, code: string])[] = [
    ['gcp-spr-e4', 'uptodate', 'reserved-not-zero'],
    ['phala-tcb-unsupported', 'unsupported', 'tcb-unsupported'],
    // Nobody stored ratings for these platforms: none, or those of another, are a refusal before any other finding.
    ...['cos113', 'debug', 'mrconfigid', 'openpcc'].map((name) => [name, 'uptodate', 'collateral-mismatch'] as const),
  ]
  for (const [name, which, code] of stated) {
    const entry = tdxReal.quoteOf(name)
    refused([entry.file], tdxCase(entry, which), code)
    const none = code === 'reserved-not-zero' ? code : 'collateral-missing'
    refused([entry.file], { ...tdxCase(entry, which), collateral: undefined }, none)
  }
  for (const [name, which] of [
    ['phala-uptodate', 'uptodate'],
    ['gnr-sample', 'unsupported'],
  ] as const) {
    const entry = tdxReal.quoteOf(name)
    const { mrTd: measurement, fmspc } = entry.fields
    const ok = { measurement, fmspc, tcb: { status: 'UpToDate' } }
    accepted([entry.file], tdxCase(entry, which), ok)
    accepted([entry.file], { ...tdxCase(entry, which), collateral: hex(tdxReal.collateralOf(which)) }, ok)
    refused([entry.file], { ...tdxCase(entry, which), report_data: '00'.repeat(64) }, 'binding-mismatch')
    refused([entry.file], tdxCase(entry, which, { mrtd: [] }), 'measurement-refused')
    refused([entry.file], tdxCase(entry, which, { rtmr: [] }), 'rtmr-refused')
    refused([entry.file], tdxCase(entry, which, { minTcbEval: 99 }), 'collateral-rolled-back')
    refused([entry.file], tdxCase(entry, which, { chips: { sha256: [] } }), 'chip-refused')
    refused([entry.file], { ...tdxCase(entry, which), endorsements: ['00'] }, 'bad-evidence')
    refused([entry.file], { ...tdxCase(entry, which), policy: { snp: {} } }, 'policy-refused')
  }
}

function askIntel(): void {
  const good = tdxReal.quoteOf('uptodate')
  const collateral = tdxCase(good, 'uptodate')['collateral'] as Json
  const late = (time: string) => ({ ...tdxCase(good, 'uptodate'), now: time })
  accepted(['intel/phala_uptodate_collateral.json'], late('2025-07-19T10:00:35.000Z'), {
    expires: '2025-07-19T10:00:35.000Z',
  })
  refused(['intel/phala_uptodate_collateral.json'], late('2025-07-19T10:00:35.001Z'), 'crl-expired')
  refused(['intel/phala_uptodate_collateral.json'], late('2025-08-01T00:00:00Z'), 'collateral-expired')
  const other = tdxReal.quoteOf('phala-tcb-unsupported')
  refused(['intel/phala_unsupported_collateral.json'], tdxCase(other, 'unsupported'), 'tcb-unsupported')
  const instead = (name: string, value: string) => ({
    ...tdxCase(good, 'uptodate'),
    collateral: { ...collateral, [name]: value },
  })
  for (const [file] of tdxReal.responses.filter(([, { expected }]) => expected.mustReject === 'COLLATERAL_EXPIRED')) {
    const { inner, signature } = tdxReal.partsOf(file)
    const name = file.includes('tcbinfo') ? 'tcb_info' : 'qe_identity'
    const stale = { ...collateral, [name]: inner, [`${name}_signature`]: signature }
    refused([file], { ...tdxCase(good, 'uptodate'), collateral: stale }, 'collateral-expired')
    refused([file], instead(name, inner), 'collateral-signature-refused')
  }
  const ratings = 'intel/tcbinfo_90c06f_2026.json'
  const fetched = JSON.parse(new TextDecoder().decode(tdxReal.withRatings('unsupported', ratings))) as Json
  accepted(
    [ratings],
    { ...tdxCase(tdxReal.quoteOf('gnr-sample'), 'unsupported'), collateral: fetched },
    { tcb: { status: 'UpToDate' } },
  )
  refused(
    ['intel/pck_platform_2023.crl.der'],
    instead('pck_crl', hex(read('intel/pck_platform_2023.crl.der'))),
    'crl-expired',
  )
  refused(['intel/root_2023.crl.der'], instead('root_ca_crl', hex(read('intel/root_2023.crl.der'))), 'crl-expired')
}

describe.skipIf(!there)('real evidence', () => {
  let answers: Answer[] = []
  beforeAll(async () => {
    answers = await ask(asked.map((one, id) => ({ id: String(id), ...one.case })))
  }, 60_000)

  test.each(asked.map((one, index) => [one.files.join(', '), one.answer, index] as const))(
    '%s: %j',
    (_, answer, index) => {
      expect(answers[index]).toMatchObject(answer)
    },
  )

  test('every entry of these folders was asked about', () => {
    const files = new Set(asked.flatMap((one) => one.files))
    const folders = /^(snp|amd|tdx|intel|azure)\//
    const left = entries.filter(
      ({ file, kind }) => folders.test(file) && kind !== 'azure-vtpm-evidence' && !files.has(file),
    )
    expect(left.map(({ file }) => file)).toEqual([])
    expect(files.size).toBeGreaterThan(40)
  })
})

describe('simulated evidence', () => {
  test('only by the leave of the case, and bound by fields or by their digest', async () => {
    const seed = (value: number) => new Uint8Array(32).fill(value)
    const root = await createSimulatedRoot(seed(1))
    const notAfter = Date.UTC(2026, 10, 23)
    const endorsement = await root.endorse({ platformSeed: seed(2), notAfter })
    const measurement = new Uint8Array(48).fill(3)
    const machine = await createSimulatedPlatform({ platformSeed: seed(2), endorsement, measurement, role: 'test' })
    const binding = {
      kind: 1,
      role: 'test',
      spki_sha256: '04'.repeat(32),
      nonce: '05'.repeat(32),
      exporter: '06'.repeat(32),
    }
    const [made] = await ask([{ id: 'make', op: 'report-data.make', ...binding }])
    const { report } = await machine.evidence({ reportData: Uint8Array.fromHex(String(made?.ok)), notAfter })
    const one = {
      ...{ op: 'attest.judge', kind: 'simulated', evidence: hex(report), endorsements: [hex(endorsement)] },
      ...{ policy: { role: 'test' }, now: '2026-11-22T12:00:00Z', binding },
      allow_simulated: { rootSha256: root.rootSha256, measurement: hex(measurement) },
    }
    const { binding: fields, ...digested } = one
    expect(
      await ask([
        { ...one, id: 'bound' },
        { ...digested, id: 'digest', report_data: made?.ok },
        { ...one, id: 'unasked', allow_simulated: undefined },
        { ...one, id: 'policy', policy: { role: 'test', allowSimulated: one.allow_simulated } },
        { ...one, id: 'other', binding: { ...fields, nonce: '07'.repeat(32) } },
      ]),
    ).toMatchObject([
      { id: 'bound', ok: { measurement: hex(measurement), simulated: true, expires: '2026-11-23T00:00:00.000Z' } },
      { id: 'digest', ok: { role: 'test' } },
      { id: 'unasked', refused: 'simulated-not-allowed' },
      { id: 'policy', refused: 'bad-encoding' },
      { id: 'other', refused: 'binding-mismatch' },
    ])
  })
})

test('what is no question is refused as such', async () => {
  const good = { op: 'attest.judge', kind: 'tdx', evidence: '00', now: '2026-11-22T12:00:00Z', policy: { tdx: {} } }
  const changes: Readonly<Record<string, object>> = {
    'a kind that is none': { kind: 'sgx' },
    'no evidence': { evidence: undefined },
    'evidence that is no hex': { evidence: '0' },
    'a time that is none': { now: 'soon' },
    'a short report_data': { report_data: '01' },
    'neither report_data nor binding': { report_data: undefined },
    'a policy with an unknown key': { policy: { tdx: {}, vendorRoots: [] } },
    'no policy': { policy: undefined },
  }
  const cases = Object.entries(changes).map(([id, change]) => ({
    ...good,
    report_data: '01'.repeat(64),
    ...change,
    id,
  }))
  expect(await ask(cases)).toEqual(cases.map(({ id }) => ({ id, refused: 'bad-encoding' })))
})

function byName(list: readonly (readonly [string, Entry])[], part: string): readonly [string, Entry] {
  const found = list.find(([file]) => file.includes(part))
  if (found === undefined) throw new Error(`no entry ${part}`)
  return found
}
