/** Between Binary HTTP and the web's Request and Response. Fetch standard; conformance B-11, B-12, B-16, B-22. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeRequest, decodeResponse } from '../../../shared/bhttp/decode.ts'
import { encode, encodeRequestHead } from '../../../shared/bhttp/encode.ts'
import {
  bodyKind,
  mayHaveBody,
  requestHeadFrom,
  responseFrom,
  responseHeadFrom,
  responseInit,
} from '../../../shared/bhttp/fetch.ts'
import type { Field } from '../../../shared/bhttp/message.ts'
import { concat, fromHex } from '../../../shared/bytes.ts'

const stream = () => new Blob(['x']).stream()

describe('a Request', () => {
  test('gives its method, scheme, authority and path; the fragment stays behind', () => {
    const head = requestHeadFrom(new Request('https://app.example:8443/a%20b/?q=1&r=\u00e9#here', { method: 'put' }))
    expect(head).toEqual({
      method: 'PUT',
      scheme: 'https',
      authority: 'app.example:8443',
      path: '/a%20b/?q=1&r=%C3%A9',
      headers: [],
    })
  })

  test.each([
    'https://e.com',
    'https://e.com?',
    'http://[::1]:80/',
    'https://b\u00fccher.example/',
    'https://e.com/a b"<>`{}|\\^[]\'?a b"<>`{}|\\^[]\'#x',
    'https://e.com/../..//x/%zz%00',
    'https://e.com:443/:80@x;y=1,2',
  ])('%s can always be written', (url) => {
    const head = requestHeadFrom(new Request(url))
    const { pathname, search, host } = new URL(url)
    const read = decodeRequest(concat(encodeRequestHead(head)))
    expect([read.authority, read.path]).toEqual([host, pathname + search])
  })

  test('B-12: fields about connections are left out when a message is made', () => {
    const headers = {
      'x-a': '1',
      connection: 'x-a, close',
      te: 'gzip',
      upgrade: 'h2c',
      expect: '100-continue',
      'X-B': '2',
    }
    expect(requestHeadFrom(new Request('https://e.com/', { headers })).headers).toEqual([['x-b', '2']])
  })

  test('B-22: obs-text in a value stays one byte a character', () => {
    const request = new Request('https://e.com/', { headers: { 'x-note': 'caf\u00e9\u0080' } })
    expect(requestHeadFrom(request).headers).toEqual([['x-note', 'caf\u00e9\u0080']])
  })

  test.each([
    ['none', undefined],
    ['none', null],
    ['stored', ''],
    ['stored', 'text'],
    ['stored', new Uint8Array(3)],
    ['stored', new URLSearchParams('a=b')],
    ['stored', new Blob(['x'])],
    ['streamed', stream()],
  ])('has a body of kind %s', (kind, body) => {
    const init = { method: 'POST', ...(body !== undefined && { body }), duplex: 'half' } as const
    expect(bodyKind(new Request('https://e.com/', init), body)).toBe(kind)
  })

  test('whose body is a stream only by itself is stored: every body looks so', () => {
    expect(bodyKind(new Request('https://e.com/', { method: 'POST', body: 'text' }))).toBe('stored')
  })
})

describe('a Response', () => {
  test.each([204, 205, 304])('B-16: of status %i has no body, whatever the message carried', async (status) => {
    expect(mayHaveBody(status)).toBe(false)
    const response = responseFrom({ status, headers: [['x', 'y']] }, Uint8Array.of(1))
    expect([response.status, response.body, response.headers.get('x')]).toEqual([status, null, 'y'])
    expect((await response.arrayBuffer()).byteLength).toBe(0)
  })

  test.each([200, 203, 206, 301, 404, 599])('of status %i has its body', async (status) => {
    expect(mayHaveBody(status)).toBe(true)
    expect(await responseFrom({ status, headers: [] }, 'body').text()).toBe('body')
  })

  test('B-11: repeated fields are appended, not overwritten', () => {
    const headers: Field[] = [['set-cookie', 'a=1'], ['x', '1'], ['set-cookie', 'b=2'], ['x', '2']] // prettier-ignore
    const response = responseFrom({ status: 200, headers }, null)
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(response.headers.get('x')).toBe('1, 2')
  })

  test('pseudo-fields of extensions and connection fields are ignored; obs-text and odd names are not', () => {
    const headers: Field[] = [[':x', '1'], ['connection', 'x-a'], ['x-a', '1'], ["!#$%&'*+-.^_`|~", '\u0080\u00ff'], ['e', '']] // prettier-ignore
    const { headers: made } = responseInit({ status: 200, headers })
    expect([...made]).toEqual([["!#$%&'*+-.^_`|~", '\u0080\u00ff'], ['e', '']]) // prettier-ignore
  })

  test('its head can be written again', () => {
    const head = { status: 418, headers: [['content-type', 'text/plain'], ['x', '\u00ff']] satisfies Field[] } // prettier-ignore
    expect(responseHeadFrom(responseFrom(head, 'x'))).toEqual(head)
  })

  test('with trailing CRLF in its content, as RFC 9292 §5.2 publishes it', async () => {
    const bytes = fromHex(
      '0140c8001d5468697320636f6e74656e7420636f6e7461696e732043524c462e0d0a0d07747261696c65720474657874',
    )
    const message = decodeResponse(bytes)
    expect(await responseFrom(message, message.content).text()).toBe('This content contains CRLF.\r\n')
    expect(encode(message)).toEqual(bytes)
  })
})

test.each(['varint', 'message', 'rules', 'feed', 'pieces', 'parts', 'decode', 'writer', 'encode', 'padding', 'fetch'])(
  '%s.ts uses nothing of Node',
  (name) => {
    const source = readFileSync(new URL(`../../../shared/bhttp/${name}.ts`, import.meta.url), 'utf8')
    expect(source).not.toMatch(/from 'node:|\b(Buffer|process|require)\b/)
  },
)
