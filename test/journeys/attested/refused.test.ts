/**
 * Everybody who could lie to a client about the machines, one after the other, in each placement: which stable code it
 * ends in, and that not one byte of a request reached the relay. trust.md 1-4, 6 and 7.
 */
import { describe, expect, test } from 'vitest'
import type { AttestedBundle, CvmEntry } from '../../../shared/attestation/bundle.ts'
import { cvmId } from '../../../shared/attestation/bundle-fields.ts'
import { signStatement } from '../../../shared/attestation/serial-statement.ts'
import { policySha256 } from '../../../shared/attestation/signed-policy.ts'
import type { RootFields } from '../../../shared/attestation/trust-root.ts'
import { concat, fromHex } from '../../../shared/bytes.ts'
import type { RollbackMemory } from '../../../shared/client/index.ts'
import { serializeKeyConfigs, writeKeyConfig } from '../../../shared/ohttp/key-config.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { policyLeaf } from '../../../shared/tlog/release.ts'
import { listOf, role } from '../../shared/attestation/fleet.ts'
import { filler } from '../../shared/attestation/ledger.ts'
import { signedText } from '../../shared/attestation/makers.ts'
import { gatewayKey } from '../../shared/client/town.ts'
import { day, hour, now, paper, type Attested, type Paper } from './paper.ts'

const placements: readonly Attested[] = ['inside', 'sealed']
const minute = 60_000

type Lie = (place: Paper) => Promise<AttestedBundle>

/** An operator with the bundle key can sign whatever it likes; the evidence is not its own to make. */
const lies: readonly (readonly [what: string, lie: Lie, code: string])[] = [
  [
    'evidence that is gone',
    (at) => first(at, (entry) => ({ ...entry, evidence: { ...entry.evidence, report: Uint8Array.of(0) } })),
    'evidence-refused: bad-evidence',
  ],
  [
    'evidence without who endorses it',
    (at) => first(at, (entry) => ({ ...entry, evidence: { ...entry.evidence, endorsements: [] } })),
    'evidence-refused: bad-evidence',
  ],
  [
    'evidence of two machines that changed places',
    ({ bundle, entries: [one, two] }) =>
      bundle([
        { ...one, evidence: two.evidence },
        { ...two, evidence: one.evidence },
      ]),
    'evidence-refused: binding-mismatch',
  ],
  [
    'a key of its own under evidence of another',
    (at) => first(at, (entry) => ({ ...entry, ...stolen(9) })),
    'evidence-refused: binding-mismatch',
  ],
  [
    'one rider among attested keys',
    ({ bundle, entries }) => bundle([...entries, { ...entries[0], ...stolen(9) }]),
    'evidence-refused: binding-mismatch',
  ],
  [
    'evidence of an old moment under a checkpoint that was cosigned again today',
    async ({ bundle, entry, ships }) => {
      const old = await entry(0, { said: { anchor: await ships.anchor(now - 7 * day) } })
      return bundle([{ ...old, anchor: await ships.anchor(now - hour) }])
    },
    'evidence-refused: binding-mismatch',
  ],
  [
    'a key that it says lives longer',
    (at) => first(at, (entry) => ({ ...entry, notAfter: entry.notAfter + 5 * minute })),
    'evidence-refused: binding-mismatch',
  ],
  [
    'a key made under a policy that it does not name',
    (at) => first(at, (entry) => ({ ...entry, policySha256: 'ab'.repeat(32) })),
    'evidence-refused: binding-mismatch',
  ],
  [
    'last week’s policy beside today’s statement',
    async ({ bundle, ships, entries }) => bundle(entries, await ships.notes({ serial: 41, stated: 42 })),
    'bundle-rolled-back: rolled-back',
  ],
  [
    'last week’s policy beside last week’s statement',
    async ({ bundle, ships, entries }) => bundle(entries, await ships.notes({ serial: 41, time: now - 7 * day })),
    'bundle-outdated: statement-too-old',
  ],
  [
    'a policy that is in no log',
    ({ bundle, entries }) => bundle(entries, { policyProof: '' }),
    'evidence-refused: no-proof',
  ],
  [
    'a policy for another role',
    async ({ bundle, ships, entries }) => bundle(entries, await ships.notes({ more: { role: 'other' } })),
    'evidence-refused: role-refused',
  ],
  [
    'a statement that the publisher signed itself',
    async ({ bundle, ships, entries }) =>
      bundle(entries, { statement: await signStatement({ role, serial: 42, time: now }, ships.signers.bundle) }),
    'evidence-refused: unsigned',
  ],
  [
    'fewer machines than the policy wants',
    async ({ bundle, ships, entries }) =>
      bundle(entries.slice(0, 1), await ships.notes({ more: { snp: { minCvms: 2 } } })),
    'evidence-refused: too-few-machines',
  ],
]

describe.each(placements)('in placement %s, with the bundle key in its hands, an operator shows', (placement) => {
  test('nothing but the truth: it is believed', async () => {
    expect(await (await paper(placement)).visit()).toBe('sent')
  })

  test.each(lies)('%s', async (_what, lie, code) => {
    const place = await paper(placement)
    await place.show(await lie(place))
    expect(await place.visit()).toBe(code)
    expect(place.posts).toEqual([])
  })
})

test('in inside an operator swaps the key list and leaves the evidence: nothing is sent', async () => {
  const place = await paper('inside')
  const list = serializeKeyConfigs([gatewayKey(9).config])
  for (const keys of [list, concat(listOf(place.entries), list), listOf(place.entries.toReversed())]) {
    await place.show(await place.bundle(place.entries, { keys }))
    expect(await place.visit()).toBe('evidence-refused: bundle-mismatch')
  }
  expect(place.posts).toEqual([])
})

describe.each(placements)('in placement %s a relay alone', (placement) => {
  test('shows a bundle of its own making, with the keys in it: nothing is sent', async () => {
    const [place, relays] = [await paper(placement), await paper(placement)]
    place.shown = relays.shown
    expect(await place.visit()).toBe('bundle-unverified: unsigned')
    place.shown = place.shown.replace('"serial":7', '"serial":8')
    expect(await place.visit()).toMatch(/^bundle-unverified: /)
    expect(place.posts).toEqual([])
  })

  test.each(['front', 'inside', 'sealed'] as const)('shows a bundle of placement %s, signed and all', async (other) => {
    const place = await paper(placement, { root: { placements: ['front', 'inside', 'sealed'] } })
    if (other === placement) expect(await place.visit()).toBe('sent')
    else {
      const keys = serializeKeyConfigs([gatewayKey(7).config])
      const { serial, notBefore, notAfter, roots, ...attested } = await place.bundle()
      const common = { serial, notBefore, notAfter, roots, keys }
      await place.show(
        other === 'front' ? { ...common, placement: 'front' } : { ...attested, ...common, placement: other },
      )
      expect(await place.visit()).toBe('placement-mismatch: placement-mismatch')
      expect(place.posts).toEqual([])
    }
  })

  test('shows last week’s bundle whole to somebody who was never here', async () => {
    const place = await paper(placement)
    expect(await place.visit({ now: () => now + 7 * day })).toBe('bundle-unverified: bundle-expired')
    expect(place.posts).toEqual([])
  })
})

describe.each(placements)('in placement %s, somebody who was here before', (placement) => {
  test('is shown an older policy with a statement that says it is current: refused by memory, also after a restart', async () => {
    const place = await paper(placement)
    const memory = memoryText()
    expect(await place.visit({ memory })).toBe('sent')
    await place.show(await place.bundle(place.entries, { serial: 8, ...(await place.ships.notes({ serial: 41 })) }))
    expect(await place.visit({ memory })).toBe('bundle-rolled-back: rolled-back')
    expect(await place.visit()).toBe('sent')
    expect(place.posts).toHaveLength(2)
  })

  test('is shown another tree of the same size by the same log: the fork is named, and nothing is sent', async () => {
    const place = await paper(placement)
    const { log } = place.ships
    const good = await place.ships.notes({ serial: 43 })
    const fork = log.fork()
    log.add(filler(1))
    fork.add(filler(2))
    const leaf = policyLeaf(fromHex(policySha256(parseNote(good.policy).text)))
    const spoken = [
      [0, now - hour],
      [1, now - hour],
    ] as const
    const shown = async (ledger: typeof log, serial: number) => {
      const policyProof = await ledger.proof(leaf, spoken)
      await place.show(await place.bundle(place.entries, { ...good, policyProof, serial }))
    }
    const memory = memoryText()
    await shown(log, 8)
    expect(await place.visit({ memory })).toBe('sent')
    await shown(fork, 9)
    expect(await place.visit({ memory })).toBe('log-forked: split-view')
    expect(place.posts).toHaveLength(1)
  })

  test('has a clock that fell behind what the witnesses signed: no age means anything', async () => {
    const place = await paper(placement)
    let time = now
    const memory = memoryText()
    const fetch = place.client({ memory, now: () => time })
    await fetch.ready()
    time = now - 2 * hour
    await expect(fetch('https://app.asunder.example/')).rejects.toMatchObject({ code: 'clock-wrong' })
    expect(await place.visit({ memory, now: () => time })).toBe('bundle-unverified: bundle-expired')
    expect(place.posts).toEqual([])
  })
})

describe.each(placements)('in placement %s the witnesses have been silent for', (placement) => {
  test.each([
    [12, 'sent', 'fresh'],
    [30, 'sent', 'stale'],
    [100, 'bundle-outdated: cosignature-too-old', undefined],
  ])('%i hours', async (hours, code, age) => {
    const place = await paper(placement)
    const anchor = await place.ships.anchor(now - hours * hour)
    await place.show(await place.bundle([await place.entry(0, { said: { anchor } })]))
    const fetch = place.client()
    if (age !== undefined) expect((await fetch.ready()).attested).toMatchObject({ age, anchored: now - hours * hour })
    expect(await place.visit()).toBe(code)
    expect(place.posts).toHaveLength(age === undefined ? 0 : 1)
  })

  test('25 hours when it was fetched, and 27 while it is held: the verdict grows stale with it', async () => {
    const place = await paper(placement)
    const anchor = await place.ships.anchor(now - 26 * hour + 10 * minute)
    await place.show(await place.bundle([await place.entry(0, { said: { anchor } })]))
    let time = now
    const fetch = place.client({ now: () => time })
    expect((await fetch.ready()).attested?.age).toBe('fresh')
    time += 20 * minute
    expect((await fetch.ready()).attested?.age).toBe('stale')
  })
})

describe.each(placements)('in placement %s, simulated evidence', (placement) => {
  const production: Partial<RootFields> = { use: 'production' }

  test('is not taken without the caller’s own leave', async () => {
    const place = await paper(placement)
    const leave = { rootSha256: 'ab'.repeat(32), measurement: place.ships.allowSimulated.measurement }
    expect(await place.visit({ allowSimulated: leave })).toBe('evidence-refused: bad-chain')
    expect(await place.visit({ allowSimulated: { ...place.ships.allowSimulated, measurement: 'cd'.repeat(48) } })).toBe(
      'evidence-refused: measurement-refused',
    )
    expect(place.posts).toEqual([])
  })

  test('is not taken under a production root, whatever the caller says', async () => {
    const place = await paper(placement, { root: production })
    expect(await place.visit()).toBe('evidence-refused: simulated-not-allowed')
    expect(place.posts).toEqual([])
  })

  test.each([
    ['simulated', { simulated: { rootSha256: 'ab'.repeat(32) } }],
    ['allowSimulated', { allowSimulated: { rootSha256: 'ab'.repeat(32), measurement: 'cd'.repeat(48) } }],
  ])('is not taken since a signed policy says `%s`, under a production root', async (_word, more) => {
    const place = await paper(placement, { root: production })
    const times = { notBefore: timeText(now - day), notAfter: timeText(now + day) }
    const policy = await signedText(
      'policy',
      { version: 1, serial: 42, ...times, role, ...more },
      place.ships.signers.policy,
    )
    await place.show(await place.bundle(place.entries, { policy }))
    expect(await place.visit()).toBe('evidence-refused: policy-widens')
    expect(place.posts).toEqual([])
  })
})

async function first(
  { bundle, entries: [one, two] }: Paper,
  change: (entry: CvmEntry) => CvmEntry,
): Promise<AttestedBundle> {
  return bundle([change(one), two])
}

/** A key whose secret somebody else has. */
function stolen(keyId: number): Pick<CvmEntry, 'id' | 'keyConfig'> {
  const keyConfig = writeKeyConfig(gatewayKey(keyId).config)
  return { id: cvmId(keyConfig), keyConfig }
}

/** What outlives a client. */
function memoryText(): RollbackMemory {
  let text: string | undefined
  return { load: () => text, save: (next) => void (text = next) }
}
