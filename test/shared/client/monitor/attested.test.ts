/** The monitor on bundles of `inside`: all that is signed in them is judged, and that nobody judges the evidence is an alarm. */
import { describe, expect, test } from 'vitest'
import { cvmId, type CvmEntry } from '../../../../shared/attestation/bundle-fields.ts'
import type { AttestedBundle } from '../../../../shared/attestation/bundle.ts'
import { signStatement, type Statement } from '../../../../shared/attestation/serial-statement.ts'
import { signPolicy } from '../../../../shared/attestation/signed-policy.ts'
import { timeText } from '../../../../shared/tlog/json-fields.ts'
import { leafHash } from '../../../../shared/tlog/merkle.ts'
import type { Signer } from '../../../../shared/tlog/signer.ts'
import { leafOf, policyJson, role } from '../../attestation/policies.ts'
import { operator } from '../operator.ts'
import { around, deployment, hostileRelay, hour, type Deployment } from './deployment.ts'

const day = 24 * hour

type Scene = Deployment & {
  policy(changes?: Record<string, unknown>, signers?: readonly Signer[]): Promise<string>
  statement(changes?: Partial<Statement>, signer?: Signer): Promise<string>
  proofOf(policy: string): Promise<string>
  offer(more?: Partial<AttestedBundle>, cvm?: Partial<CvmEntry>): Promise<string>
  found(bundle: string): Promise<{ exit: number; rows: (string | undefined)[][]; notWatched: readonly string[] }>
}

async function scene(): Promise<Scene> {
  const it = await deployment({ placements: ['front', 'inside'] })
  const { policy: releasers, timestamp } = it.people.signers
  const relay = await hostileRelay()
  await it.log.checkpoint(it.witnesses)
  const self: Scene = Object.assign(it, {
    policy: (changes = {}, signers = releasers) => {
      const times = { notBefore: timeText(it.clock - day), notAfter: timeText(it.clock + 5 * day) }
      return signPolicy(policyJson({ ...times, ...changes }), signers)
    },
    statement: (changes = {}, signer = timestamp) =>
      signStatement({ role, serial: 42, time: it.clock - hour, ...changes }, signer),
    async proofOf(policy: string) {
      it.log.add(leafOf(policy))
      await it.log.checkpoint(it.witnesses)
      return it.log.prove(leafHash(leafOf(policy)))
    },
    async offer(more = {}, cvm = {}) {
      const policy = more.policy ?? (await self.policy())
      const policyProof = more.policyProof ?? (await self.proofOf(policy))
      const statement = more.statement ?? (await self.statement())
      const entry = { ...entryAt(it.clock, it.log.latest() ?? ''), ...cvm }
      return it.bundle({ placement: 'inside', statement, cvms: [entry], ...more, policy, policyProof })
    },
    async found(bundle: string) {
      relay.bundle = bundle
      const args = ['--relay', relay.url, '--log', it.log.published]
      const { exit, report } = await it.monitor(args, { placement: 'inside' })
      return { exit, rows: report.alarms.map(({ code, detail }) => [code, detail]), notWatched: report.notWatched }
    },
  } satisfies Omit<Scene, keyof Deployment>)
  return self
}

const keyConfig = Uint8Array.of(9, 8, 7)
const id = cvmId(keyConfig)
const entryAt = (clock: number, anchor: string): CvmEntry => ({
  ...{ id, layer: 'outer', keyConfig, policySha256: '00'.repeat(32), proof: 'a release proof', anchor },
  evidence: { kind: 'sev-snp', report: Uint8Array.of(1), endorsements: [Uint8Array.of(1)], collateral: null },
  ...around(clock),
})

const unjudged = ['bundle-refused', 'bundle-unverified, evidence-refused']

test('all is well but the evidence, which a client of this version refuses too', async () => {
  const it = await scene()
  const { exit, rows, notWatched } = await it.found(await it.offer())
  expect([exit, rows]).toEqual([1, [unjudged]])
  expect(notWatched).toContainEqual(expect.stringContaining('evidence and release proofs'))
})

test('a bundle that nobody signed is not looked into', async () => {
  const it = await scene()
  const bundle = (await it.offer({ policy: await it.policy({}, (await operator()).signers.policy) })).replace(
    '42',
    '43',
  )
  expect((await it.found(bundle)).rows).toEqual([['bundle-refused', 'bundle-unverified, bad-signature']])
})

describe('the policy', () => {
  test.each<[string, (it: Scene) => Promise<Partial<AttestedBundle>>, string[]]>([
    ['without a proof', () => Promise.resolve({ policyProof: '' }), ['policy-unlogged', 'no-proof']],
    [
      'with a proof that is none',
      () => Promise.resolve({ policyProof: 'hello' }),
      ['policy-unlogged', 'malformed-proof'],
    ],
    [
      'with the proof of another',
      async (it) => ({ policyProof: await it.proofOf(await it.policy({ serial: 41 })) }),
      ['policy-unlogged', 'root-mismatch'],
    ],
    [
      'signed by strangers',
      async (it) => ({ policy: await it.policy({}, (await operator()).signers.policy) }),
      ['policy-refused', 'unsigned'],
    ],
    [
      'that ended',
      async (it) => ({ policy: await it.policy({ notAfter: timeText(it.clock - hour / 2) }) }),
      ['policy-refused', 'policy-expired'],
    ],
    [
      'newer than which the releasers have one',
      async (it) => ({ statement: await it.statement({ serial: 43 }) }),
      ['statement-refused', 'rolled-back'],
    ],
    [
      'with a statement of the day before yesterday',
      async (it) => ({ statement: await it.statement({ time: it.clock - 25 * hour }) }),
      ['statement-refused', 'statement-too-old'],
    ],
    [
      'with a statement by somebody else',
      async (it) => ({ statement: await it.statement({}, (await operator()).signers.timestamp) }),
      ['statement-refused', 'unsigned'],
    ],
  ])('%s', async (_, make, row) => {
    const it = await scene()
    expect((await it.found(await it.offer(await make(it)))).rows).toEqual([unjudged, row])
  })

  test('does not go back, also after a restart', async () => {
    const it = await scene()
    await it.found(await it.offer())
    const older = await it.policy({ serial: 41 })
    const statement = await it.statement({ serial: 41 })
    for (const serial of [8, 9]) {
      const { rows } = await it.found(await it.offer({ serial, policy: older, statement }))
      expect(rows).toEqual([unjudged, ['policy-backwards', 'serial 41 after 42']])
    }
    expect((await it.found(await it.offer({ serial: 10 }))).rows).toEqual([unjudged])
  })

  test('of one serial is one and the same, and two are proof that stays', async () => {
    const it = await scene()
    await it.found(await it.offer())
    const other = await it.policy({ notAfter: timeText(it.clock + 4 * day) })
    expect((await it.found(await it.offer({ serial: 8, policy: other }))).rows).toEqual([
      unjudged,
      ['policy-equivocation', 'serial 42'],
    ])
    expect((await it.found(await it.offer({ serial: 9 }))).rows).toEqual([
      unjudged,
      ['policy-equivocation', 'serial 42'],
    ])
  })
})

test.each([
  [26, {}, undefined],
  [26.1, {}, `key ${id}: stale`],
  [98.1, {}, 'cosignature-too-old'],
  [13, { log: { maxCosignatureAge: 'PT12H' } }, `key ${id}: stale`],
])('trust.md 6: an anchor %f h old under a policy with %j', async (age, rules, detail) => {
  const it = await scene()
  const anchor = it.log.latest() ?? ''
  it.clock += age * hour
  const { rows } = await it.found(await it.offer({ policy: await it.policy(rules) }, { anchor }))
  const anchors = rows.filter(([code]) => code === 'anchor-old').map(([, said]) => said)
  expect(anchors).toEqual(detail === undefined ? [] : [detail])
})

test.each<[string, Partial<CvmEntry>, number, Record<string, unknown>, string[]]>([
  ['an inner key of an hour', { layer: 'inner' }, hour, {}, []],
  ['an inner key of more', { layer: 'inner' }, hour + 1000, {}, ['inner']],
  ['an outer key of a day', { layer: 'outer' }, day, {}, []],
  ['an outer key of more', { layer: 'outer' }, day + 1000, {}, ['outer']],
  [
    'an outer key of more than the policy wants',
    { layer: 'outer' },
    13 * hour,
    { binding: { maxKeyLife: 'PT12H' } },
    ['outer'],
  ],
])('%s', async (_, cvm, life, rules, layers) => {
  const it = await scene()
  const { notBefore } = around(it.clock)
  const times = { notBefore: notBefore + 1_800_000, notAfter: notBefore + 1_800_000 + life }
  const bundle = await it.offer(
    { notBefore, notAfter: notBefore + 1_800_000 + hour, policy: await it.policy(rules) },
    { ...cvm, ...times },
  )
  const old = (await it.found(bundle)).rows.filter(([code]) => code === 'key-too-old')
  expect(old.map(([, detail]) => detail?.split(' ')[0])).toEqual(layers)
})
