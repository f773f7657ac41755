/** The only two reasons to send anything twice, and how rarely. trust.md 6, RFC 9458 §6.5.2. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cannotOpen, dateProblem, problem } from '../../../shared/http/problem.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { startOfTest } from './operator.ts'
import { gatewayKey, town, type AppAnswer, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'
const gatewayDate = 'Sun, 22 Nov 2026 09:30:41 GMT'

let pair: Town
let fetch: Visitor
let now: number

beforeEach(async () => {
  now = startOfTest
  pair = await town()
  fetch = visitor(pair, { now: () => now })
})

afterEach(async () => {
  await fetch.close()
  await pair.close()
})

function dateRefusal(fields: Record<string, string> = { date: gatewayDate }): AppAnswer {
  const { body, status } = problem(400, { type: dateProblem })
  return { status, headers: Object.entries({ 'content-type': 'application/problem+json', ...fields }), content: body }
}

const dates = (): (string | undefined)[] =>
  pair.opened.map(({ headers }) => headers.find(([name]) => name === 'date')?.[1])

describe('a refused date', () => {
  test.each(['standard', 'chunked'] as const)('OHTTP-C12: one retry with a fresh seal, family %s', async (family) => {
    fetch = visitor(pair, { family, now: () => now })
    pair.app = (_request, count) => (count === 1 ? dateRefusal() : { content: 'now it is fine' })
    const answer = await fetch(target, { method: 'POST', body: 'x' })
    expect(await answer.text()).toBe('now it is fine')
    const [one, two] = pair.posts().map(({ body }) => body.subarray(7, 39).toHex())
    expect(one).not.toBe(two)
    expect(fetch.waits).toEqual([3000])
  })

  test.each([
    [0, 1000],
    [0.999999, 5000],
  ])('OHTTP-C12: the retry waits 1 to 5 s (dice %d)', async (dice, milliseconds) => {
    fetch = visitor(pair, { random: () => dice })
    pair.app = (_request, count) => (count === 1 ? dateRefusal() : {})
    await fetch(target)
    expect(Math.round(fetch.waits[0] ?? 0)).toBe(milliseconds)
  })

  test('OHTTP-C12: a second refusal is final', async () => {
    pair.app = () => dateRefusal()
    expect(await codeOf(fetch(target))).toBe('date-refused')
    expect(pair.opened.length).toBe(2)
  })

  test('OHTTP-C12: at most one retry an hour, whatever is asked', async () => {
    pair.app = () => dateRefusal()
    for (const minutes of [0, 1, 58, 2]) {
      now += minutes * 60_000
      expect(await codeOf(fetch(target))).toBe('date-refused')
    }
    expect(pair.opened.length).toBe(4 + 2)
  })

  test('OHTTP-C13: the gateway’s date is used for the retry alone', async () => {
    pair.app = (_request, count) => (count === 1 ? dateRefusal() : {})
    await fetch(target)
    await fetch(target)
    const own = new Date(Math.floor(now / 60_000) * 60_000).toUTCString()
    expect(dates()).toEqual([own, 'Sun, 22 Nov 2026 09:30:00 GMT', own])
  })

  test('a refusal without a usable date is final', async () => {
    for (const fields of [{}, { date: 'yesterday' }]) {
      pair.app = () => dateRefusal(fields)
      expect(await codeOf(fetch(target))).toBe('date-refused')
    }
    expect(pair.opened.length).toBe(2)
  })

  test('a stream is not sent twice', async () => {
    pair.app = () => dateRefusal()
    const body = ReadableStream.from([new Uint8Array(3)])
    expect(await codeOf(fetch(target, { method: 'POST', body, duplex: 'half' }))).toBe('date-refused')
    expect(pair.opened.length).toBe(1)
  })

  test('another 400 problem is an answer like any other', async () => {
    const { body, fields } = problem(400)
    pair.app = () => ({ status: 400, headers: Object.entries(fields), content: body })
    const answer = await fetch(target)
    expect([answer.status, await answer.json()]).toEqual([400, JSON.parse(body)])
  })

  test('keys that ended while the retry waited seal nothing more', async () => {
    pair.app = () => dateRefusal()
    let end = 0
    fetch = visitor(pair, {
      now: () => now,
      wait: () => {
        now = end
        return Promise.resolve()
      },
    })
    end = (await fetch.ready()).notAfter
    expect(await codeOf(fetch(target))).toBe('bundle-outdated')
    expect(pair.opened.length).toBe(1)
  })

  test('who leaves while the retry waits has sent nothing more', async () => {
    pair.app = () => dateRefusal()
    const leaving = new AbortController()
    fetch = visitor(pair, {
      wait: () => {
        leaving.abort(new Error('gone'))
        return Promise.resolve()
      },
    })
    await expect(fetch(target, { signal: leaving.signal })).rejects.toThrow('gone')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(pair.posts().length).toBe(1)
  })
})

describe('an unknown key', () => {
  beforeEach(() => {
    pair.onPost = ({ body }, response) => {
      if (body[0] === pair.key.config.keyId) return false
      response.writeHead(cannotOpen.status, cannotOpen.fields).end(cannotOpen.body)
      return true
    }
  })

  test('OHTTP-C14, E-9: sent again once, for the key of a bundle whose serial rose', async () => {
    await fetch.ready()
    await pair.publish({ serial: 8, key: gatewayKey(2) })
    expect((await fetch(target, { method: 'POST', body: 'x' })).status).toBe(200)
    expect(pair.posts().map(({ body }) => body[0])).toEqual([1, 2])
    expect(fetch.waits).toEqual([3000])
    expect(fetch.verdict()?.serial).toBe(8)
  })

  test('not for another bundle of the same serial', async () => {
    await fetch.ready()
    await pair.publish({ serial: 7, key: gatewayKey(2) })
    expect(await codeOf(fetch(target))).toBe('key-unknown')
    expect(pair.posts().length).toBe(1)
  })

  test('at most once in ten minutes', async () => {
    await fetch.ready()
    for (const [minutes, serial, gets] of [
      [0, 8, 2],
      [9, 9, 2],
      [1, 10, 3],
    ] as const) {
      now += minutes * 60_000
      await pair.publish({ serial, key: gatewayKey(serial) })
      const code = await codeOf(fetch(target))
      expect(code).toBe(minutes === 9 ? 'key-unknown' : 'no error')
      expect(pair.received.filter(({ method }) => method === 'GET').length).toBe(gets)
    }
  })

  test('a relay that claims it and rolls back the bundle is found out', async () => {
    const old = pair.bundle
    await pair.publish({ serial: 8 })
    await fetch.ready()
    pair.bundle = old
    pair.key = gatewayKey(3)
    expect(await codeOf(fetch(target))).toBe('bundle-rolled-back')
    expect(pair.posts().length).toBe(1)
  })
})
