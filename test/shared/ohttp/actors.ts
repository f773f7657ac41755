/** A gateway's keys and a client's requests in the form of the vector files, and ways to feed bytes. */
import { concat, fromHex, hex, type Bytes } from '../../../shared/bytes.ts'
import type { Encapsulate } from '../../../shared/hpke/context.ts'
import { createNodeHpke } from '../../../shared/hpke/node.ts'
import { requireKem, requireSuite, type SymmetricSuite } from '../../../shared/hpke/suites.ts'
import type { RequestChunkOpener, ResponseChunkOpener } from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey, type GatewayKey, type KeyFinder } from '../../../shared/ohttp/gateway-key.ts'
import { createKeyConfig, type KeyConfig } from '../../../shared/ohttp/key-config.ts'
import { encapsulateFrom, encapsulateWith } from '../hpke/encapsulation-seam.ts'

export type SuiteFields = { kdf_id: number; aead_id: number }
export type KeyFields = { key_id: number; kem_id: number; skR: string; suites: SuiteFields[] }
export type ClientContext = SuiteFields & { skE: string; pkR: string; key_id: number; kem_id: number; enc: string }
export type Exchange = SuiteFields & {
  id: string
  key_id: number
  kem_id: number
  skR: string
  pkR: string
  skE?: string
  encaps_randomness?: string
  enc: string
  encapsulated_request: string
  response_nonce: string
  encapsulated_response: string
}

export function suiteFrom({ kdf_id, aead_id }: SuiteFields): SymmetricSuite {
  return requireSuite({ kdfId: kdf_id, aeadId: aead_id })
}

export function gatewayKey(fields: KeyFields, responseNonce?: string): GatewayKey {
  return createGatewayKey({
    keyId: fields.key_id,
    kem: requireKem(fields.kem_id),
    privateKey: fromHex(fields.skR),
    suites: fields.suites.map(suiteFrom),
    ...(responseNonce === undefined ? {} : { random: () => fromHex(responseNonce) }),
  })
}

export function finder(keys: readonly GatewayKey[]): KeyFinder {
  return (keyId) => keys.find(({ config }) => config.keyId === keyId)
}

/** The gateway of one exchange, with its response nonce as the only die. */
export function gatewayOf(c: Exchange): GatewayKey {
  return gatewayKey({ ...c, suites: [c] }, c.response_nonce)
}

/** The client of one exchange, with its ephemeral key as the only die. */
export function clientOf(c: Exchange): {
  hpke: ReturnType<typeof createNodeHpke>
  config: KeyConfig
  suite: SymmetricSuite
} {
  const encapsulate = c.skE ? encapsulateWith(fromHex(c.skE)) : encapsulateFrom(fromHex(c.encaps_randomness ?? ''))
  return { ...clientWith(c, encapsulate) }
}

export function clientWith(
  { key_id, kem_id, pkR, ...ids }: SuiteFields & { key_id: number; kem_id: number; pkR: string },
  encapsulate: Encapsulate,
): ReturnType<typeof clientOf> {
  const suite = suiteFrom(ids)
  const config = createKeyConfig({ keyId: key_id, kem: requireKem(kem_id), publicKey: fromHex(pkR), suites: [suite] })
  return { hpke: createNodeHpke({ encapsulate }), config, suite }
}

/** Whole, in halves, and byte by byte. */
export const manners: [name: string, cut: (bytes: Uint8Array) => Uint8Array[]][] = [
  ['whole', (bytes) => [bytes]],
  ['in halves', (bytes) => [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)]],
  ['byte by byte', (bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte))],
]

/** Every piece is overwritten once it was taken: an opener that kept a view of it would show. */
export async function openAll(
  opener: RequestChunkOpener | ResponseChunkOpener,
  parts: readonly Uint8Array[],
): Promise<string[]> {
  const opened: Bytes[] = []
  for (const part of parts) {
    const lent = part.slice()
    opened.push(...(await opener.push(lent)))
    lent.fill(0xaa)
  }
  opened.push(...(await opener.end()))
  return opened.map(hex)
}

export const joined = (chunks: readonly string[]): string => hex(concat(...chunks.map(fromHex)))
