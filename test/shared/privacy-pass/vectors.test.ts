/** Every case of the vectors: what is genuine is taken, what must be refused is refused for the reason it states. */
import { describe, expect, test } from 'vitest'
import { base64url, fromHex, fromUtf8, hex } from '../../../shared/bytes.ts'
import {
  challengeDigest,
  readChallengeField,
  readTokenChallenge,
  writeTokenChallenge,
} from '../../../shared/privacy-pass/challenge.ts'
import { redeem, keyIdOf, type Verifier } from '../../../shared/privacy-pass/redeem.ts'
import { blindRsaVerifier } from '../../../shared/privacy-pass/rsa.ts'
import { readToken, readTokenField, tokenField, tokenInput } from '../../../shared/privacy-pass/token.ts'
import { blindRsa, tokenType } from '../../../shared/privacy-pass/types.ts'
import { voprfVerifier } from '../../../shared/privacy-pass/voprf.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { hexOf, vectors, type Vector } from './vectors.ts'

const type1 = vectors('type1').cases
const type2 = vectors('type2').cases
const invalid = vectors('invalid')
const schemes = vectors('auth-scheme').cases

function verifierOf(vector: Vector): Verifier {
  const secret = type1.includes(vector)
  return secret ? voprfVerifier(hexOf(vector, 'skS')) : blindRsaVerifier(hexOf(vector, 'pkS'))
}

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
  return 'no refusal'
}

describe.skipIf(type1.length === 0).each([...type1, ...type2].map((one): [string, Vector] => [one.id, one]))(
  '%s',
  (_id, vector) => {
    const parsed = vector['parsed'] as Record<string, string | number>
    const challenge = hexOf(vector, 'token_challenge')

    test('PP-1: the challenge says what it says, and is written as it was', () => {
      const { redemption_context: context, trailing, ...said } = vector['challenge'] as Record<string, unknown>
      const read = readTokenChallenge(challenge)
      expect(trailing).toBe(0)
      expect({
        token_type: read.tokenType,
        issuer_name: read.issuerName,
        origin_info: read.originInfo.join(','),
      }).toEqual(said)
      expect(hex(read.redemptionContext)).toBe(context)
      expect(hex(writeTokenChallenge(read))).toBe(vector['token_challenge'])
    })

    test('PP-3: the token has the parts that it has', () => {
      const { type, ...token } = readToken(hexOf(vector, 'token'))
      expect(type.id).toBe(parsed['token_type'])
      expect(hex(token.nonce)).toBe(parsed['nonce'])
      expect(hex(token.challengeDigest)).toBe(parsed['challenge_digest'])
      expect(hex(token.keyId)).toBe(parsed['token_key_id'])
      expect(hex(token.authenticator)).toBe(parsed['authenticator'])
      expect(hex(token.input)).toBe(parsed['token_input'])
      expect(hex(tokenInput({ type, ...token }))).toBe(parsed['token_input'])
    })

    test('PP-4: it is redeemed under the published key, whose digest is its id', () => {
      const verifier = verifierOf(vector)
      expect(hex(verifier.tokenKey)).toBe(vector['pkS'])
      expect(hex(keyIdOf(hexOf(vector, 'pkS')))).toBe(parsed['token_key_id'])
      const digest = challengeDigest(challenge)
      const [token] = redeem(hexOf(vector, 'token'), { verifiers: [verifier], digestFor: () => digest })
      expect(hex(token.nonce)).toBe(vector['nonce'])
    })

    test('PP-2: it travels in an authorization field, quoted, and unquoted where there is no padding', () => {
      const field = String(vector['authorization'])
      expect(hex(readTokenField(field))).toBe(vector['token'])
      expect(tokenField(hexOf(vector, 'token'))).toBe(field)
      const bare = field.replaceAll('"', '')
      if (bare.endsWith('=')) expect(codeOf(() => readTokenField(bare))).toBe('bad-encoding')
      else expect(hex(readTokenField(bare))).toBe(vector['token'])
    })

    test('with an octet behind it, or where only the other type is redeemed, it is refused', () => {
      const digestFor = (): Uint8Array => challengeDigest(challenge)
      const token = hexOf(vector, 'token')
      const longer = Uint8Array.from([...token, 0])
      expect(codeOf(() => redeem(longer, { verifiers: [verifierOf(vector)], digestFor }))).toBe('trailing-data')
      const [other = vector] = type1.includes(vector) ? type2 : type1
      expect(codeOf(() => redeem(token, { verifiers: [verifierOf(other)], digestFor }))).toBe('wrong-token-type')
    })

    test.each([2, 34, 66, 98])('an octet changed at %i is refused', (at) => {
      const verifier = verifierOf(vector)
      const digest = challengeDigest(challenge)
      const token = hexOf(vector, 'token')
      token[at] = (token[at] ?? 0) ^ 1
      const code = codeOf(() => redeem(token, { verifiers: [verifier], digestFor: () => digest }))
      expect(code).toBe({ 34: 'challenge-mismatch', 66: 'unknown-key' }[at] ?? 'bad-signature')
    })
  },
)

/** Our word for each reason that the vectors give. */
const codes: Readonly<Record<string, string>> = {
  TRUNCATED: 'truncated',
  WRONG_TOKEN_TYPE: 'wrong-token-type',
  BAD_LENGTH: 'truncated',
  BAD_SIGNATURE: 'bad-signature',
  UNKNOWN_KEY: 'unknown-key',
  CHALLENGE_MISMATCH: 'challenge-mismatch',
  MALFORMED_CREDENTIALS: 'bad-encoding',
}

describe.skipIf(invalid.verifier === undefined)('tokens that must be refused', () => {
  const { pkS = '', token_challenge: challenge = '' } = invalid.verifier ?? {}
  const accepted = () => {
    const digest = challengeDigest(fromHex(challenge))
    return { verifiers: [blindRsaVerifier(fromHex(pkS))], digestFor: () => digest }
  }
  const tokens = invalid.cases.filter(({ token, sequence }) => token !== undefined && sequence === undefined)
  const fields = invalid.cases.filter(({ authorization }) => authorization !== undefined)

  test.each(tokens.map((one): [string, Vector] => [`${one.id}: ${String(one['why'])}`, one]))('%s', (_id, one) => {
    // A relabelled token has the length of its old type; either word is right, none is told to anybody.
    const allowed = [codes[String(one['reason'])], ...(one.id === 'ppi-type-1' ? ['trailing-data'] : [])]
    expect(allowed).toContain(codeOf(() => redeem(hexOf(one, 'token'), accepted())))
  })

  test.each(fields.map((one): [string, Vector] => [`${one.id}: ${String(one['why'])}`, one]))('%s', (_id, one) => {
    expect(['bad-encoding', 'truncated']).toContain(
      codeOf(() => redeem(readTokenField(String(one['authorization'])), accepted())),
    )
  })

  test('these were all but the one about spending twice, which gate.test.ts has', () => {
    expect(tokens.length + fields.length).toBe(invalid.cases.length - 1)
    expect(tokens.length).toBeGreaterThan(8)
  })
})

describe.skipIf(schemes.length === 0)('the authentication scheme', () => {
  test('two challenges in one field are both read, with keys and ages', () => {
    const [vector] = schemes
    const asked = readChallengeField(String(vector?.['WWW-Authenticate']))
    expect(asked.length).toBe(2)
    for (const [at, { challenge, tokenKey, maxAge, says }] of asked.entries()) {
      expect(hex(challenge)).toBe(vector?.[`token-challenge-${String(at)}`])
      expect(hex(tokenKey ?? new Uint8Array())).toBe(vector?.[`token-key-${String(at)}`])
      expect(maxAge).toBe(vector?.[`max-age-${String(at)}`])
      expect(says.tokenType).toBe(vector?.[`token-type-${String(at)}`])
    }
  })

  const inputs = schemes.filter(({ kind }) => kind === 'token authenticator input')
  test.each(inputs.map((one): [string, Vector] => [one.id, one]))('%s: what an authenticator covers', (_id, one) => {
    const challenge = writeTokenChallenge({
      tokenType: Number.parseInt(String(one['token_type']), 16),
      issuerName: fromUtf8(hexOf(one, 'issuer_name')),
      redemptionContext: hexOf(one, 'redemption_context'),
      originInfo: fromUtf8(hexOf(one, 'origin_info')).split(',').filter(Boolean),
    })
    expect(hex(challenge)).toBe(one['token_challenge'])
    const type = tokenType(Number.parseInt(String(one['token_type']), 16)) ?? blindRsa
    const input = tokenInput({
      type,
      nonce: hexOf(one, 'nonce'),
      challengeDigest: challengeDigest(challenge),
      keyId: hexOf(one, 'token_key_id'),
    })
    expect(hex(input)).toBe(one['token_authenticator_input'])
    expect(base64url(input)).toMatch(/^[\w-]+=*$/)
  })
})
