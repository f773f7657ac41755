/** RFC 9110 §11: what an authentication field may look like, and what none is. */
import { describe, expect, test } from 'vitest'
import { base64url, fromHex, utf8 } from '../../../shared/bytes.ts'
import { quotedString, readAuthSchemes } from '../../../shared/privacy-pass/auth-params.ts'
import {
  asksForToken,
  challengeField,
  readChallengeField,
  readTokenChallenge,
  writeTokenChallenge,
} from '../../../shared/privacy-pass/challenge.ts'
import { greasedTypes } from '../../../shared/privacy-pass/types.ts'

const nothing = new Uint8Array()
const challenge = writeTokenChallenge({
  tokenType: 2,
  issuerName: 'issuer.example',
  redemptionContext: nothing,
  originInfo: ['origin.example'],
})
const text = base64url(challenge)

const read = (field: string) => readAuthSchemes(field).map(({ scheme, params }) => [scheme, Object.fromEntries(params)])

test.each([
  ['one scheme alone', 'Negotiate', [['negotiate', {}]]],
  ['parameters as tokens and quoted', 'A b=c, D="e f"', [['a', { b: 'c', d: 'e f' }]]],
  ['quoted pairs', 'A b="c\\"d\\\\"', [['a', { b: 'c"d\\' }]]],
  ['blanks around the sign and commas', 'A b \t=\t"c" ,, d=e', [['a', { b: 'c', d: 'e' }]]],
  ['a comma inside quotes', 'A b="c, D e=f"', [['a', { b: 'c, D e=f' }]]],
  [
    'several schemes',
    'Basic realm="x", PrivateToken challenge=y',
    [
      ['basic', { realm: 'x' }],
      ['privatetoken', { challenge: 'y' }],
    ],
  ],
  [
    'a token68 belongs to its scheme',
    'Bearer abc/+==, A b=c',
    [
      ['bearer', {}],
      ['a', { b: 'c' }],
    ],
  ],
  [
    'a scheme without anything before another',
    'A, B c=d',
    [
      ['a', {}],
      ['b', { c: 'd' }],
    ],
  ],
  ['nothing', ' , ', []],
])('%s', (_what, field, schemes) => {
  expect(read(field)).toEqual(schemes)
})

test.each([
  ['a parameter without a scheme', 'a=b'],
  ['a parameter twice, in whatever case', 'A b=c, B=d'],
  ['an open quote', 'A b="c'],
  ['two values', 'A b=c d=e'],
  ['something behind a quoted value', 'A b="c"d'],
  ['padding outside quotes', 'A b=c=='],
  ['a control character', 'A b="\u0001"'],
  ['no word', 'A b=@'],
  ['a word that goes on', 'A@b'],
])('refused: %s', (_what, field) => {
  expect(() => readAuthSchemes(field)).toThrow(expect.objectContaining({ code: 'bad-encoding' }))
})

test('a quoted string comes back as it went', () => {
  const value = 'a "b" \\c'
  expect(readAuthSchemes(`A x=${quotedString(value)}`)[0]?.params.get('x')).toBe(value)
})

describe('challenges of our scheme', () => {
  const good = challengeField([{ challenge, tokenKey: utf8('key'), maxAge: 7 }])

  test('are read as they were written', () => {
    expect(good).toBe(`PrivateToken challenge="${text}", token-key="${base64url(utf8('key'))}", max-age="7"`)
    expect(readChallengeField(good)).toMatchObject([{ challenge, tokenKey: utf8('key'), maxAge: 7 }])
  })

  test('PP-2: unknown parameters and other schemes are ignored, in any case and order', () => {
    const field = `Basic realm="x", privateTOKEN issuer-hint="y", Challenge="${text}", Bearer`
    expect(readChallengeField(field)).toMatchObject([{ challenge }])
  })

  test.each(greasedTypes.map((type) => [type]))(
    'PP-7: the reserved type %i is ignored, its neighbour is not',
    (type) => {
      const grease = writeTokenChallenge({ ...readTokenChallenge(challenge), tokenType: type })
      expect(readChallengeField(challengeField([{ challenge: grease }, { challenge }]))).toMatchObject([{ challenge }])
      expect(readChallengeField(challengeField([{ challenge: grease }]))).toEqual([])
    },
  )

  const damaged: [string, string][] = [
    ['no padding', base64url(challenge.subarray(0, 31)).replaceAll('=', '')],
    ['the other alphabet', `${text.slice(0, -4)}+/==`],
    ['a truncated challenge', base64url(challenge.subarray(0, 20))],
    ['something behind it', base64url(fromHex(`${challenge.toHex()}00`))],
    ['a context of 5 octets', base64url(fromHex('000200016105000000000000' + '00'))],
    ['no issuer', base64url(fromHex('0002000000' + '0000'))],
    ['userinfo in the issuer', base64url(fromHex('00020003614062' + '000000'))],
    ['userinfo in the origin', base64url(fromHex('0002000161' + '000003614062'))],
    ['a letter outside ASCII', base64url(fromHex('00020001e4' + '000000'))],
  ]
  test.each(damaged)('PP-1: ignored, and what stands beside it is not: %s', (_what, value) => {
    const field = `PrivateToken challenge="${value}", ${good}`
    expect(readChallengeField(field)).toMatchObject([{ challenge }])
  })

  test('the forms above are refused for nothing but what is wrong with them', () => {
    expect(readTokenChallenge(fromHex('0002000161' + '00' + '0001' + '62'))).toMatchObject({ originInfo: ['b'] })
    expect(readTokenChallenge(fromHex('0002000161' + '20' + '00'.repeat(32) + '0000')).redemptionContext.length).toBe(
      32,
    )
  })

  test.each([
    ['PrivateToken challenge="x"', true],
    ['Basic realm=x, privatetoken', true],
    ['Bearer PrivateTokens', false],
    ['Basic realm="x"', false],
  ])('asked for at all: %s', (field, asks) => {
    expect(asksForToken(field)).toBe(asks)
  })
})
