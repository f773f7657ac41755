/**
 * A policy takes an image back, and relay and gateway do what they can so that nobody hears of it: how long until the last
 * client refuses, measured on clients whose clocks the test holds. trust.md 6; SECURITY.md tells the number.
 */
import { expect, test } from 'vitest'
import { revocationBounds } from '../../../shared/attestation/revocation.ts'
import { defaultSkew } from '../../../shared/attestation/sev-snp/policy.ts'
import { hour, later, now, paper, type Attested, type Paper } from './paper.ts'

const second = 1_000
const minute = 60 * second
const bound = revocationBounds.hidden
/** True times, counted from the publication of the new policy. */
const times = [
  ...Array.from({ length: 23 }, (_, at) => (at + 1) * hour),
  ...[-minute, -second, 0, second, minute, hour, 5 * hour].map((about) => bound + about),
]

/** The newest word that still says the old policy is current: by a signer whose clock is ahead, in the last moment. */
async function oldWord({ ships }: Paper) {
  return ships.notes({ serial: 42, time: now + defaultSkew })
}

/** Everybody hides the new policy; each hour there is a bundle with new keys, new evidence and a new anchor. */
async function lastSent(
  place: Paper,
  visit: (time: number) => Promise<string>,
): Promise<{ last: number; ends: string[] }> {
  const notes = await oldWord(place)
  const ends: string[] = []
  let [last, serial] = [-1, 8]
  for (const time of times) {
    await place.show(await later(place, now + time, { serial: serial++, notes }))
    const end = await visit(now + time)
    if (end === 'sent') last = time
    else ends.push(end)
  }
  return { last, ends }
}

test.each(['inside', 'sealed'] as const satisfies readonly Attested[])(
  'in %s the last client refuses at the latest 24 h 4 min after the new policy is published and stated',
  async (placement) => {
    const place = await paper(placement)
    expect(bound).toBe(24 * hour + 4 * minute)
    // Each is somebody new, with a clock that is behind as far as we forgive.
    const fresh = await lastSent(place, (time) => place.visit({ now: () => time - defaultSkew }))
    expect(fresh.last).toBe(bound - second)
    expect(new Set(fresh.ends)).toEqual(new Set(['bundle-outdated', 'bundle-outdated: statement-too-old']))
  },
)

test('somebody who holds a bundle holds it no longer', async () => {
  const place = await paper('sealed')
  let time = now
  const fetch = place.client({ now: () => time - defaultSkew })
  const { last } = await lastSent(place, async (at) => {
    time = at
    const before = place.posts.length
    const end = await fetch('https://app.asunder.example/').then(
      () => 'served',
      (error: unknown) => String((error as { code?: string }).code),
    )
    return place.posts.length > before ? 'sent' : end
  })
  expect(last).toBe(bound - second)
})

test('somebody who is shown the new policy once refuses the old one from then on', async () => {
  const place = await paper('sealed')
  let text: string | undefined
  const memory = { load: () => text, save: (next: string) => void (text = next) }
  await place.show(await place.bundle(place.entries, { serial: 8, ...(await place.ships.notes({ serial: 43 })) }))
  expect(await place.visit({ memory })).toBe('sent')
  await place.show(await place.bundle(place.entries, { serial: 9, ...(await oldWord(place)) }))
  expect(await place.visit({ memory })).toBe('bundle-rolled-back: rolled-back')
  expect(place.posts).toHaveLength(1)
})
