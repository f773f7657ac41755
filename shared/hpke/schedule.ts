/**
 * The key schedule of HPKE's base mode, with everything that does not depend on the encapsulated secret computed
 * once: a gateway keeps one schedule per key, suite and label. RFC 9180 §4 (labels) and §5.1, §5.3.
 */
import { concat, latin1, uint16, uint8, utf8, type Bytes } from '../bytes.ts'
import type { Hkdf } from './context.ts'
import type { Kem, SymmetricSuite } from './suites.ts'

export type Secrets = { readonly key: Bytes; readonly baseNonce: Bytes; readonly exporterSecret: Bytes }

export type KeySchedule = {
  secrets(sharedSecret: Uint8Array): Secrets
  export(exporterSecret: Uint8Array, context: Uint8Array, length: number): Bytes
}

const modeBase = uint8(0)
const none = new Uint8Array()

export function keySchedule(hkdf: Hkdf, kem: Kem, suite: SymmetricSuite, info: Uint8Array): KeySchedule {
  const { kdf, aead } = suite
  const label = labeled(concat(utf8('HPKE'), uint16(kem.id), uint16(kdf.id), uint16(aead.id)))
  const pskIdHash = hkdf.extract(kdf, none, label.ikm('psk_id_hash', none))
  const infoHash = hkdf.extract(kdf, none, label.ikm('info_hash', info))
  const context = concat(modeBase, pskIdHash, infoHash)
  const noPsk = label.ikm('secret', none)
  const keyInfo = label.info('key', context, aead.keyLength)
  const nonceInfo = label.info('base_nonce', context, aead.nonceLength)
  const exporterInfo = label.info('exp', context, kdf.hashLength)
  return {
    secrets(sharedSecret) {
      const secret = hkdf.extract(kdf, sharedSecret, noPsk)
      return {
        key: hkdf.expand(kdf, secret, keyInfo, aead.keyLength),
        baseNonce: hkdf.expand(kdf, secret, nonceInfo, aead.nonceLength),
        exporterSecret: hkdf.expand(kdf, secret, exporterInfo, kdf.hashLength),
      }
    },
    export: (secret, of, length) => hkdf.expand(kdf, secret, label.info('sec', of, length), length),
  }
}

export type Labeled = {
  ikm(label: string, ikm: Uint8Array): Bytes
  info(label: string, info: Uint8Array, length: number): Bytes
}

/** LabeledExtract's ikm and LabeledExpand's info for one suite id. RFC 9180 §4. */
export function labeled(suiteId: Uint8Array): Labeled {
  const version = utf8('HPKE-v1')
  return {
    ikm: (label, ikm) => concat(version, suiteId, latin1(label), ikm),
    info: (label, info, length) => concat(uint16(length), version, suiteId, latin1(label), info),
  }
}
