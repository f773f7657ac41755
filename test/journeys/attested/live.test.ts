/**
 * Attacks on machines that run: a stolen TLS key, a gateway that sends again what it cannot read, sockets that die,
 * evidence that is withdrawn. Each ends in a stable code, and no app hears of what was not meant for it. trust.md 3-5.
 */
import { describe, expect, test, vi } from 'vitest'
import { createFileKeyStore } from '../../../gateway/key-store.ts'
import { createLiveKeys } from '../../../gateway/live-keys.ts'
import { keyResources } from '../../../shared/attestation/key-evidence.ts'
import { link } from '../../../shared/attestation/link.ts'
import { decodeRequest } from '../../../shared/bhttp/decode.ts'
import { fromLatin1, type Bytes } from '../../../shared/bytes.ts'
import { cannotOpen } from '../../../shared/http/problem.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { x25519 } from '../../../shared/hpke/suites.ts'
import { openRequest } from '../../../shared/ohttp/request.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { said, type Sealed } from '../../gateway/cvm/own-machine.ts'
import { thief } from './middlemen.ts'
import { endOf, street, target, type Street } from './street.ts'

const secret = 'the-dossier-that-nobody-else-reads'
const hour = 3_600_000

describe.each(['inside', 'sealed'] as const)('in placement %s evidence is withdrawn', (placement) => {
  test('no new bundle is signed; the old one ends with its keys, and then nothing is sent any more', async () => {
    const place = await street(placement)
    let time = Date.now()
    const fetch = place.client({ now: () => time })
    const { serial, notAfter } = await fetch.ready()
    for (const machine of place.machines) machine.withdraw()
    const published = await place.at
      ?.publish()
      .catch((cause: unknown) => (cause instanceof Refusal ? cause.code : cause))
    expect(published).toBe('evidence-unavailable')
    expect((await place.client().ready()).serial).toBe(serial)
    time = notAfter
    expect(await endOf(fetch(target, { method: 'POST', body: secret }))).toBe('bundle-unverified: bundle-expired')
    expect(await endOf(place.client({ now: () => notAfter + hour })(target))).toBe('bundle-unverified: bundle-expired')
    expect(place.posts).toEqual([])
    for (const machine of place.machines) machine.restore()
    expect(await place.at?.publish()).toBe(serial + 1)
    expect(await endOf(place.client()(target))).toBe('served')
  })
})

test('a stolen TLS key and a relay of evidence: the gateway gets no link, and the thief hears no request', async () => {
  const heard: Buffer[] = []
  const place = await street('sealed', { cvms: 1, link: (machine) => thief(machine, heard) })
  await vi.waitFor(() => expect(place.lines).toContainEqual(expect.objectContaining({ event: 'not-attested' })))
  const why = place.lines?.filter(({ event }) => event === 'not-attested').map((line) => line['why'])
  expect(new Set(why)).toEqual(new Set(['binding-mismatch']))
  expect(await endOf(place.client()(target, { method: 'POST', body: secret }))).toBe('gateway-unavailable')
  expect(place.posts).toHaveLength(1)
  expect(reached(place)).toEqual([0])
  const text = Buffer.concat(heard).toString('latin1')
  expect(text).toContain(link.path)
  for (const word of [secret, keyResources.sealed, mediaTypes.sealedRequest]) expect(text).not.toContain(word)
})

describe('a gateway sends an inner message again', () => {
  async function carried() {
    const place = await street('sealed')
    const fetch = place.client({ random: () => 0, family: 'standard' })
    const answer = await fetch(target, { method: 'POST', body: secret })
    expect(await answer.text()).toBe(secret)
    const mine = place.sealed?.find(({ machine }) => machine.reached.length === 1)
    const other = place.sealed?.find((one) => one !== mine)
    if (mine === undefined || other === undefined) throw new TypeError('two CVMs')
    return { place, mine, other, message: innerOf(place) }
  }

  test('to the same CVM: refused under its seal, and the app hears nothing', async () => {
    const { mine, message } = await carried()
    const { status } = await sent(mine, message)
    expect([status, mine.outcomes, mine.machine.reached.length]).toEqual([200, ['served', 'replayed'], 1])
  })

  test('to a sibling: it does not open there', async () => {
    const { mine, other, message } = await carried()
    const { status, text } = await sent(other, message)
    expect([status, text, other.outcomes]).toEqual([400, cannotOpen.body, ['unopened']])
    expect([mine.machine.reached.length, other.machine.reached.length]).toEqual([1, 0])
  })

  test('after its own claims are gone, outer message and all: the CVM remembers', async () => {
    const { place, mine } = await carried()
    const url = await place.reset?.()
    const headers = { 'content-type': mediaTypes.request }
    const [body] = place.posts
    const again = await fetch(url ?? '', { method: 'POST', headers, body: body ?? null })
    expect(again.status).toBe(200)
    expect([mine.outcomes, reached(place).toSorted()]).toEqual([
      ['served', 'replayed'],
      [0, 1],
    ])
  })
})

test.each(['front', 'inside', 'sealed'] as const)(
  'in %s the relay shows the key list of somebody else: nothing is sent to anybody',
  async (placement) => {
    const [place, other] = [await street(placement), await street(placement)]
    place.shown = await other.bundle()
    expect(await endOf(place.client()(target, { method: 'POST', body: secret }))).toBe('bundle-unverified: unsigned')
    expect([place.posts, other.posts]).toEqual([[], []])
    place.shown = undefined
    expect(await endOf(place.client()(target, { method: 'POST', body: secret }))).toBe('served')
  },
)

test('in inside an app that is gone is the CVM’s own 502, and the request is not sent twice', async () => {
  const place = await street('inside')
  const fetch = place.client()
  await place.machines[0]?.stopApp()
  const answer = await fetch(target, { method: 'POST', body: secret })
  expect([answer.status, fetch.delivery(answer)?.retried, place.posts.length]).toEqual([502, false, 1])
})

describe('sockets of a CVM that die', () => {
  test('as a request is on its way: a typed error, and nobody else is asked in its place', async () => {
    const place = await street('sealed', { cvms: 1 })
    const fetch = place.client()
    await fetch.ready()
    place.instead = async () => {
      await place.machines[0]?.agent.close(0)
      return undefined
    }
    expect(['gateway-unavailable', 'cvm-failed']).toContain(
      await endOf(fetch(target, { method: 'POST', body: secret })),
    )
    expect(reached(place)).toEqual([0])
  })

  test('of the one that was chosen: once more, to the other one, after a second to five, and the delivery says so', async () => {
    const place = await street('sealed')
    const waits: number[] = []
    const wait = (milliseconds: number) => (waits.push(milliseconds), Promise.resolve())
    const fetch = place.client({ random: () => 0, wait })
    const first = await fetch(target, { method: 'POST', body: 'x' })
    await first.text()
    const chosen = place.machines.find((machine) => machine.reached.length === 1)
    await chosen?.agent.close(0)
    await vi.waitFor(async () => {
      const answer = await fetch(target, { method: 'POST', body: secret })
      expect(await answer.text()).toBe(secret)
      expect(fetch.delivery(answer)).toMatchObject({ retried: true, placement: 'sealed' })
      expect(fetch.delivery(answer)?.cvm?.id).not.toBe(fetch.delivery(first)?.cvm?.id)
    })
    expect(waits.at(-1)).toBe(1_000)
    expect(chosen?.reached).toHaveLength(1)
  })

  test('of all of them: the typed error after one retry, and no third attempt', async () => {
    const place = await street('sealed')
    const fetch = place.client()
    await fetch.ready()
    for (const { agent } of place.machines) await agent.close(0)
    await vi.waitFor(async () => {
      const before = place.posts.length
      expect(await endOf(fetch(target, { method: 'POST', body: secret }))).toBe('gateway-unavailable')
      expect(place.posts.length - before).toBe(1)
    })
    expect(reached(place)).toEqual([0, 0])
  })
})

/** What the gateway finds when it opens its own layer. */
function innerOf({ at, posts }: Street): Bytes {
  const rotation = { lead: 0, life: 12 * hour, overlap: 2 * hour }
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  const store = createFileKeyStore(`${at?.folder ?? ''}/keys.json`)
  const { find } = createLiveKeys({ kems: [x25519], rotation, store, random, now: Date.now })
  const { content, authority } = decodeRequest(openRequest(find, posts[0] ?? new Uint8Array()).content)
  expect(authority).toMatch(/^[0-9a-f]{16}\.cvm\.invalid$/)
  expect(fromLatin1(content)).not.toContain(secret)
  return content
}

function sent({ pool }: Sealed, message: Bytes) {
  return said(pool, 'POST', keyResources.sealed, message, mediaTypes.sealedRequest)
}

function reached({ machines }: Street): number[] {
  return machines.map((machine) => machine.reached.length)
}
