/** A gateway's key, ready to open: the private key held where nobody can read it, the key schedules computed per suite and label. */
import type { KeyObject } from 'node:crypto'
import type { Bytes } from '../bytes.ts'
import type { PrivateKey, Receiver, Responder } from '../hpke/context.ts'
import { generatePrivateKey, privateKeyFrom } from '../hpke/node-kem.ts'
import { createReceiver, nodeResponder } from '../hpke/node.ts'
import { suiteIds, type Kem, type SuiteIds, type SymmetricSuite } from '../hpke/suites.ts'
import { createKeyConfig, type KeyConfig } from './key-config.ts'
import { chunked, requestHeader, requestInfo, standard, type Labels } from './labels.ts'

export type GatewayKey = {
  readonly config: KeyConfig
  readonly publicKey: Bytes
  readonly responder: Responder
  /** Undefined where this key does not offer the pair: RFC 9458 §4.3 ties suites to keys. */
  receiver(labels: Labels, ids: SuiteIds): Receiver | undefined
}

export type KeyFinder = (keyId: number) => GatewayKey | undefined

export type GatewayKeyOptions = {
  readonly keyId: number
  readonly kem: Kem
  /** Serialised, as a KeyObject, or left out: then a new key is made that never leaves this process. */
  readonly privateKey?: Uint8Array | KeyObject
  readonly suites: readonly SymmetricSuite[]
  /** The message kinds it opens. A key must serve no other protocol under these labels (RFC 9458 §6.4). */
  readonly labels?: readonly Labels[]
  /** Where response nonces come from. */
  readonly random?: (length: number) => Uint8Array
}

export function createGatewayKey(options: GatewayKeyOptions): GatewayKey {
  const { keyId, kem, privateKey, suites, labels = [standard, chunked], random = nodeResponder.random } = options
  const secret = privateKey ? privateKeyFrom(kem, privateKey) : generatePrivateKey(kem)
  const config = createKeyConfig({ keyId, kem, publicKey: secret.publicKey, suites })
  const receivers = new Map(labels.map((label) => [label, receiversFor(secret, config, label)]))
  return {
    config,
    publicKey: secret.publicKey,
    responder: { ...nodeResponder, random },
    receiver(label, ids) {
      const offered = receivers.get(label)
      if (!offered) throw new TypeError(`this key was not made for ${label.name}`)
      return offered.get(pair(ids))
    },
  }
}

function receiversFor(key: PrivateKey, { keyId, kem, suites }: KeyConfig, labels: Labels): Map<number, Receiver> {
  return new Map(
    suites.map((suite) => {
      const ids = suiteIds(suite)
      return [pair(ids), createReceiver(key, suite, requestInfo(labels, requestHeader(keyId, kem, ids)))]
    }),
  )
}

function pair({ kdfId, aeadId }: SuiteIds): number {
  return kdfId * 0x10000 + aeadId
}
