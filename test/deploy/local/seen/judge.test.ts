/** The judge of the demo believes nobody: planted bytes of every kind must turn its verdict. */
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { judge, type Case } from '../../../../deploy/local/seen/judge.ts'
import { needlesOf } from '../../../../deploy/local/seen/needles.ts'
import { report } from '../../../../deploy/local/seen/table.ts'
import type { Observation, Party } from '../../../../deploy/local/seen/witness.ts'

const message = 'The surgeon telephoned: carcinoma, “stage two”. Grüße an Mörike, 今日は病院です。'
const client = '127.83.21.7'
const sealed = Buffer.from(Uint8Array.from({ length: 4096 }, (_, i) => (i * 167 + 13) % 251))
const open = Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: message }] }))

function observation(party: Party, more: Partial<Observation> = {}): Observation {
  const content = party === 'relay' || party === 'gateway' ? sealed : open
  const peer = party === 'relay' ? `${client}:4000` : party === 'app' ? 'unix socket' : '127.0.0.1:5000'
  return {
    party,
    peers: [peer],
    heads: ['POST / · host'],
    bytes: 4096,
    asked: [content],
    handled: party === 'gateway' ? [open] : [],
    legible: true,
    ...more,
  }
}

function judged(change: Partial<Record<Party, Partial<Observation>>> = {}, more: Partial<Case> = {}) {
  const observations = (['relay', 'gateway', 'cvm', 'app'] as const).map((party) => observation(party, change[party]))
  return judge({ placement: 'front', message, answer: 'The surgeon telephoned.', client, observations, ...more })
}

const broken = (result: ReturnType<typeof judged>): string[] =>
  result.claims.filter(({ held }) => !held).map(({ says }) => says)

test('what the pair should look like is believed', () => {
  const result = judged()
  expect(broken(result)).toEqual([])
  expect(result.held).toBe(true)
  expect(result.rows.map(({ party, sawClient }) => [party, sawClient])).toEqual([
    ['relay', true],
    ['gateway', false],
    ['cvm', false],
    ['app', false],
  ])
})

describe('placement sealed', () => {
  const quiet: Partial<Record<Party, Partial<Observation>>> = {
    gateway: { handled: [sealed] },
    cvm: { asked: [sealed], handled: [open] },
  }
  const placement = { placement: 'sealed' } as const

  test('is believed where relay and gateway saw nothing, and only the app read', () => {
    expect(broken(judged(quiet, placement))).toEqual([])
    expect(report(judged(quiet, placement), (_, text) => text)).toContain('the gateway neither')
  })

  test.each<[string, Partial<Record<Party, Partial<Observation>>>, string[]]>([
    [
      'front in its place',
      {},
      ['no word of message or answer went through the gateway', 'the CVM agent was asked in sealed bytes only'],
    ],
    [
      'a word that the gateway got back',
      { ...quiet, gateway: { handled: [Buffer.from('carcinoma')] } },
      ['no word of message or answer went through the gateway'],
    ],
    [
      'a word on the way to the gateway',
      { ...quiet, gateway: { asked: [open], handled: [sealed] } },
      ['no word of message or answer went through the gateway'],
    ],
    [
      'a CVM that is asked in the clear',
      { ...quiet, cvm: { asked: [open] } },
      ['the CVM agent was asked in sealed bytes only'],
    ],
    [
      'a gateway that could not be read',
      { ...quiet, gateway: { handled: [sealed], legible: false } },
      ['the recording can be read and searched'],
    ],
  ])('is broken by %s', (_, change, says) => {
    expect(broken(judged(change, placement))).toEqual(says)
  })
})

describe('placement inside', () => {
  const three = (change: Partial<Record<Party, Partial<Observation>>> = {}) => {
    const parties = ['relay', 'cvm', 'app'] as const
    const usual = { cvm: { asked: [sealed], handled: [open] } }
    const observations = parties.map((party) => observation(party, { ...usual, ...change }[party]))
    return judge({ placement: 'inside', message, answer: 'The surgeon telephoned.', client, observations })
  }

  test('has no gateway to speak of', () => {
    expect(broken(three())).toEqual([])
    expect(three().rows.map(({ party }) => party)).toEqual(['relay', 'cvm', 'app'])
    expect(broken(judged({ cvm: { asked: [sealed], handled: [open] } }, { placement: 'inside' }))).toEqual([
      'the recording can be read and searched',
    ])
  })

  test('is broken by a CVM that is asked in the clear', () => {
    expect(broken(three({ cvm: { asked: [open] } }))).toEqual(['the CVM agent was asked in sealed bytes only'])
  })
})

const wide = (text: string): Buffer => Buffer.from(text, 'utf16le')
const planted: Record<string, Buffer> = {
  'the whole message': Buffer.from(message),
  'one word': Buffer.from('carcinoma'),
  'one word in capitals': Buffer.from('CARCINOMA'),
  'one word in hex': Buffer.from(Buffer.from('carcinoma').toString('hex').toUpperCase()),
  'one word in base64': Buffer.from(Buffer.from('carcinoma').toString('base64')),
  'one word inside longer base64': Buffer.from(Buffer.from('xx the carcinoma yy').toString('base64url')),
  'one word in base64 at the third place': Buffer.from(Buffer.from('xxcarcinoma').toString('base64')),
  'one word in UTF-16': wide('carcinoma'),
  'one word in UTF-16, big end first': wide('carcinoma').swap16(),
  'one word backwards': Buffer.from('amonicrac'),
  'an accented word percent-encoded': Buffer.from(encodeURIComponent('Mörike')),
  'an accented word as JSON escapes': Buffer.from('M\\u00f6rike'),
  'an accented word decomposed': Buffer.from('Mörike'.normalize('NFD')),
  'a word of another script': Buffer.from('病院です'.slice(0, 2)),
  'short words as a phrase': Buffer.from('Grüße an Mörike,'),
}

describe('a leak to the relay breaks the verdict:', () => {
  test.each(Object.entries(planted))('%s', (_, bytes) => {
    const leak = Buffer.concat([sealed, bytes, sealed])
    expect(broken(judged({ relay: { asked: [leak] } }))).toContain(
      'no word of message or answer went through the relay',
    )
    expect(judged({ relay: { handled: [leak] } }).held).toBe(false)
  })

  test('a word of the answer alone', () => {
    const result = judged({ relay: { handled: [Buffer.from('xylophone')] } }, { answer: 'It says xylophone.' })
    expect(result.held).toBe(false)
  })
})

test('the message in the clear on the way to the gateway breaks the verdict', () => {
  expect(broken(judged({ gateway: { asked: [open] } }))).toContain('the gateway was asked in sealed bytes only')
})

describe("the client's address behind the relay breaks the verdict:", () => {
  const forms = [
    '127.83.21.7',
    '7f531507',
    '2136151303',
    '::ffff:127.83.21.7',
    '7.21.83.127.in-addr.arpa',
    '127-83-21-7',
    Buffer.from(client).toString('base64'),
  ]
  test.each(forms)('%s', (form) => {
    for (const party of ['gateway', 'cvm', 'app'] as const) {
      const content = party === 'gateway' ? sealed : open
      const result = judged({ [party]: { asked: [content, Buffer.from(`x-forwarded-for: ${form}\r\n`)] } })
      expect(broken(result)).toHaveLength(1)
    }
  })

  test('as the address of a peer', () => {
    expect(judged({ gateway: { peers: [`${client}:1`] } }).held).toBe(false)
  })
})

describe('nothing found is worth nothing if nobody could look:', () => {
  test.each<[string, Partial<Record<Party, Partial<Observation>>>]>([
    ['TLS that could not be read', { gateway: { legible: false } }],
    ['a wire without a byte', { relay: { bytes: 0 } }],
    ['an app that did not get the message', { app: { asked: [sealed] } }],
    ['a relay that nobody asked', { relay: { peers: [] } }],
    ['a relay that did not meet the client', { relay: { peers: ['127.0.0.1:1'] } }],
  ])('%s', (_, change) => {
    expect(broken(judged(change))).toContain('the recording can be read and searched')
  })

  test('a message that is too short to search for', () => {
    expect(needlesOf('ok')).toEqual([])
    expect(judged({}, { message: 'ok' }).held).toBe(false)
  })
})

test('words that every HTTP head holds are not searched, and compressed bytes are no words', () => {
  expect(needlesOf('content length connection')).toHaveLength(1)
  expect(judged({ relay: { asked: [gzipSync(sealed)] } }).held).toBe(true)
})

test('a long message is searched by an even sample', () => {
  const long = Array.from({ length: 20_000 }, (_, i) => `word${i}abc`).join(' ')
  const needles = needlesOf(long)
  expect(needles.length).toBeLessThanOrEqual(800)
  expect(needles.some(({ word }) => word.startsWith('word199'))).toBe(true)
})

test('the table says who saw what, and a broken claim in plain words', () => {
  const plain = (_: string, text: string): string => text
  const good = report(judged(), plain)
  expect(good).toContain('Verdict: the relay knew who and not what')
  expect(good).toContain('SIMULATED')
  expect(good).toMatch(/^relay +127\.83\.21\.7:4000 +4,096 B +none +none +yes$/mu)
  expect(good).not.toContain('BROKEN')
  const bad = report(judged({ relay: { asked: [open] } }), plain)
  expect(bad).toMatch(/^BROKEN +no word of message/mu)
  expect(bad).toContain('NOT SHOWN')
  expect(bad).not.toContain('Verdict: the relay knew')
})
