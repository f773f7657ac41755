/** Encapsulated requests, both sides: hdr, enc, one HPKE message. RFC 9458 §4.3. */
import { concat, Reader, type Bytes } from '../bytes.ts'
import type { ClientHpke, Receiver, Responder, SenderContext } from '../hpke/context.ts'
import { suiteIds, type Kem, type SymmetricSuite } from '../hpke/suites.ts'
import { Refusal } from '../refusal.ts'
import type { GatewayKey, KeyFinder } from './gateway-key.ts'
import type { KeyConfig } from './key-config.ts'
import { headerLength, requestHeader, requestInfo, standard, type Labels } from './labels.ts'
import { exportSecret, openResponse, responseOverhead, sealResponse } from './response.ts'

const none = new Uint8Array()

export type OpenedRequest = {
  readonly keyId: number
  readonly enc: Bytes
  readonly content: Bytes
  /** How much longer an answer gets by sealing, for padding. */
  readonly overhead: number
  readonly sealResponse: (content: Uint8Array) => Bytes
}

/** The gateway's side. What it refuses, and why, follows from the message and the public key list alone. */
export function openRequest(find: KeyFinder, message: Uint8Array, labels: Labels = standard): OpenedRequest {
  const from = new Reader(message)
  const addressed = readHeader(find, from.take(headerLength), labels)
  const { kem, suite } = addressed.receiver
  const received = from.take(kem.encLength)
  if (from.remaining < suite.aead.tagLength) throw new Refusal('truncated', 'shorter than an AEAD tag')
  const context = addressed.receiver.setup(received)
  const content = context.open(none, from.rest())
  // A copy, so that what waits for its answer does not hold the whole message.
  const enc = received.slice()
  const exchange = { suite, enc, secret: exportSecret(context, labels, suite) }
  return {
    keyId: addressed.keyId,
    enc,
    content,
    overhead: responseOverhead(suite),
    sealResponse: (answer) => sealResponse(addressed.responder, exchange, answer),
  }
}

export type SealedRequest = {
  readonly message: Bytes
  readonly enc: Bytes
  /** How much longer an answer is than what it carries. */
  readonly overhead: number
  readonly openResponse: (message: Uint8Array) => Promise<Bytes>
}

/** The client's side: a new HPKE context for every call, so for every request and every retry (RFC 9458 §6.1). */
export async function sealRequest(
  hpke: ClientHpke,
  config: KeyConfig,
  suite: SymmetricSuite,
  content: Uint8Array,
  labels: Labels = standard,
): Promise<SealedRequest> {
  const { head, sender } = await beginRequest(hpke, config, suite, labels)
  const message = concat(head, await sender.seal(none, content))
  const exchange = { suite, enc: sender.enc, secret: await exportSecret(sender, labels, suite) }
  return {
    message,
    enc: sender.enc,
    overhead: responseOverhead(suite),
    openResponse: (answer) => openResponse(hpke, exchange, answer),
  }
}

/** How much longer an Encapsulated Request is than its content. */
export function requestOverhead(kem: Kem, { aead }: SymmetricSuite): number {
  return headerLength + kem.encLength + aead.tagLength
}

export type Addressed = { readonly keyId: number; readonly receiver: Receiver; readonly responder: Responder }

/**
 * Finds the one key that the header names; no other key is ever tried. Leaving early here is no oracle:
 * a clock learns only what is in the clear, namely which keys and suites the gateway offers.
 */
export function readHeader(find: KeyFinder, header: Uint8Array, labels: Labels): Addressed {
  const from = new Reader(header)
  const keyId = from.uint8()
  const key: GatewayKey | undefined = find(keyId)
  if (!key) throw new Refusal('unknown-key', `no key ${keyId}`)
  const kemId = from.uint16()
  if (kemId !== key.config.kem.id) throw new Refusal('unsupported-suite', `key ${keyId} is not for KEM ${kemId}`)
  const ids = { kdfId: from.uint16(), aeadId: from.uint16() }
  const receiver = key.receiver(labels, ids)
  if (!receiver) throw new Refusal('unsupported-suite', `KDF ${ids.kdfId}, AEAD ${ids.aeadId} not offered`)
  return { keyId, receiver, responder: key.responder }
}

/** hdr and enc, and the context that seals what follows them. */
export async function beginRequest(
  hpke: ClientHpke,
  { keyId, kem, publicKey, suites }: KeyConfig,
  suite: SymmetricSuite,
  labels: Labels,
): Promise<{ head: Bytes; sender: SenderContext }> {
  if (!suites.some(({ kdf, aead }) => kdf === suite.kdf && aead === suite.aead)) {
    throw new TypeError('this key does not offer that suite')
  }
  const header = requestHeader(keyId, kem, suiteIds(suite))
  const sender = await hpke.setupSender(kem, suite, publicKey, requestInfo(labels, header))
  return { head: concat(header, sender.enc), sender }
}
