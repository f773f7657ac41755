/** Evidence for keys, asked over the attested link: what it binds, what it cannot be made to bind, and that it gets through. */
import { hash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { keyBinding, keyResources, readKeyList, writeKeyQuestion } from '../../../shared/attestation/key-evidence.ts'
import { reportData } from '../../../shared/attestation/report-data.ts'
import { utf8, type Bytes } from '../../../shared/bytes.ts'
import { anchorOf, anchorOfNote } from '../../../shared/tlog/anchor.ts'
import { verifyCheckpoint } from '../../../shared/tlog/policy.ts'
import { trust } from '../../shared/tlog/small-log.ts'
import { anchorNote, askKeys, configOf, openedKeys, policySha256, said, sealedMachine } from './own-machine.ts'
import { poolOf } from './pools.ts'
import { until } from './machine.ts'

describe('evidence for a key', () => {
  test('binds exactly that key configuration, the anchor, the times and the policy', async () => {
    const { machine, pool } = await sealedMachine()
    const note = await anchorNote()
    const { answer } = await askKeys(pool, note)
    expect(answer?.layer).toBe('inner')
    expect(answer?.keys.map(({ keyConfig }) => configOf(keyConfig).kem.name)).toEqual(['X25519', 'X-Wing'])
    const checkpoint = await verifyCheckpoint(note, await trust(2), { now: Date.now(), skew: 120_000 })
    for (const { keyConfig, evidence, notBefore, notAfter } of answer?.keys ?? []) {
      const bound = {
        role: machine.role,
        keyConfigSha256: sha256(keyConfig),
        anchor: anchorOf(checkpoint),
        notBefore,
        notAfter,
        policySha256,
      }
      await expect(machine.judge(evidence, reportData(keyBinding(bound)))).resolves.toMatchObject({ simulated: true })
      const lies = [
        { role: 'other' },
        { keyConfigSha256: sha256(utf8('another')) },
        { anchor: anchorOfNote(note.replace(/\n— a[^\n]*/u, '')) },
        { notBefore: notBefore - 1000 },
        { notAfter: notAfter + 1000 },
        { policySha256: 'cd'.repeat(32) },
      ]
      for (const lie of lies) {
        const other = reportData(keyBinding({ ...bound, ...lie }))
        await expect(machine.judge(evidence, other)).rejects.toMatchObject({ code: 'binding-mismatch' })
      }
    }
  })

  test.each([
    ['no JSON', 'x'],
    ['a key of the asker', (note: string) => JSON.stringify({ anchor: note, policySha256, keyConfig: 'AAAA' })],
    ['no anchor', JSON.stringify({ policySha256 })],
    ['an anchor that is no checkpoint', JSON.stringify({ anchor: 'hello\n\n— a AAAAAAAA\n', policySha256 })],
    ['a policy that is no digest', (note: string) => writeKeyQuestion({ anchor: note, policySha256: 'ab' })],
    ['more than there is to ask', 'x'.repeat(300_000)],
  ])('%s is refused, and no key is attested by it', async (_what, body) => {
    const { pool, keys } = await sealedMachine()
    const text = typeof body === 'string' ? body : body(await anchorNote())
    const answer = await said(pool, 'POST', keyResources.evidence, utf8(text)).then(
      ({ status }) => status,
      () => 'cut',
    )
    expect([503, 'cut']).toContain(answer)
    expect(keys.attested).toBe(false)
  })

  test('withdrawn evidence: nothing is attested, and what was attested goes on until it ends', async () => {
    const { machine, pool, keys, clocks } = await sealedMachine({ life: 600_000 })
    const [first] = await openedKeys({ pool })
    machine.withdraw()
    expect(await askKeys(pool, await anchorNote())).toMatchObject({ status: 503 })
    expect(keys.find(first?.keyId ?? 0)).toBeDefined()
    clocks.mono += 56 * 60_000
    expect(keys.find(first?.keyId ?? 0)).toBeUndefined()
  })

  test('a flood of connections that ask for evidence leaves its slot free', async () => {
    const hung: (() => void)[] = []
    const { machine, pool } = await sealedMachine({
      agent: { reportsAtOnce: 2 },
      connections: 1,
    })
    // From now on reports for connections take for ever; those for keys do not.
    machine.slow((binding) => (binding.kind === 1 ? new Promise((resolve) => hung.push(() => resolve())) : undefined))
    const flood = [1, 2, 3].map(() => poolOf(machine, { connections: 4 }))
    await until(() => hung.length === 2, 'every slot for connections is taken')
    const { status, answer } = await askKeys(pool, await anchorNote())
    expect(status).toBe(200)
    expect(answer?.keys).toHaveLength(2)
    for (const go of hung) go()
    await Promise.all(flood.map(({ pool: one }) => one.close()))
  })
})

describe('the list of keys', () => {
  test('holds those that open now, and so none before evidence', async () => {
    const { pool } = await sealedMachine()
    const list = async () => readKeyList((await said(pool, 'GET', keyResources.list)).text)
    expect(await list()).toEqual([])
    const configs = await openedKeys({ pool })
    expect((await list()).map((one) => configOf(one).keyId)).toEqual(configs.map(({ keyId }) => keyId))
  })
})

test.each([
  ['GET', '/'],
  ['POST', '/v1/chat/completions'],
  ['GET', keyResources.sealed],
  ['POST', keyResources.list],
  ['GET', keyResources.evidence],
  ['POST', `${keyResources.sealed}?x`],
])('nothing else is served on a link, and the app hears of nothing: %s %s', async (method, path) => {
  const { machine, pool } = await sealedMachine()
  expect(await said(pool, method, path)).toMatchObject({ status: 404 })
  expect(machine.reached).toEqual([])
})

function sha256(bytes: Uint8Array): Bytes {
  return Uint8Array.from(hash('sha256', bytes, 'buffer'))
}
