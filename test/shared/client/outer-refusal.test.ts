/** What a gateway of placement `sealed` may say under its own seal instead of the CVM's answer, and what may be tried again. */
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../../shared/bytes.ts'
import { carriesSealed, refusedByGateway, Unprocessed } from '../../../shared/client/outer-refusal.ts'
import { dateProblem, ohttpKeyProblem } from '../../../shared/http/problem.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'

const date = 'Sun, 22 Nov 2026 09:30:41 GMT'
const type = (name: string): [string, string] => ['content-type', name]

async function* content(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(utf8(text))
}

async function said(status: number, headers: [string, string][], text = ''): Promise<unknown> {
  const refused = await refusedByGateway({ status, headers }, content(text))
  if (!(refused instanceof Unprocessed)) return [refused.code, refused.retryAfter, 'final']
  return [refused.error.code, refused.error.retryAfter, refused.again]
}

const problem = (name: string): string => JSON.stringify({ type: name })
const json = type(mediaTypes.problem)

describe('a refusal', () => {
  test.each<[string, number, [string, string][], string, unknown]>([
    [
      'of the date',
      400,
      [json, ['date', date]],
      problem(dateProblem),
      ['date-refused', undefined, { date: Date.parse(date) }],
    ],
    ['of the key', 400, [json], problem(ohttpKeyProblem), ['key-unknown', undefined, 'key']],
    ['of a CVM that it does not know', 403, [json], problem('about:blank'), ['key-unknown', undefined, 'key']],
    [
      'for want of a socket',
      503,
      [json, ['retry-after', '1']],
      problem('about:blank'),
      ['gateway-unavailable', 1, 'cvm'],
    ],
    ['since the CVM did not answer', 502, [json], problem('about:blank'), ['cvm-failed', undefined, 'final']],
    ['since the CVM was slow', 504, [json], '', ['cvm-failed', undefined, 'final']],
    ['of its own making', 500, [], '', ['cvm-failed', undefined, 'final']],
    ['of the size', 413, [json], problem('about:blank'), ['too-large', undefined, 'final']],
    ['of anything else', 400, [json], problem('about:blank'), ['relay-refused', undefined, 'final']],
    ['that is no JSON', 400, [json], '{', ['relay-refused', undefined, 'final']],
    ['that is longer than any', 400, [json], problem(dateProblem).padEnd(5_000), ['relay-refused', undefined, 'final']],
    [
      'of the date in another type',
      400,
      [type('text/plain')],
      problem(dateProblem),
      ['relay-refused', undefined, 'final'],
    ],
    ['that says success', 200, [type('text/plain')], 'hello', ['answer-damaged', undefined, 'final']],
  ])('%s', async (_what, status, headers, text, wanted) => {
    expect(await said(status, headers, text)).toEqual(wanted)
  })
})

test('an answer is one of the sealed type of its family, with 200, and nothing else', () => {
  const sealed = { status: 200, headers: [type(mediaTypes.sealedResponse)] }
  expect(carriesSealed(sealed, 'standard')).toBe(true)
  expect(carriesSealed(sealed, 'chunked')).toBe(false)
  expect(carriesSealed({ ...sealed, status: 206 }, 'standard')).toBe(false)
  expect(carriesSealed({ status: 200, headers: [type(mediaTypes.response)] }, 'standard')).toBe(false)
})
