/**
 * Checks 5 and 6 of attestation.md a.6 for TDX: the certificate of the platform's key (PCK), its issuer and Intel's root,
 * as the quote itself carries them. The root counts by the digest of its bytes.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { fromUtf8, hex, type Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import { readPem } from '../pem.ts'
import type { Proven } from '../proven.ts'
import type { PublicKey } from '../signatures.ts'
import { checkValidity, readCertificate, type Certificate } from '../x509/certificate.ts'
import { checkAuthority, checkSigner } from '../x509/roles.ts'
import type { Quote } from './quote.ts'
import { checkForm, checkNames, commonName, keyOf, names, signedBy } from './vendor.ts'

export type ChainQuestion = {
  /** lower-case hex: SHA-256 of the DER */
  readonly vendorRoots: readonly string[]
  readonly now: number
  readonly skew: number
  readonly proven: Proven
}

/** What is true of three certificates whenever it is asked. */
export type Chain = {
  readonly leaf: Certificate
  readonly ca: Certificate
  readonly root: Certificate
  /** the leaf's, which signs the reports of quoting enclaves */
  readonly key: PublicKey
  /** these sign revocation lists as well */
  readonly caKey: PublicKey
  readonly rootKey: PublicKey
}

const pckChain = 5

/** Check 5. The other types name a platform and leave the certificate to be fetched. */
export function readLeaf({ certification: { type, data } }: Quote): readonly [Certificate, ...Bytes[]] {
  if (type !== pckChain) throw new Refusal('leaf-missing', `certification data of type ${type}`)
  return refuseAs('bad-leaf', () => {
    const [leaf, ...others] = readPem(textOf(data))
    if (leaf === undefined || others.length > 2) throw new Refusal('bad-leaf', 'more than leaf, issuer and root')
    return [readCertificate(leaf), ...others]
  })
}

/** Most quotes keep the end mark of a C string, some do not. */
function textOf(data: Bytes): string {
  return fromUtf8(data.at(-1) === 0 ? data.subarray(0, -1) : data)
}

/** Check 6. Gives the chain, and the first of its ends. */
export async function checkChain(
  [leaf, ca, root]: readonly [Certificate, ...Bytes[]],
  { vendorRoots, now, skew, proven }: ChainQuestion,
): Promise<Chain & { notAfter: number }> {
  if (ca === undefined || root === undefined) throw new Refusal('chain-incomplete', 'issuer or root is missing')
  if (!vendorRoots.includes(hex(sha256(root)))) throw new Refusal('vendor-root-unknown', 'not a pinned root')
  const chain = await proven.of('pck', [leaf.der, ca, root], () => prove(leaf, ca, root))
  const ends = [chain.root, chain.ca, leaf].map((each) => checkValidity(each, now, skew))
  return { ...chain, notAfter: Math.min(...ends) }
}

async function prove(leaf: Certificate, caDer: Bytes, rootDer: Bytes): Promise<Chain> {
  const [ca, root] = refuseAs('bad-issuer', () => [readCertificate(caDer), readCertificate(rootDer)])
  checkNames(root, names.root, names.root)
  const issuer = names.issuers.find((name) => name === commonName(ca.subject)) ?? names.issuers[0]
  checkNames(ca, names.root, issuer)
  checkNames(leaf, issuer, names.leaf)
  for (const each of [root, ca, leaf]) checkForm(each)
  refuseAs('certificate-role-refused', () => {
    checkAuthority(root, 1)
    checkAuthority(ca, 0)
    checkSigner(leaf)
  })
  const [rootKey, caKey, key] = await Promise.all([keyOf(root), keyOf(ca), keyOf(leaf)])
  if (!(await signedBy(rootKey, ca))) throw new Refusal('bad-chain', 'the root did not sign the issuer')
  if (!(await signedBy(caKey, leaf))) throw new Refusal('bad-chain', 'the issuer did not sign the leaf')
  return { leaf, ca, root, key, caKey, rootKey }
}
