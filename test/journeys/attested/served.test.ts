/** What a visitor gets in each placement, through sockets of every kind: an answer, and a verdict that says what it rests on. */
import { describe, expect, test } from 'vitest'
import { onGrid } from '../../../shared/bhttp/padding.ts'
import { webHpke } from '../../../shared/hpke/web.ts'
import { obliviousFetch } from '../../../shared/client/oblivious-fetch.ts'
import { fetchTransport } from '../../../shared/client/transport-fetch.ts'
import { fromLatin1 } from '../../../shared/bytes.ts'
import { street, target, type Street } from './street.ts'

const secret = 'the-dossier-that-nobody-else-reads'
const placements = ['front', 'inside', 'sealed'] as const

describe.each(placements)('in placement %s', (placement) => {
  test.each(['standard', 'chunked'] as const)(
    'a request of family %s comes back, and the relay holds no word of it',
    async (family) => {
      const place = await street(placement)
      const fetch = place.client({ family })
      for (const length of [1, 900, 20_000, 300_000]) {
        const body = `${secret}${'x'.repeat(length)}`
        const answer = await fetch(target, { method: 'POST', body })
        expect([answer.status, await answer.text()]).toEqual([200, body])
        expect(fetch.delivery(answer)).toMatchObject({ placement, family, retried: false })
      }
      expect(place.posts.map(({ length }) => onGrid(length))).toEqual([true, true, true, true])
      expect(place.posts.filter((body) => fromLatin1(body).includes(secret))).toEqual([])
    },
  )

  test('a stream goes up and comes back piece by piece', async () => {
    const place = await street(placement)
    function* pieces() {
      for (let n = 0; n < 5; n++) yield new TextEncoder().encode(`${String(n)}${'y'.repeat(n * 9_000)}`)
    }
    const answer = await place.client()(target, {
      method: 'POST',
      body: ReadableStream.from(pieces()),
      duplex: 'half',
    })
    const text = await answer.text()
    expect([text.length, text.replaceAll('y', '')]).toEqual([90_005, '01234'])
  })

  test('browser code does the same', async () => {
    const place = await street(placement)
    const { allowSimulated } = place
    const options = {
      relay: place.relay,
      trust: place.trust,
      placement,
      plaintextLoopback: true,
      ...(allowSimulated && { allowSimulated }),
    }
    const fetch = obliviousFetch(options, { hpke: webHpke, transport: () => fetchTransport() })
    for (const family of ['application/json', 'text/event-stream']) {
      const answer = await fetch(target, { method: 'POST', body: secret, headers: { accept: family } })
      expect(await answer.text()).toBe(secret)
    }
  })
})

describe('the verdict', () => {
  test.each([
    ['front', { operatorTrusted: true }, undefined],
    ['inside', { operatorTrusted: false }, { cvms: 1, chips: 1, simulated: true, age: 'fresh' }],
    ['sealed', { operatorTrusted: false }, { cvms: 2, chips: 2, simulated: true, age: 'fresh' }],
  ] as const)('of %s says by whose word', async (placement, says, attested) => {
    const place = await street(placement)
    const verdict = await place.client().ready()
    expect(verdict).toMatchObject({ placement, ...says, use: 'development', ...(attested && { attested }) })
    const words = verdict.verified.join('\n')
    expect(words.includes('simulated evidence')).toBe(attested !== undefined)
    expect(verdict.notVerified.join('\n')).toContain(
      attested === undefined ? 'the confidential VM' : 'of the machines: hardware',
    )
  })

  test('names policy, witnesses and log, and ends with the first of them', async () => {
    const place = await street('sealed')
    const { attested, notAfter, verifiedAt } = await place.client().ready()
    expect(attested).toMatchObject({
      policy: { serial: 42, role: 'app', signers: ['development-policy'] },
      logs: ['log.example/cvms'],
      witnesses: { quorum: 2, operators: ['a.example/w', 'b.example/w', 'c.example/w'] },
    })
    const ends = [...(attested?.keys ?? []).map((key) => key.notAfter), (attested?.policy.stated ?? 0) + 24 * 3_600_000]
    expect(notAfter).toBeLessThanOrEqual(Math.min(...ends))
    expect(notAfter).toBeGreaterThan(verifiedAt)
  })
})

describe('sealed', () => {
  test('each request goes to one CVM, chosen at random; the other never hears of it', async () => {
    const place = await street('sealed')
    const draws = [0.1, 0.9, 0.9]
    const fetch = place.client({ random: () => draws.shift() ?? 0.5 })
    await fetch.ready()
    const ids = new Set<string>()
    for (let n = 0; n < 8; n++) {
      draws.splice(0, draws.length, n % 2 === 0 ? 0.1 : 0.9)
      const answer = await fetch(target, { method: 'POST', body: 'x' })
      ids.add(fetch.delivery(answer)?.cvm?.id ?? '')
    }
    expect(ids.size).toBe(2)
    expect(reached(place)).toEqual([4, 4])
  })
})

function reached({ machines }: Street): number[] {
  return machines.map(({ reached: heard }) => heard.length)
}
