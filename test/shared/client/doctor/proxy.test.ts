/** `asunder doctor` behind proxies that meddle: what each of them does is seen, by its own check and no other. */
import { describe, expect, test } from 'vitest'
import { sha256 } from '@noble/hashes/sha2.js'
import { hex } from '../../../../shared/bytes.ts'
import {
  clinic,
  failing,
  front,
  quiet,
  refuseWith,
  say,
  seenOf,
  set,
  visit,
  type FrontOptions,
  type Passed,
} from './clinic.ts'

describe('what a proxy before the relay does', () => {
  const bundle = '/.well-known/asunder-bundle'
  const keys = '/.well-known/ohttp-gateway'
  let count = 0
  type Change = NonNullable<FrontOptions['change']>
  type Alter = (answer: Passed) => void
  const at = (path: string, alter: Alter): Change => {
    return (answer, { url }) => (url === path ? alter(answer) : undefined)
  }
  const asked = (method: string, alter: Alter): Change => {
    return (answer, request) => (request.method === method ? alter(answer) : undefined)
  }
  const on = (status: number, alter: Alter): Change => {
    return (answer) => (answer.status === status ? alter(answer) : undefined)
  }
  const changes: [string, Change, string[], string][] = [
    ['adds via', (answer) => set(answer, 'via', '1.1 proxy'), ['heads.closed'], 'via: 1.1 proxy'],
    ['adds server', (answer) => set(answer, 'server', 'proxy/1'), ['heads.closed'], 'server: proxy/1'],
    ['keeps alive', (answer) => set(answer, 'connection', 'keep-alive'), ['heads.closed'], 'connection: keep-alive'],
    [
      'sets a cookie on bundles only',
      at(bundle, (answer) => set(answer, 'set-cookie', 'a=1')),
      ['heads.closed'],
      'set-cookie: a=1',
    ],
    [
      'numbers its answers',
      (answer) => set(answer, 'x-request-id', String((count += 1))),
      ['limits.malformed', 'heads.closed', 'heads.constant'],
      'two refusals differ',
    ],
    [
      'dates to the second',
      (answer) => set(answer, 'date', 'Sun, 22 Nov 2026 12:00:07 GMT'),
      ['heads.constant'],
      'date: Sun, 22 Nov 2026 12:00:07 GMT',
    ],
    [
      'shares with the origin that asks',
      (answer, { headers }) => set(answer, 'access-control-allow-origin', headers['origin'] ?? '*'),
      ['heads.cors'],
      'it depends on the origin',
    ],
    [
      'shares credentials',
      (answer) => set(answer, 'access-control-allow-credentials', 'true'),
      ['heads.closed', 'heads.cors'],
      'access-control-allow-credentials: true',
    ],
    [
      'serves the bundle as something else',
      at(bundle, (answer) => set(answer, 'content-type', 'application/octet-stream')),
      ['mirror.bundle'],
      'content-type application/octet-stream',
    ],
    [
      'weakens the etag of the key list',
      at(keys, (answer) => set(answer, 'etag', 'W/"1"')),
      ['mirror.keys'],
      'etag W/"1" is not the digest',
    ],
    [
      'keeps copies for a day',
      at(bundle, (answer) => set(answer, 'cache-control', 'public, max-age=86400')),
      ['mirror.bundle'],
      'max-age 86400',
    ],
    ['is a cache that lies about age', at(keys, (answer) => set(answer, 'age', '5000')), ['mirror.keys'], 'age 5000'],
    [
      'shows everybody another key list',
      at(keys, (answer) => say(answer, `${String((count += 1))}${'a'.repeat(44)}`)),
      ['mirror.keys', 'mirror.vantage'],
      'not a key list',
    ],
    [
      'hides the key list',
      at(keys, (answer) => refuseWith(answer, 404)),
      ['mirror.keys', 'mirror.vantage'],
      'status 404',
    ],
    [
      'has a page of its own for what is not there',
      on(404, (answer) => say(answer, '<h1>lost</h1>')),
      ['limits.path'],
      'a text of somebody else',
    ],
    [
      'takes every method',
      asked('PUT', (answer) => refuseWith(answer, 404)),
      ['limits.method'],
      'status 404 instead of 405',
    ],
    [
      'forgets what would be accepted',
      on(415, (answer) => set(answer, 'accept')),
      ['limits.media-type'],
      'accept: missing',
    ],
    [
      'answers for every host',
      on(421, (answer) => refuseWith(answer, 502)),
      ['limits.host'],
      'status 502 instead of 421',
    ],
    [
      'has a limit that it does not name',
      on(413, (answer) => refuseWith(answer, 413)),
      ['limits.size'],
      'a 413 that does not name the limit',
    ],
    [
      'tells what is wrong with a message',
      on(400, (answer) => say(answer, 'bad tag')),
      ['limits.malformed'],
      'a text of somebody else',
    ],
    [
      'says that the gateway is not there',
      on(400, (answer) => refuseWith(answer, 503)),
      ['limits.malformed'],
      'status 503 instead of 400',
    ],
  ]
  test.each(changes)('%s', async (_, change, names, words) => {
    const patient = await clinic()
    const relay = await front(patient, { change })
    const seen = await visit([relay, '--vantage', patient.relay, ...quiet])
    expect(failing(seen)).toEqual({ names, seen: expect.stringContaining(words) as string })
    expect(seen.exit).toBe(names.length === 0 ? 0 : 1)
  })

  test('shows this side another bundle than that one', async () => {
    const [patient, other] = [await clinic(), await clinic({ bundle: { serial: 8 } })]
    const { names, seen } = failing(await visit([patient.relay, '--vantage', other.relay, ...quiet]))
    expect([names, seen]).toEqual([['mirror.vantage'], expect.stringContaining('another asunder-bundle from')])
  })

  test('in placement sealed no key list is missed, and one that is shown is judged', async () => {
    const patient = await clinic()
    const seal: Alter = (answer) => {
      say(answer, 'asunder bundle v1\n{"placement":"sealed"}\n')
      set(answer, 'etag', `"${hex(sha256(answer.body))}"`)
    }
    const hide: Change = (answer, { url }) => {
      if (url === bundle) seal(answer)
      if (url === keys) refuseWith(answer, 503)
    }
    const relay = await front(patient, { change: hide })
    const seen = await visit([relay, '--vantage', relay, ...quiet])
    expect([failing(seen).names, seenOf(seen, 'mirror.keys')[0]]).toEqual([[], 'not observable'])
    const shows = await visit([await front(patient, { change: at(bundle, seal) }), ...quiet])
    expect(seenOf(shows, 'mirror.keys')[0]).toBe('ok')
  })

  test('changes the bundle between two questions', async () => {
    const patient = await clinic()
    const change = at(bundle, (answer) => {
      say(answer, `${String((count += 1))}\n`)
      set(answer, 'etag', `"${hex(sha256(answer.body))}"`)
    })
    const { names, seen } = failing(await visit([await front(patient, { change }), ...quiet]))
    expect([names, seen]).toEqual([['mirror.bundle'], expect.stringContaining('other bytes the second time')])
  })
})

test('a rate limit and a token that is wanted first hide what is behind them', async () => {
  const patient = await clinic()
  for (const status of [429, 401] as const) {
    const relay = await front(patient, {
      change: (answer, { method }) => (method === 'POST' ? refuseWith(answer, status) : undefined),
    })
    const seen = await visit([relay, ...quiet])
    expect([seen.exit, failing(seen).names]).toEqual([0, []])
    expect(seenOf(seen, 'limits.malformed')).toEqual(['not observable', expect.stringContaining(String(status))])
  }
})
