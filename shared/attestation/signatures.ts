/**
 * Signatures of vendors and their chips, behind one seam: node:crypto where there is Node, which is quicker, and
 * WebCrypto everywhere else. Both get keys whose every byte was read strictly before, and say the same of each
 * signature. Nothing of Node is imported, so browsers bundle this.
 */
import type { Bytes } from '../bytes.ts'
import { Refusal, type RefusalCode } from '../refusal.ts'

/** attestation.md a.3 and a.4. An ECDSA signature is r ‖ s, both as long as the curve's field. */
export const schemes = {
  'rsa-pss-sha384': { curve: undefined, hash: 'SHA-384', digest: 'sha384', saltLength: 48 },
  'ecdsa-p384': { curve: 'P-384', hash: 'SHA-384', digest: 'sha384', saltLength: undefined },
  'ecdsa-p256': { curve: 'P-256', hash: 'SHA-256', digest: 'sha256', saltLength: undefined },
} as const

export type Scheme = keyof typeof schemes
export type PublicKey = { verifies(signature: Bytes, message: Bytes): Promise<boolean> }
/** `spki`: DER SubjectPublicKeyInfo. A key that the platform cannot use, such as a point off its curve, throws. */
export type Engine = (scheme: Scheme, spki: Bytes) => Promise<PublicKey>

type NodeCrypto = Pick<typeof import('node:crypto'), 'createPublicKey' | 'verify'>
type MaybeNode = { readonly process?: { readonly getBuiltinModule?: (id: 'crypto') => NodeCrypto | undefined } }

export const webEngine: Engine = async (scheme, spki) => {
  const { curve, hash, saltLength } = schemes[scheme]
  const algorithm = curve === undefined ? { name: 'RSA-PSS', hash } : { name: 'ECDSA', namedCurve: curve }
  const key = await crypto.subtle.importKey('spki', spki, algorithm, false, ['verify'])
  const way = curve === undefined ? { name: 'RSA-PSS', saltLength } : { name: 'ECDSA', hash }
  return { verifies: (signature, message) => crypto.subtle.verify(way, key, signature, message) }
}

export function nodeEngine({ createPublicKey, verify }: NodeCrypto): Engine {
  return (scheme, spki) => {
    const { digest, saltLength } = schemes[scheme]
    const key = createPublicKey({ key: spki as Buffer, format: 'der', type: 'spki' })
    // 6 is RSA_PKCS1_PSS_PADDING; without dsaEncoding, Node would want DER and call all else false.
    const way = saltLength === undefined ? { key, dsaEncoding: 'ieee-p1363' as const } : { key, padding: 6, saltLength }
    return Promise.resolve({
      verifies: (signature, message) => Promise.resolve(verify(digest, message, way, signature)),
    })
  }
}

export function bestEngine({ process }: MaybeNode = globalThis): Engine {
  const node = process?.getBuiltinModule?.('crypto')
  return node === undefined ? webEngine : nodeEngine(node)
}

const engine = bestEngine()

export async function importKey(
  scheme: Scheme,
  spki: Bytes,
  code: RefusalCode = 'certificate-key-refused',
): Promise<PublicKey> {
  try {
    return await engine(scheme, spki)
  } catch (cause) {
    throw new Refusal(code, 'the platform cannot use the key', { cause })
  }
}
