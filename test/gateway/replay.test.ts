import { describe, expect, test } from 'vitest'
import { datelessQuota, replayGuard, replayShares } from '../../gateway/replay.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { sliceLength } from '../../shared/store/shares.ts'
import type { Store } from '../../shared/store/store.ts'
import {
  ask,
  binaryRequest,
  ChunkedClient,
  newKey,
  open,
  openChunks,
  post,
  start,
  suite,
  town,
  valueOf,
  type Inside,
  type Town,
} from './town.ts'

async function sealed(place: Town, inside: Inside = {}) {
  const request = await sealRequest(nodeHpke, place.key.config, suite, binaryRequest(inside))
  const send = async () => open(await post(place.app, 'message/ohttp-req', request.message), request)
  return { ...request, send }
}

describe('an encapsulated request is served once', () => {
  test('OHTTP-G21: the same bytes again are a sealed 400, and the CVM sees one request', async () => {
    const place = await town()
    const { send } = await sealed(place)
    expect((await send()).inner.status).toBe(200)
    const again = await send()
    expect([again.outer.status, again.inner.status, again.size]).toEqual([200, 400, 1024])
    expect(JSON.parse(again.text)).toMatchObject({ type: 'about:blank', status: 400 })
    expect([place.seen.length, place.outcomes]).toEqual([1, ['served', 'replayed']])
  })

  test('OHTTP-G21: of twenty copies at once exactly one is served', async () => {
    const place = await town()
    const { send } = await sealed(place)
    const answers = await Promise.all(Array.from({ length: 20 }, send))
    expect(answers.filter(({ inner }) => inner.status === 200)).toHaveLength(1)
    expect(place.seen).toHaveLength(1)
  })

  test('OHTTP-G21, CHK-22: a chunked replay is refused before anything is forwarded', async () => {
    const place = await town()
    const first = await ChunkedClient.to(place.key)
    await first.whole({ method: 'POST', content: 'x' })
    const [one, two] = first.body.tee()
    const type = 'message/ohttp-chunked-req'
    expect((await openChunks(await post(place.app, type, one), first)).inner.status).toBe(200)
    const again = await post(place.app, type, two)
    expect((await again.arrayBuffer()).byteLength).toBe(1024)
    expect([place.seen.length, place.outcomes]).toEqual([1, ['served', 'replayed']])
  })

  test('OHTTP-G21: a request is remembered for as long as its Date could pass', async () => {
    const place = await town()
    const { send } = await sealed(place, { date: start + 300_000 })
    await send()
    place.clock = start + 600_000
    expect((await send()).inner.status).toBe(400)
    expect(place.outcomes).toEqual(['served', 'replayed'])
    place.clock = start + 600_001
    await send()
    expect(place.outcomes.at(-1)).toBe('wrong-date')
  })

  test('OHTTP-G21: one without a Date is remembered until its key is destroyed', async () => {
    const now = () => place.clock
    const claims = createMemoryStore({ shares: replayShares(100), now })
    const place: Town = await town({ claims })
    const { send } = await sealed(place, { date: null })
    expect((await send()).inner.status).toBe(200)
    place.clock += 365 * 86_400_000
    expect((await send()).inner.status).toBe(400)
    await claims.forget(datelessQuota(2))
    expect((await send()).inner.status).toBe(400)
    await claims.forget(datelessQuota(1))
    expect((await send()).inner.status).toBe(200)
  })

  test('OHTTP-G21: the key id is part of what is remembered', async () => {
    const claims = createMemoryStore({ shares: replayShares(100), now: () => start })
    const once = replayGuard({ claims, window: 1_000, now: () => start })
    const enc = new Uint8Array(32)
    await once({ keyId: 1, enc }, true)
    await once({ keyId: 2, enc }, true)
    await expect(once({ keyId: 1, enc: enc.slice() }, true)).rejects.toMatchObject({ code: 'seen-before' })
    await expect(once({ keyId: 1, enc }, false)).rejects.toMatchObject({ code: 'seen-before' })
  })

  test('two keys with one id at different times do not disturb each other', async () => {
    const [old, young] = [newKey(5), newKey(5)]
    const claims = createMemoryStore({ shares: replayShares(100), now: () => start })
    const first = await town({ keys: [old], claims })
    const second = await town({ keys: [young], claims })
    expect((await ask(first)).inner.status).toBe(200)
    expect((await ask(second)).inner.status).toBe(200)
  })
})

describe('a full store', () => {
  test('requests with Date get a sealed 503, and room again when time has passed', async () => {
    const place = await town({ capacity: 4 })
    for (let i = 0; i < 3; i++) expect((await ask(place)).inner.status).toBe(200)
    const full = await ask(place)
    expect([full.inner.status, valueOf(full.inner.headers, 'retry-after'), full.size]).toEqual([503, '1', 1024])
    expect(place.outcomes.at(-1)).toBe('store-unavailable')
    place.clock += 600_000 + sliceLength
    expect((await ask(place, { date: place.clock })).inner.status).toBe(200)
  })

  test('requests without Date have a tenth of it, are asked for one when it is full, and harm nobody else', async () => {
    const place = await town({ capacity: 20 })
    for (let i = 0; i < 2; i++) expect((await ask(place, { date: null })).inner.status).toBe(200)
    const { inner, text } = await ask(place, { date: null })
    expect([inner.status, valueOf(inner.headers, 'date')]).toEqual([400, new Date(start).toUTCString()])
    expect(text).toContain('#date')
    expect((await ask(place)).inner.status).toBe(200)
  })

  test('what the screen refuses takes no room', async () => {
    const place = await town({ capacity: 4 })
    for (let i = 0; i < 10; i++) await ask(place, { authority: 'other.example' })
    expect((await ask(place)).inner.status).toBe(200)
  })

  test('a store that fails is a sealed 503, and is told', async () => {
    const told: boolean[] = []
    const claims: Store = {
      claim: () => Promise.reject(new Error('disk')),
      forget: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }
    const place = await town({ claims, storeWorks: (works) => void told.push(works) })
    expect((await ask(place)).inner.status).toBe(503)
    expect([told, place.seen, place.faults]).toEqual([[false], [], []])
  })

  test.each([10, 11, 1_000_000])('the shares of %i add up, a tenth without Date', (capacity) => {
    const { dated = 0, dateless = 0 } = replayShares(capacity)
    expect([dated + dateless, dateless]).toEqual([capacity, Math.ceil(capacity / 10)])
  })
})
