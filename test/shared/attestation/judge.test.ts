/** The judge on simulated evidence: every check has a case that only it refuses. trust.md 7, attestation.md a.6. */
import { describe, expect, test } from 'vitest'
import type { Evidence } from '../../../shared/attestation/evidence.ts'
import { judge, type Question } from '../../../shared/attestation/judge.ts'
import { createSimulatedPlatform, createSimulatedRoot } from '../../../shared/attestation/simulated.ts'
import { concat, hex, uint16, uint64, utf8 } from '../../../shared/bytes.ts'
import { ed25519FromSeed } from '../../../shared/tlog/ed25519.ts'
import { codeOf } from '../tlog/code-of.ts'
import { hour, now } from './makers.ts'

const seed = (byte: number) => new Uint8Array(32).fill(byte)
const measurement = new Uint8Array(48).fill(0xaa)
const reportData = new Uint8Array(64).fill(0xbb)
const role = 'orchestrator-cvm'
const root = await createSimulatedRoot(seed(1))
const endorsement = await root.endorse({ platformSeed: seed(2), notAfter: now + 2 * hour })

async function evidenceOf({ claim = {}, machine = {} }: { claim?: object; machine?: object } = {}): Promise<Evidence> {
  const platform = await createSimulatedPlatform({ platformSeed: seed(2), endorsement, measurement, role, ...machine })
  return platform.evidence({ reportData, notAfter: now + hour, ...claim })
}

const good = await evidenceOf()
const question: Question = {
  evidence: good,
  expected: { reportData },
  policy: { role, allowSimulated: { rootSha256: root.rootSha256, measurement: hex(measurement) } },
  trust: { use: 'development' },
  now,
}
const verdict = (changes: Partial<Question> = {}) => judge({ ...question, ...changes })
const refusal = (changes: Partial<Question>) => codeOf(() => verdict(changes))

test('good evidence: the verdict says that it is simulated, and what nobody checked', async () => {
  expect(await verdict()).toEqual({
    kind: 'simulated',
    measurement: hex(measurement),
    role,
    simulated: true,
    notAfter: now + hour,
    notVerified: ['hardware', 'firmware', 'chip', 'gpu', 'transparency log', 'policy signature'],
  })
})

describe('the verdict ends with the first of', () => {
  test('report', async () => expect((await verdict()).notAfter).toBe(now + hour))
  test('endorsement', async () => {
    const evidence = await evidenceOf({ claim: { notAfter: now + 3 * hour } })
    expect((await verdict({ evidence })).notAfter).toBe(now + 2 * hour)
  })
  test('trust root', async () => {
    const trust = { use: 'development', notAfter: now + 1000 } as const
    expect((await verdict({ trust })).notAfter).toBe(now + 1000)
  })
})

describe('leave', () => {
  test('nobody asked for it: simulated-not-allowed', async () => {
    expect(await refusal({ policy: { role } })).toBe('simulated-not-allowed')
  })
  test('a production root: simulated-not-allowed, whatever the caller allows', async () => {
    expect(await refusal({ trust: { use: 'production' } })).toBe('simulated-not-allowed')
  })
  test('leave is asked before anything is read', async () => {
    const evidence = { ...good, report: Uint8Array.of(0) }
    expect(await refusal({ evidence, policy: { role } })).toBe('simulated-not-allowed')
  })
  test('an ended trust root: root-expired', async () => {
    expect(await refusal({ trust: { use: 'development', notAfter: now } })).toBe('root-expired')
  })
})

describe('structure: bad-evidence', () => {
  const [first = Uint8Array.of()] = good.endorsements
  test.each<[string, Partial<Evidence>]>([
    ['no endorsement', { endorsements: [] }],
    ['two endorsements', { endorsements: [first, first] }],
    ['a report in place of the endorsement', { endorsements: [good.report] }],
    ['an endorsement in place of the report', { report: first }],
    ['a report one byte short', { report: good.report.slice(0, -1) }],
    ['a report one byte long', { report: concat(good.report, Uint8Array.of(0)) }],
    ['an endorsement one byte short', { endorsements: [first.slice(0, -1)] }],
    ['an endorsement one byte long', { endorsements: [concat(first, Uint8Array.of(0))] }],
    ['an empty report', { report: new Uint8Array(0) }],
    ['collateral', { collateral: Uint8Array.of(1) }],
    ['a report over the cap', { report: new Uint8Array(65_537) }],
  ])('%s', async (_, change) => {
    expect(await refusal({ evidence: { ...good, ...change } })).toBe('bad-evidence')
  })

  test.each([
    ['another layout', { label: 'asunder simulated report v2\0' }],
    ['an empty role', { role: utf8('') }],
    ['a role that is not UTF-8', { role: Uint8Array.of(0xff) }],
    ['a role longer than the report', { role: utf8(role), roleLength: 999 }],
    ['a time beyond all clocks', { notAfter: 2n ** 63n }],
  ])('%s, well signed', async (_, change) => {
    expect(await refusal({ evidence: { ...good, report: await signedReport(change) } })).toBe('bad-evidence')
  })

  test('the report that these cases depart from is good', async () => {
    expect(await refusal({ evidence: { ...good, report: await signedReport({}) } })).toBe('accepted')
  })
})

describe('chain', () => {
  test('another root: bad-chain', async () => {
    const other = await createSimulatedRoot(seed(9))
    const machine = { endorsement: await other.endorse({ platformSeed: seed(2), notAfter: now + hour }) }
    expect(await refusal({ evidence: await evidenceOf({ machine }) })).toBe('bad-chain')
  })
  test('the right root named, but signed by another key: bad-chain', async () => {
    const forged = endorsement.slice()
    forged.set(await (await ed25519FromSeed(seed(9))).sign(forged.slice(0, -64)), forged.length - 64)
    expect(await refusal({ evidence: await evidenceOf({ machine: { endorsement: forged } }) })).toBe('bad-chain')
  })
  test('an endorsement that ended: evidence-expired', async () => {
    const machine = { endorsement: await root.endorse({ platformSeed: seed(2), notAfter: now }) }
    expect(await refusal({ evidence: await evidenceOf({ machine }) })).toBe('evidence-expired')
  })
})

test('signature: a report of a platform that was not endorsed: bad-signature', async () => {
  const evidence = await evidenceOf({ machine: { platformSeed: seed(3) } })
  expect(await refusal({ evidence })).toBe('bad-signature')
})

describe('policy', () => {
  test.each([
    ['in its last moment', now + hour - 1, 'accepted'],
    ['at its end', now + hour, 'evidence-expired'],
  ])('a report %s: %s', async (_, moment, code) => {
    expect(await refusal({ now: moment })).toBe(code)
  })
  test('another role: role-refused', async () => {
    expect(await refusal({ evidence: await evidenceOf({ machine: { role: 'summariser-cvm' } }) })).toBe('role-refused')
  })
  test('another measurement: measurement-refused', async () => {
    const machine = { measurement: measurement.with(47, 0) }
    expect(await refusal({ evidence: await evidenceOf({ machine }) })).toBe('measurement-refused')
  })
})

describe('binding', () => {
  test.each([0, 31, 63])('report_data with another byte at %i: binding-mismatch', async (index) => {
    expect(await refusal({ expected: { reportData: reportData.with(index, 0) } })).toBe('binding-mismatch')
  })
  test('all-zero report_data: binding-mismatch', async () => {
    const claim = { reportData: new Uint8Array(64) }
    expect(await refusal({ evidence: await evidenceOf({ claim }) })).toBe('binding-mismatch')
  })
  test('asking for another length, or for zeros, is a mistake of ours', async () => {
    await expect(verdict({ expected: { reportData: new Uint8Array(32).fill(1) } })).rejects.toThrow(TypeError)
    await expect(verdict({ expected: { reportData: new Uint8Array(64) } })).rejects.toThrow(TypeError)
  })
})

describe('order: with everything wrong, the earlier finding is told', () => {
  test('signature before policy and binding', async () => {
    const machine = { platformSeed: seed(3), role: 'other', measurement: measurement.with(0, 0) }
    const expected = { reportData: reportData.with(0, 0) }
    expect(await refusal({ evidence: await evidenceOf({ machine }), expected })).toBe('bad-signature')
  })
  test('policy before binding', async () => {
    const expected = { reportData: reportData.with(0, 0) }
    expect(await refusal({ evidence: await evidenceOf({ machine: { role: 'other' } }), expected })).toBe('role-refused')
  })
})

test('no single byte of report or endorsement can change and stay accepted', async () => {
  const codes = new Set<string>()
  for (let i = 0; i < good.report.length; i++) {
    const report = good.report.with(i, (good.report[i] ?? 0) ^ 1)
    codes.add(await refusal({ evidence: { ...good, report } }))
  }
  for (let i = 0; i < endorsement.length; i++) {
    const endorsements = [endorsement.with(i, (endorsement[i] ?? 0) ^ 1)]
    codes.add(await refusal({ evidence: { ...good, endorsements } }))
  }
  expect([...codes].toSorted()).toEqual(['bad-chain', 'bad-evidence', 'bad-signature'])
})

test.each([
  ['sev-snp', 'policy-refused'],
  ['tdx', 'policy-refused'],
] as const)('%s is not what the policy asks for: %s', async (kind, code) => {
  expect(await refusal({ evidence: { ...good, kind } })).toBe(code)
})

type ReportParts = { label?: string; role?: Uint8Array; roleLength?: number; notAfter?: bigint }

/** A report laid out by hand and signed by the endorsed platform. */
async function signedReport(parts: ReportParts): Promise<Uint8Array<ArrayBuffer>> {
  const name = parts.role ?? utf8(role)
  const label = utf8(parts.label ?? 'asunder simulated report v1\0')
  const end = uint64(parts.notAfter ?? BigInt((now + hour) / 1000))
  const signed = concat(label, measurement, reportData, end, uint16(parts.roleLength ?? name.length), name)
  return concat(signed, await (await ed25519FromSeed(seed(2))).sign(signed))
}
