/** The publisher of `inside` and `sealed`: what it collects, what it refuses to sign, and that the serial only rises. trust.md 2. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { verifyBundle } from '../../shared/attestation/bundle.ts'
import { SettingsError } from '../../shared/config/read.ts'
import { parseKeyConfigs } from '../../shared/ohttp/key-config.ts'
import { generateSigningKey } from '../../shared/tlog/signer.ts'
import { newVendor } from './cvm/machine.ts'
import { configOf, minute, sealedMachine } from './cvm/own-machine.ts'
import { publisher, type Publisher } from './publisher.ts'

const hour = 60 * minute
const life = 5 * hour

async function place(count = 1) {
  const vendor = newVendor()
  const cvms = await Promise.all(Array.from({ length: count }, () => sealedMachine({ vendor, life })))
  const machines = cvms.map(({ machine }) => machine)
  return { cvms, machines, at: await publisher(machines) }
}

const verified = (at: Publisher, allowSimulated: Parameters<typeof verifyBundle>[0]['allowSimulated']) =>
  verifyBundle({ note: at.bundle(), root: at.ships.root, placement: 'sealed', now: Date.now(), allowSimulated })

describe('what it publishes', () => {
  test('is what a client verifies: the outer keys, and every CVM with its own evidence', async () => {
    const { cvms, machines, at } = await place(2)
    expect(await at.publish()).toBe(1)
    const { bundle, appraisal } = await verified(at, machines[0]?.allowSimulated)
    expect(parseKeyConfigs(bundle.keys)).toHaveLength(1)
    const made = cvms.flatMap(({ keys }) => keys.current().map(({ config }) => config))
    expect(appraisal?.keys.map(({ keyConfig }) => configOf(keyConfig))).toEqual(made)
    expect(appraisal).toMatchObject({ cvms: 2, chips: 2, age: 'fresh' })
    expect(statSync(at.file).mode & 0o777).toBe(0o644)
    expect(at.lines).toContainEqual(expect.objectContaining({ event: 'bundle-published', serial: 1, keys: 4 }))
    for (const { keys } of cvms) expect(keys.attested).toBe(true)
  })

  test('ends with its earliest key, and never after a day', async () => {
    const { cvms, machines, at } = await place(2)
    const [, late] = cvms
    if (late !== undefined) late.clocks.mono += 20 * minute
    await at.publish()
    const { bundle } = await verified(at, machines[0]?.allowSimulated)
    const ends = cvms.flatMap(({ keys }) => keys.current().map(({ notAfter }) => notAfter))
    expect(bundle.notAfter).toBe(Math.min(...ends))
    expect(bundle.notAfter).toBeLessThan(Date.now() + hour)
  })

  test('ends with evidence that ends sooner than the keys', async () => {
    const machine = await sealedMachine({ life: 10 * minute })
    const at = await publisher([machine.machine])
    const before = Date.now()
    await at.publish()
    const { bundle } = await verified(at, machine.machine.allowSimulated)
    expect(bundle.notAfter).toBeLessThanOrEqual(Date.now() + 10 * minute)
    expect(bundle.notAfter).toBeGreaterThanOrEqual(before + 9 * minute)
  })

  test('has a serial that rises by one each time, also when the bundle was lost', async () => {
    const { at } = await place()
    expect([await at.publish(), await at.publish()]).toEqual([1, 2])
    rmSync(at.file)
    expect(await at.publish()).toBe(3)
    expect(readFileSync(`${at.file}.serial`, 'utf8')).toBe('3\n')
  })

  test('leaves out a CVM that does not answer, and says so', async () => {
    const { machines, at } = await place(2)
    await machines[0]?.agent.close(0)
    await at.publish()
    expect((await verified(at, machines[0]?.allowSimulated)).appraisal).toMatchObject({ cvms: 1 })
    expect(at.lines).toContainEqual(expect.objectContaining({ event: 'cvm-left-out', why: 'target-unreachable' }))
  })
})

describe('nothing is published', () => {
  const refused: [string, string, (at: Publisher, cvms: Awaited<ReturnType<typeof place>>) => unknown][] = [
    ['without evidence', 'evidence-unavailable', (_at, { machines }) => machines[0]?.withdraw()],
    ['without a CVM', 'target-unreachable', (_at, { machines }) => machines[0]?.agent.close(0)],
    [
      'with a policy that ended',
      'policy-expired',
      (at) => at.renew({ more: { notAfter: '2026-01-01T00:00:00Z', notBefore: '2025-12-30T00:00:00Z' } }),
    ],
    ['with a policy that was replaced', 'rolled-back', (at) => at.renew({ serial: 41, stated: 42 })],
    ['with an old statement', 'statement-too-old', (at) => at.renew({ time: at.ships.at - 25 * hour })],
    ['with a policy for another role', 'role-refused', (at) => at.renew({ more: { role: 'other' } })],
    ['with too few CVMs for the policy', 'too-few-machines', (at) => at.renew({ more: { snp: { minCvms: 2 } } })],
    ['without a proof', 'no-proof', (at) => at.write('policy.proof', '')],
    [
      'with an old anchor',
      'cosignature-too-old',
      async (at) => at.write('anchor.note', await at.ships.anchor(at.ships.at - 99 * hour)),
    ],
    [
      'with an anchor that no quorum has seen',
      'quorum-not-met',
      async (at) => at.write('anchor.note', (await at.ships.anchor()).replace(/— b[^\n]*\n/u, '')),
    ],
    ['with a log proof for what no log knows', 'bundle-mismatch', (at) => at.write('id.proof', 'x')],
    ['by a signer that the root does not name', 'unsigned', (at) => at.write('bundle.skey', stranger)],
    ['without outer keys', 'incomplete', (at) => rmSync(join(at.folder, 'keys.json'))],
  ]
  let stranger = ''

  test.each(refused)('%s: %s', async (what, code, change) => {
    stranger = (await generateSigningKey('publisher')).skey
    const made = await place()
    await made.at.publish()
    const before = made.at.bundle()
    await change(made.at, made)
    const [cvm] = made.at.settings['cvms'] as object[]
    const more = what.includes('for what no log knows') ? { cvms: [{ ...cvm, proof: 'id.proof' }] } : {}
    await expect(made.at.publish(more)).rejects.toMatchObject({ code })
    expect(made.at.bundle()).toBe(before)
  })

  test('for a placement that the CVM is not in', async () => {
    const { machines } = await place()
    const at = await publisher(machines, { placement: 'inside' })
    await expect(at.publish()).rejects.toMatchObject({ code: 'placement-mismatch' })
    expect(existsSync(at.file)).toBe(false)
  })
})

describe('settings', () => {
  test.each<[string, object, string]>([
    ['sealed without outer keys', { keys: {}, store: {} }, 'keys.file: is missing'],
    ['without a signer', { bundle: { file: 'b' } }, 'bundle.signer: is missing'],
    ['inside with two CVMs', { placement: 'inside', cvms: [1, 2].map(() => cvm) }, 'cvms: has several'],
    ['front', { placement: 'front', cvms: undefined, cvm, targets: ['https://a.example'] }, 'publish: is for inside'],
    ['no anchor', { publish: { policy: 'c', policyProof: 'd', statement: 'e' } }, 'publish.anchor: is missing'],
  ])('refused: %s', async (_what, more, wrong) => {
    const { at } = await place()
    expect(() => at.publish(more)).toThrow(wrong)
    expect(() => at.publish(more)).toThrow(SettingsError)
  })
})
const cvm = { host: '127.0.0.1', port: 1, role: 'r' }

test('as a command: exit code 0 and a bundle, or 2, a reason, and none', async () => {
  const { machines, at } = await place()
  writeFileSync(join(at.folder, 'publisher.json'), JSON.stringify(at.settings))
  const door = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../../gateway/main.ts')]
  const args = [...door, 'publish', '--config', join(at.folder, 'publisher.json')]
  const run = () =>
    promisify(execFile)(process.execPath, args).then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      (error: unknown) => ({ code: (error as { code: number }).code, text: (error as { stderr: string }).stderr }),
    )
  expect(await run()).toMatchObject({ code: 0, text: expect.stringContaining('"serial":1') as string })
  expect((await verified(at, machines[0]?.allowSimulated)).bundle.serial).toBe(1)
  at.write('statement.note', 'x')
  expect((await run()).code).toBe(2)
})
