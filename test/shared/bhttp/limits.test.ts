/** What a stranger cannot make us keep, wait for or count to. RFC 9292 §8, wire.md "Limits". */
import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../shared/bytes.ts'
import { decodeRequest, decodeResponse, ResponseDecoder } from '../../../shared/bhttp/decode.ts'
import type { Limits } from '../../../shared/bhttp/message.ts'
import { line, outcome, request, response, section, streamed } from './feeding.ts'

describe('B-18: limits', () => {
  const limits: Limits = { content: 4, headerSection: 24, fields: 2, informational: 1 }
  const asRequest = (bytes: Uint8Array) => outcome(() => decodeRequest(bytes, limits))
  const asResponse = (bytes: Uint8Array) => outcome(() => decodeResponse(bytes, limits))

  test.each([
    ['known, as many as allowed', response('0004aabbccdd'), 'object'],
    ['known, one more', response('0005aabbccddee'), 'body-too-large'],
    ['known, announced only', response('0005'), 'body-too-large'],
    ['2^53 + 1, announced only', response('00c020000000000001'), 'body-too-large'],
    ['2^62 - 1, announced only', response('00ffffffffffffffff'), 'body-too-large'],
    ['chunks, as many as allowed', streamed('0002aabb02ccdd0000'), 'object'],
    ['chunks, one more', streamed('0002aabb02ccdd01'), 'body-too-large'],
    ['a chunk of 2^32 + 1', streamed('00c000000100000001'), 'body-too-large'],
  ])('content: %s', (_, bytes, result) => {
    const came = asResponse(bytes)
    expect(typeof came === 'string' ? came : 'object').toBe(result)
  })

  test.each([
    ['known, as long as allowed', response(section(line('a', 'x'.repeat(21)))), 'object'],
    ['known, one more', response(section(line('a', 'x'.repeat(22)))), 'body-too-large'],
    ['known, announced only', response('19'), 'body-too-large'],
    ['a name, announced only', streamed('19'), 'body-too-large'],
    ['a value, announced only', streamed('016118'), 'body-too-large'],
    ['a value of 2^62 - 1', streamed('0161ffffffffffffffff'), 'body-too-large'],
    ['lines together', streamed('016115' + '61'.repeat(21) + '016202'), 'body-too-large'],
    ['trailers', response('000019'), 'body-too-large'],
    ['informational', fromHex('01406719'), 'body-too-large'],
  ])('section: %s', (_, bytes, result) => {
    const came = asResponse(bytes)
    expect(typeof came === 'string' ? came : 'object').toBe(result)
  })

  test('control data counts with the header section', () => {
    // GET, https, e.com and / are 14 octets of the 24.
    expect(asRequest(request(section(line('a', 'x'.repeat(7)))))).toBeTypeOf('object')
    expect(asRequest(request(section(line('a', 'x'.repeat(8)))))).toBe('body-too-large')
    expect(asRequest(fromHex('0019'))).toBe('body-too-large')
  })

  test.each([
    ['known', response(section(...'abc'.split('').map((name) => line(name, ''))))],
    ['indeterminate', streamed(`${'abc'.split('').map((name) => line(name, '')).join('')}00`)], // prettier-ignore
    ['trailers', response(`0000${section(...'abc'.split('').map((name) => line(name, '')))}`)],
  ])('fields: three where two are allowed, %s', (_, bytes) => {
    expect(asResponse(bytes)).toBe('too-many')
    expect(outcome(() => decodeResponse(bytes, { ...limits, fields: 3 }))).toBeTypeOf('object')
  })

  test('informational responses: two where one is allowed', () => {
    expect(asResponse(fromHex('0140640040c8'))).toBeTypeOf('object')
    expect(asResponse(fromHex('01406400406400'))).toBe('too-many')
  })

  test('the defaults are those of wire.md', () => {
    const fields = (count: number) => response(section(...Array.from({ length: count }, () => line('a', ''))))
    expect(outcome(() => decodeResponse(fields(128)))).toBeTypeOf('object')
    expect(outcome(() => decodeResponse(fields(129)))).toBe('too-many')
    const hints = (count: number) => fromHex(`01${'406700'.repeat(count)}40c8`)
    expect(outcome(() => decodeResponse(hints(32)))).toBeTypeOf('object')
    expect(outcome(() => decodeResponse(hints(33)))).toBe('too-many')
    expect(outcome(() => decodeRequest(request('0080100001')))).toBe('body-too-large')
    expect(outcome(() => decodeRequest(request('0080100000')))).toBe('truncated')
    expect(outcome(() => decodeResponse(response('0081000001')))).toBe('body-too-large')
    expect(outcome(() => decodeResponse(response('0081000000')))).toBe('truncated')
    expect(outcome(() => decodeResponse(response('80004001')))).toBe('body-too-large')
    expect(outcome(() => decodeResponse(response('80004000')))).toBe('truncated')
  })

  test('an announced length gets no memory before its bytes are here', () => {
    const before = process.memoryUsage().arrayBuffers
    const decoders = Array.from(
      { length: 200 },
      () => new ResponseDecoder({ content: 2 ** 40, headerSection: 2 ** 40 }),
    )
    for (const decoder of decoders) {
      decoder.push(response('c00000003fffffff'))
      decoder.push(fromHex('0161'))
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
  })
})
