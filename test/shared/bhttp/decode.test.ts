/** How a Binary HTTP message is framed, ends and arrives. RFC 9292 §3.1-3.3, §3.5, §3.8 and §4. */
import { describe, expect, test } from 'vitest'
import { concat, fromHex, hex } from '../../../shared/bytes.ts'
import {
  decodeRequest,
  decodeResponse,
  RequestDecoder,
  ResponseDecoder,
  responseOf,
} from '../../../shared/bhttp/decode.ts'
import type { Kind } from '../../../shared/bhttp/message.ts'
import { varint } from '../../../shared/bhttp/varint.ts'
import { decodedOf, eventsOf, line, outcome, request, response, section, streamed } from './feeding.ts'

describe('B-1: the framing indicator', () => {
  const tails: Record<Kind, string> = { request: '0347455405687474707305652e636f6d012f', response: '40c8' }
  test.each([
    ['request', '00', 'known'],
    ['request', '02', 'indeterminate'],
    ['request', 'c000000000000002', 'indeterminate'],
    ['response', '01', 'known'],
    ['response', '4003', 'indeterminate'],
  ] as const)('a %s that begins with %s is %s', (kind, indicator, framing) => {
    const bytes = fromHex(indicator + tails[kind])
    expect((kind === 'request' ? decodeRequest(bytes) : decodeResponse(bytes)).framing).toBe(framing)
  })

  test.each([
    ['request', '01'],
    ['request', '03'],
    ['request', '04'],
    ['request', '4100'],
    ['request', 'c000000100000000'],
    ['request', 'c020000000000000'],
    ['response', '00'],
    ['response', '02'],
    ['response', '3f'],
    ['response', 'ffffffffffffffff'],
  ] as const)('a %s does not begin with %s', (kind, indicator) => {
    expect(outcome(() => decodedOf(kind, fromHex(indicator + tails[kind])))).toBe('bad-framing')
  })
})

describe('B-4: status codes', () => {
  test.each([200, 204, 304, 418, 599])('%i is final', (status) => {
    expect(decodeResponse(concat(fromHex('01'), varint(status)))).toMatchObject({ status, informational: [] })
  })

  test.each([0, 1, 99, 600, 999, 65_736, 2 ** 32 + 200, 2n ** 53n + 200n, 2n ** 62n - 1n])('%i is none', (status) => {
    expect(outcome(() => decodeResponse(concat(fromHex('01'), varint(status))))).toBe('bad-control-data')
  })
})

describe('B-5: informational responses', () => {
  test.each(['01', '03'])(
    'any number of them comes before the final one, each with its fields (framing %s)',
    (framing) => {
      const [open, close] = framing === '01' ? ['05', ''] : ['', '00']
      const one = `4067${open}0178023132${close}`
      const message = decodeResponse(fromHex(`${framing}406400${one}${one}40c8`))
      const hints = { status: 103, headers: [['x', '12']] }
      expect(message.informational).toEqual([{ status: 100, headers: [] }, hints, hints])
      expect(message.status).toBe(200)
    },
  )

  test.each(['01', '014064', '01406400', '0140640040', '034067', '03406700', '0340670178023132', '034067017802313200'])(
    '%s ends before the final status and is refused',
    (encoded) => {
      expect(outcome(() => decodeResponse(fromHex(encoded)))).toBe('truncated')
    },
  )
})

describe('B-6: lines fill a section of known length exactly', () => {
  test.each([
    ['the value reaches past the end', '03016102ffff'],
    ['the value reaches past the end, and bytes follow', '0301610262620000'],
    ['there is no value', '020161ffff'],
    ['the name reaches past the end', '0205616263'],
    ['an integer reaches past the end', '0140610000'],
    ['the value has a length of 2^62 - 1', '0a0161ffffffffffffffff'],
  ])('%s', (_, rest) => {
    expect(outcome(() => decodeResponse(response(rest)))).toBe('bad-framing')
  })

  test('a section that is longer than the message is a short message', () => {
    expect(outcome(() => decodeResponse(response('050161')))).toBe('truncated')
  })
})

describe('B-7: indeterminate parts end with a zero', () => {
  test.each([
    ['00 01 41 01 42 00 00 00', '4142', 1],
    ['00 02 4142 c000000000000000 00', '4142', 0],
    ['80000000 02 4142 4000 00', '4142', 0],
  ])('%s', (rest, content, padding) => {
    const message = decodeResponse(streamed(rest))
    expect([hex(message.content), message.padding]).toEqual([content, padding])
  })

  test.each([
    '01 78',
    '01 78 01 79',
    '01 78 01 79 01',
    '00 01 41',
    '00 02 41',
    '00 01 41 40',
    '00 01 41 00 01 78 01 79',
  ])('%s has no end and is refused', (rest) => {
    expect(outcome(() => decodeResponse(streamed(rest)))).toBe('truncated')
  })
})

describe('B-14: padding', () => {
  test.each([0, 1, 2, 63, 4096, 100_000])('%i zeros are padding', (count) => {
    const message = concat(response('000000'), new Uint8Array(count))
    expect(decodeResponse(message).padding).toBe(count)
  })

  test.each([0, 1, 17])('a byte that is not zero at %i is refused', (at) => {
    const zeros = new Uint8Array(18)
    zeros[at] = 1
    expect(outcome(() => decodeResponse(concat(response('000000'), zeros)))).toBe('bad-padding')
  })
})

describe('B-15: an invalid message', () => {
  test('stays refused, and is not processed further', () => {
    const decoder = new ResponseDecoder()
    expect(outcome(() => decoder.push(fromHex('0140630000')))).toBe('bad-control-data')
    expect(outcome(() => decoder.push(fromHex('0140c8')))).toBe('bad-control-data')
    expect(outcome(() => decoder.end())).toBe('bad-control-data')
  })

  test('may show late: what came before it has been given out', () => {
    const decoder = new RequestDecoder()
    const before = decoder.push(request('000261'))
    expect(before.map(({ type }) => type)).toEqual(['head', 'content'])
    expect(outcome(() => decoder.push(fromHex('620401780120')))).toBe('bad-field')
  })

  test('pushing after the end is a mistake of ours', () => {
    const decoder = new ResponseDecoder()
    decoder.push(response(''))
    decoder.end()
    expect(() => decoder.push(fromHex('00'))).toThrow(TypeError)
    expect(() => decoder.end()).toThrow(TypeError)
  })
})

describe('B-16: framing depends on nothing but itself', () => {
  test.each([204, 205, 304])('a %i has content where its length says so', (status) => {
    const message = decodeResponse(concat(fromHex('01'), varint(status), fromHex('00026f6b')))
    expect(hex(message.content)).toBe('6f6b')
  })

  test('a content-length without content, as for HEAD, is read', () => {
    expect(decodeResponse(response(section(line('content-length', '51')))).content).toHaveLength(0)
  })
})

describe('events', () => {
  test('come in order, the head before any content is here, the trailers before any padding is', () => {
    const decoder = new ResponseDecoder()
    const types = (rest: string): string[] => decoder.push(fromHex(rest)).map(({ type }) => type)
    expect(types('034067')).toEqual([])
    expect(types('00')).toEqual(['informational'])
    expect(types('40c800')).toEqual(['head'])
    expect(types('0361')).toEqual(['content'])
    expect(types('62')).toEqual(['content'])
    expect(types('6301')).toEqual(['content'])
    expect(types('')).toEqual([])
    expect(types('6440')).toEqual(['content'])
    expect(types('00')).toEqual([])
    expect(types('00')).toEqual(['trailers'])
    expect(types('0000')).toEqual([])
    expect(decoder.end()).toEqual([{ type: 'end', padding: 2 }])
  })

  test('of a message in pieces, put together, are the message', () => {
    const bytes = streamed('0178013100 026f6b 0121 00 0164027879 00 0000')
    const decoder = new ResponseDecoder()
    const events = [...bytes].flatMap((byte) => decoder.push(Uint8Array.of(byte)))
    expect(responseOf([...events, ...decoder.end()])).toEqual(decodeResponse(bytes))
    expect(() => responseOf(events)).toThrow(TypeError)
  })

  test('content of one piece is one event, however many chunks it came in', () => {
    const chunks = 100_000
    const events = eventsOf('response', streamed(`00${'0161'.repeat(chunks)}0000`))
    expect(events.map(({ type }) => type)).toEqual(['head', 'content', 'trailers', 'end'])
    expect(events.find((event) => event.type === 'content')?.bytes).toHaveLength(chunks)
  })
})
