/** The monitor on bundles of `inside` and `sealed`: judged as a client judges them, and looked into part by part if refused. */
import { describe, expect, test } from 'vitest'
import type { CvmEntry } from '../../../../shared/attestation/bundle-fields.ts'
import type { AttestedBundle } from '../../../../shared/attestation/bundle.ts'
import { verifyPolicy } from '../../../../shared/attestation/signed-policy.ts'
import { verifyRoot } from '../../../../shared/attestation/trust-root.ts'
import { timeText } from '../../../../shared/tlog/json-fields.ts'
import { leafHash } from '../../../../shared/tlog/merkle.ts'
import { newKey } from '../../../gateway/town.ts'
import { publisher } from '../../../gateway/publisher.ts'
import { sealedMachine } from '../../../gateway/cvm/own-machine.ts'
import { serializeKeyConfigs, writeKeyConfig } from '../../../../shared/ohttp/key-config.ts'
import { fleet, keyBytes } from '../../attestation/fleet.ts'
import { hardwareJson, identityLeaf, judged } from '../../attestation/machine.ts'
import { now } from '../../attestation/makers.ts'
import { leafOf } from '../../attestation/policies.ts'
import { ask } from '../../attestation/sev-snp/forge.ts'
import { operator } from '../operator.ts'
import { scene, type EntryChanges, type Scene } from './attested-scene.ts'
import { around, hostileRelay, hour } from './deployment.ts'

const day = 24 * hour

test('all is well, and what evidence cannot show is said', async () => {
  const it = await scene()
  const { exit, rows, notWatched } = await it.found(await it.offer())
  expect([exit, rows]).toEqual([0, []])
  expect(notWatched).toContainEqual(expect.stringContaining('what evidence does not show: hardware, firmware'))
})

test('what the gateway’s own publisher makes of a sealed machine is watched without an alarm', async () => {
  const { machine } = await sealedMachine({ life: 5 * hour })
  const at = await publisher([machine])
  await at.publish()
  const it = await scene()
  it.clock = Date.now()
  const watched = await it.watch(at.bundle(), {
    allowSimulated: machine.allowSimulated,
    trust: at.ships.rootNote,
    placement: 'sealed',
  })
  expect(watched.report.alarms).toEqual([])
  expect(watched.report.vantages).toMatchObject([{ serial: 1 }])
})

test('a sealed bundle whose inner keys no client can use is refused, good evidence or not', async () => {
  const it = await scene()
  const ships = await fleet({ at: it.clock })
  const entry = await ships.entry(keyBytes('no key of any client'))
  const bundle = await ships.bundle([entry], { keys: serializeKeyConfigs([newKey().config]) })
  const watching = { allowSimulated: ships.allowSimulated, trust: ships.rootNote, placement: 'sealed' }
  expect((await it.watch(await ships.signed(bundle), watching)).codes).toEqual(['bundle-refused'])
})

test('a bundle that nobody signed is not looked into', async () => {
  const it = await scene()
  const bundle = await it.offer({ policy: await it.policy({}, (await operator()).signers.policy) })
  expect((await it.found(bundle.replace('42', '43'))).rows).toEqual([['bundle-refused', 'bad-signature']])
})

describe('the policy', () => {
  test.each<[string, (it: Scene) => Promise<Partial<AttestedBundle>>, [string, string]]>([
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
    const { exit, rows } = await it.found(await it.offer(await make(it)))
    expect([exit, rows]).toEqual([1, [['bundle-refused', row[1]], row]])
  })

  test('does not go back, also after a restart', async () => {
    const it = await scene()
    await it.found(await it.offer())
    const older = await it.policy({ serial: 41 })
    const statement = await it.statement({ serial: 41 })
    for (const serial of [8, 9]) {
      const { rows } = await it.found(await it.offer({ serial, policy: older, statement }))
      expect(rows).toEqual([['policy-backwards', 'serial 41 after 42']])
    }
    expect((await it.found(await it.offer({ serial: 10 }))).rows).toEqual([])
  })

  test('is older at a relay that has not followed yet, which is no alarm', async () => {
    const it = await scene()
    const slow = await hostileRelay(await it.offer())
    const next = await it.policy({ serial: 43 })
    const quick = await hostileRelay(await it.offer({ serial: 8, policy: next }))
    const leave = ['--allow-simulated', await it.leave()]
    const { codes } = await it.monitor(['--relay', `${quick.url},${slow.url}`, ...leave], { placement: 'inside' })
    expect(codes).toEqual([])
    slow.bundle = await it.offer({ serial: 9 })
    const later = await it.monitor(['--relay', `${quick.url},${slow.url}`, ...leave], { placement: 'inside' })
    expect(later.codes).toEqual(['policy-backwards'])
  })

  test('of one serial is one and the same, and two are proof that stays', async () => {
    const it = await scene()
    await it.found(await it.offer())
    const other = await it.policy({ notAfter: timeText(it.clock + 4 * day) })
    const two = [['policy-equivocation', 'serial 42']]
    expect((await it.found(await it.offer({ serial: 8, policy: other }))).rows).toEqual(two)
    expect((await it.found(await it.offer({ serial: 9 }))).rows).toEqual(two)
  })
})

describe('the evidence', () => {
  const other = writeKeyConfig(newKey(9).config)

  test.each<[string, (it: Scene) => Promise<EntryChanges>, string]>([
    ['for another key', () => Promise.resolve({ bound: { keyConfigSha256: new Uint8Array(32) } }), 'binding-mismatch'],
    ['for another role', () => Promise.resolve({ bound: { role: 'other' } }), 'binding-mismatch'],
    ['for another moment', () => Promise.resolve({ bound: { anchor: new Uint8Array(40) } }), 'binding-mismatch'],
    [
      'of a neighbour',
      async (it) => ({ evidence: (await it.entry({ keyConfig: other })).evidence }),
      'binding-mismatch',
    ],
    [
      'of a machine of somebody else',
      async () => ({ evidence: (await (await scene()).entry()).evidence }),
      'bad-chain',
    ],
    [
      'that ended',
      async (it) => {
        const evidence = (await it.entry()).evidence
        it.clock += 25 * hour
        return { evidence }
      },
      'evidence-expired',
    ],
  ])('%s', async (_, make, reason) => {
    const it = await scene()
    const cvm = await make(it)
    const { exit, rows } = await it.found(await it.offer({}, cvm))
    expect([exit, rows.map(([code]) => code)]).toEqual([1, ['bundle-refused', 'evidence-refused']])
    expect(rows).toEqual([
      ['bundle-refused', reason],
      ['evidence-refused', expect.stringMatching(`^key [0-9a-f]{16}: ${reason}$`)],
    ])
  })

  test('that is simulated, where nobody allowed that', async () => {
    const it = await scene()
    const { rows } = await it.found(await it.offer(), { simulated: false })
    expect(rows.map(([code]) => code)).toEqual(['bundle-refused', 'evidence-refused'])
    expect(rows[0]).toEqual(['bundle-refused', 'simulated-not-allowed'])
  })

  test('of every key is looked at, and each that is refused is named', async () => {
    const it = await scene()
    const bad = { bound: { role: 'other' } }
    const good = await it.entry()
    const cvms = [await it.entry(bad), await it.entry({ ...bad, keyConfig: other })]
    const { rows } = await it.found(await it.offer({ cvms }))
    const named = rows.filter(([code]) => code === 'evidence-refused').map(([, detail]) => detail)
    expect(named).toEqual(cvms.map(({ id }) => `key ${id}: binding-mismatch`))
    const [first] = cvms
    const mixed = await it.found(await it.offer({ serial: 8, cvms: [good, ...cvms.slice(1)] }))
    expect(JSON.stringify(mixed.rows)).not.toContain(first?.id)
  })

  test('of several keys does not stand for one more in the list', async () => {
    const it = await scene()
    const rider = await it.offer({ keys: Uint8Array.from([...(await listed(it)), ...(await listed(it, other))]) })
    expect((await it.found(rider)).rows).toEqual([['bundle-refused', 'bundle-mismatch']])
  })
})

async function listed(it: Scene, keyConfig?: CvmEntry['keyConfig']): Promise<Uint8Array> {
  const config = keyConfig ?? (await it.entry()).keyConfig
  return Uint8Array.from([config.length >> 8, config.length & 255, ...config])
}

describe('the release behind hardware evidence', () => {
  async function hardware(proofOf: (it: Scene, leaf: Uint8Array, policyProof: string) => string) {
    const it = await scene({ vendorRoots: ask().trust.vendorRoots ?? [] }, now)
    const note = await it.policy({ snp: hardwareJson() })
    const policyProof = await it.proofOf(note)
    const root = await verifyRoot(it.people.root)
    const policy = await verifyPolicy(note, { root, now })
    const leaf = identityLeaf(await judged(policy, root, now), policy)
    it.log.add(leaf)
    await it.log.checkpoint(it.witnesses)
    const attest = (reportData: Uint8Array) => ask({ report: { reportData: Uint8Array.from(reportData) } }).evidence
    const cvm = { attest, proof: proofOf(it, leaf, policyProof) }
    return it.found(await it.offer({ policy: note, policyProof }, cvm), { simulated: false })
  }

  test('is in the log, and then all is well', async () => {
    const { rows, notWatched } = await hardware((it, leaf) => it.log.prove(leafHash(leaf)))
    expect(rows).toEqual([])
    expect(notWatched).toContainEqual(expect.stringContaining('gpu'))
  })

  test.each<[string, Parameters<typeof hardware>[0], string]>([
    ['is not shown', () => '', 'no-proof'],
    ['is another', (_it, _leaf, policyProof) => policyProof, 'root-mismatch'],
  ])('%s', async (_, proofOf, reason) => {
    const { rows } = await hardware(proofOf)
    expect(rows).toEqual([
      ['bundle-refused', reason],
      ['release-unlogged', expect.stringMatching(`^key [0-9a-f]{16}: ${reason}$`)],
    ])
  })

  test('is nothing that simulated evidence can have', async () => {
    const it = await scene()
    const { rows } = await it.found(await it.offer({}, { proof: await it.proofOf(await it.policy({ serial: 41 })) }))
    expect(rows.map(([code]) => code)).toEqual(['bundle-refused', 'release-unlogged'])
  })
})

test.each([
  [26, {}, undefined],
  [26.1, {}, 'stale'],
  [98.1, {}, 'cosignature-too-old'],
  [13, { log: { maxCosignatureAge: 'PT12H' } }, 'stale'],
])('trust.md 6: an anchor %f h old under a policy with %j', async (age, rules, detail) => {
  const it = await scene()
  const anchor = it.log.latest() ?? ''
  it.clock += age * hour
  const { rows } = await it.found(await it.offer({ policy: await it.policy(rules) }, { anchor }))
  const anchors = rows.filter(([code]) => code === 'anchor-old').map(([, said]) => said?.split(': ')[1])
  expect(anchors).toEqual(detail === undefined ? [] : [detail])
  const refused = rows.filter(([code]) => code === 'bundle-refused')
  expect(refused).toEqual(detail === 'cosignature-too-old' ? [['bundle-refused', detail]] : [])
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

test('two bundles of one serial are proof, also if no client takes the second', async () => {
  const it = await scene()
  const [good, bad] = [await it.offer(), await it.offer({}, { bound: { role: 'other' } })]
  expect((await it.found(good)).rows).toEqual([])
  expect((await it.found(bad)).rows).toContainEqual(['bundle-equivocation', 'serial 7'])
})

describe('what was shown before', () => {
  test('a statement that goes back is refused by whoever saw the newer one, also after a restart', async () => {
    const it = await scene()
    const older = await it.statement({ time: it.clock - 2 * hour })
    expect((await it.found(await it.offer())).rows).toEqual([])
    for (const serial of [8, 9]) {
      const { exit, rows } = await it.found(await it.offer({ serial, statement: older }))
      expect([exit, rows]).toEqual([1, [['memory-refused', 'rolled-back']]])
    }
    expect((await it.found(await it.offer({ serial: 10 }))).rows).toEqual([])
  })

  test('so is a proof out of a tree that is smaller', async () => {
    const it = await scene()
    const policy = await it.policy()
    const policyProof = await it.proofOf(policy)
    await it.proofOf(await it.policy({ serial: 41 }))
    const larger = it.log.prove(leafHash(leafOf(policy)))
    expect((await it.found(await it.offer({ policy, policyProof: larger }))).rows).toEqual([])
    const { rows } = await it.found(await it.offer({ serial: 8, policy, policyProof }))
    expect(rows).toEqual([['memory-refused', 'checkpoint-rolled-back']])
  })

  test('each vantage point has its own past: who comes to another sees nothing wrong', async () => {
    const it = await scene()
    await it.found(await it.offer())
    const { url } = await hostileRelay(
      await it.offer({ serial: 8, statement: await it.statement({ time: it.clock - 2 * hour }) }),
    )
    const args = ['--relay', url, '--allow-simulated', await it.leave()]
    expect((await it.monitor(args, { placement: 'inside' })).codes).toEqual([])
  })
})

test('simulated evidence is taken from this machine only', async () => {
  const it = await scene()
  const far = await it.monitor(['--relay', 'https://relay.example/', '--allow-simulated', `${it.state}.simulated`])
  expect([far.exit, far.err]).toEqual([2, expect.stringContaining('loopback addresses only')])
  const wrong = await it.monitor(['--relay', it.gateway, '--allow-simulated', it.state.replace(/state$/, 'wrong')])
  expect([wrong.exit, wrong.err]).toEqual([1, expect.stringContaining('--allow-simulated: cannot read')])
})
