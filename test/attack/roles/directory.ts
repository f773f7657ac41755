/** dirX: who shows key bundles, and shows each asker whichever it likes. It may hold the run's bundle key, or one of its own. */
import { signBundle, type Bundle } from '../../../shared/attestation/bundle.ts'
import { aeads, hkdfSha256, x25519 } from '../../../shared/hpke/suites.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { createGatewayKey, type GatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { generateSigner, type Signer } from '../../../shared/tlog/signer.ts'
import type { People } from '../pair/people.ts'
import type { Letter, Reply } from './relay.ts'

const hour = 3_600_000

export function newKey(keyId = 1): GatewayKey {
  return createGatewayKey({ keyId, kem: x25519, suites: aeads.map((aead) => ({ kdf: hkdfSha256, aead })) })
}

export type BundleChanges = Partial<Pick<Bundle, 'serial' | 'notBefore' | 'notAfter' | 'roots' | 'keys'>>

/** A front bundle over these keys, signed by whoever holds the run's bundle key unless somebody else is named. */
export function bundleOver(
  keys: readonly GatewayKey[],
  { bundleSigner }: Pick<People, 'bundleSigner'>,
  changes: BundleChanges = {},
  signer: Signer = bundleSigner,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000) * 1000
  const standing = { serial: 1, notBefore: now - hour, notAfter: now + 12 * hour, roots: [] }
  const list = serializeKeyConfigs(keys.map(({ config }) => config))
  return signBundle({ placement: 'front', keys: list, ...standing, ...changes }, [signer])
}

/** A signer of the same name as the publisher's, with another key. */
export function impostor({ bundleSigner }: Pick<People, 'bundleSigner'>): Promise<Signer> {
  return generateSigner(bundleSigner.name)
}

export const isBundle = ({ method, path }: Pick<Letter, 'method' | 'path'>): boolean =>
  method === 'GET' && path.endsWith('/.well-known/asunder-bundle')

export const isKeyList = ({ method, path }: Pick<Letter, 'method' | 'path'>): boolean =>
  method === 'GET' && path.endsWith('/.well-known/ohttp-gateway')

/** Shows a bundle as a mirror would. */
export function shown(bundle: string | Uint8Array, more: Record<string, string> = {}): Reply {
  return { status: 200, fields: { 'content-type': mediaTypes.bundle, ...more }, body: bundle }
}

export function shownKeys(keys: readonly GatewayKey[]): Reply {
  const body = serializeKeyConfigs(keys.map(({ config }) => config))
  return { status: 200, fields: { 'content-type': mediaTypes.keys }, body }
}
