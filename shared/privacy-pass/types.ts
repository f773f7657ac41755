/** Token types: what we redeem, and the numbers that mean nothing. RFC 9577 §4, RFC 9578 §8.2. */

export type TokenType = {
  readonly id: number
  readonly name: string
  /** octets */
  readonly authenticatorLength: number
  /** of the issuer's key as it is published, octets */
  readonly keyLength: number
}

/** Privately verifiable: who redeems holds the issuer's secret key. */
export const voprf: TokenType = { id: 1, name: 'VOPRF (P-384, SHA-384)', authenticatorLength: 48, keyLength: 49 }
/** Publicly verifiable: who redeems holds nothing that is secret. */
export const blindRsa: TokenType = { id: 2, name: 'Blind RSA (2048-bit)', authenticatorLength: 256, keyLength: 342 }

export const tokenTypes: readonly TokenType[] = [voprf, blindRsa]

export function tokenType(id: number): TokenType | undefined {
  return tokenTypes.find((type) => type.id === id)
}

/** Reserved so that origins can send them and clients learn to ignore what they do not know; never redeemable. */
export const greasedTypes = [
  0x0000, 0x02aa, 0x1132, 0x2e96, 0x3cd3, 0x4473, 0x5a63, 0x6d32, 0x7f3f, 0x8d07, 0x916b, 0xa6a4, 0xbeab, 0xc3f3,
  0xda42, 0xe944, 0xf057,
] as const
