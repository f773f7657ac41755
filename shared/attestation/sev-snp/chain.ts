/**
 * Checks 5 and 6 of attestation.md a.6: leaf, its issuer and AMD's root. The root counts by the digest of its bytes;
 * a chain of the right names under another root verifies just as well.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { hex, type Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import type { Proven } from '../proven.ts'
import { importKey, type PublicKey } from '../signatures.ts'
import { checkValidity, readCertificate, type Certificate } from '../x509/certificate.ts'
import { checkPoint, checkRsa4096, curves } from '../x509/keys.ts'
import { checkAuthority, extensionIds, wrongRole } from '../x509/roles.ts'
import { commonName } from './name.ts'
import { names, products, type LeafKind, type ProductRow } from './products.ts'
import { isPss, signedBy } from './signatures.ts'

/** `endorsements`: leaf, ASK or ASVK, ARK, CRL; in this order. */
export type ChainQuestion = {
  readonly endorsements: readonly Bytes[]
  readonly kind: LeafKind
  /** lower-case hex: SHA-256 of the DER */
  readonly vendorRoots: readonly string[]
  readonly now: number
  readonly skew: number
  readonly proven: Proven
}

/** What is true of three certificates whenever it is asked. */
export type Chain = {
  readonly row: ProductRow
  readonly leaf: Certificate
  readonly ask: Certificate
  readonly ark: Certificate
  /** the leaf's */
  readonly key: PublicKey
  /** the ARK's, which signs revocation lists as well */
  readonly rootKey: PublicKey
}

/** Check 5. Platform readers drop what follows the certificate; here it is refused. */
export function readLeaf([leaf]: readonly Bytes[]): Certificate {
  if (leaf === undefined) throw new Refusal('leaf-missing', 'no endorsements')
  return refuseAs('bad-leaf', () => readCertificate(leaf))
}

/** Check 6. Gives the chain, and the first of its ends. */
export async function checkChain(leaf: Certificate, question: ChainQuestion): Promise<Chain & { notAfter: number }> {
  const { endorsements, kind, vendorRoots, proven } = question
  const [, ask, ark] = endorsements
  if (ask === undefined || ark === undefined) throw new Refusal('chain-incomplete', 'issuer or root is missing')
  if (!vendorRoots.includes(hex(sha256(ark)))) throw new Refusal('vendor-root-unknown', 'not a pinned root')
  const chain = await proven.of(kind, [leaf.der, ask, ark], () => prove(leaf, ask, ark, kind))
  const ends = [chain.ark, chain.ask, leaf].map((each) => checkValidity(each, question.now, question.skew))
  return { ...chain, notAfter: Math.min(...ends) }
}

async function prove(leaf: Certificate, askDer: Bytes, arkDer: Bytes, kind: LeafKind): Promise<Chain> {
  const [ask, ark] = refuseAs('bad-issuer', () => [readCertificate(askDer), readCertificate(arkDer)])
  const row = Object.values(products).find((each) => names.root(each) === commonName(ark.subject))
  if (row === undefined) throw new Refusal('certificate-name-mismatch', 'the root is of no product that we know')
  checkNames({ leaf, ask, ark }, row, kind)
  checkForms({ leaf, ask, ark })
  const rootKey = await importKey('rsa-pss-sha384', ark.spki)
  const issuerKey = await importKey('rsa-pss-sha384', ask.spki)
  const key = await importKey('ecdsa-p384', leaf.spki)
  const [byRoot, byIssuer] = await Promise.all([signedBy(rootKey, ask), signedBy(issuerKey, leaf)])
  if (!byRoot) throw new Refusal('bad-chain', 'the root did not sign the issuer')
  if (!byIssuer) throw new Refusal('bad-chain', 'the issuer did not sign the leaf')
  return { row, leaf, ask, ark, key, rootKey }
}

type Three = { readonly leaf: Certificate; readonly ask: Certificate; readonly ark: Certificate }

/** One product and one kind of leaf from root to leaf. */
function checkNames({ leaf, ask, ark }: Three, row: ProductRow, kind: LeafKind): void {
  const expected = [
    [ark.issuer, names.root(row)],
    [ask.issuer, names.root(row)],
    [ask.subject, names.issuer(row, kind)],
    [leaf.issuer, names.issuer(row, kind)],
    [leaf.subject, names.leaf(kind)],
  ] as const
  const wrong = expected.find(([name, text]) => commonName(name) !== text)
  if (wrong !== undefined) throw new Refusal('certificate-name-mismatch', `not ${wrong[1]}`)
}

/** Algorithms, keys and roles before any signature is tried with them. */
function checkForms({ leaf, ask, ark }: Three): void {
  if (![leaf, ask, ark].every(isPss))
    throw new Refusal('certificate-algorithm-refused', 'not RSA-PSS, SHA-384, salt 48')
  refuseAs('certificate-key-refused', () => {
    checkRsa4096(ark.spki)
    checkRsa4096(ask.spki)
    checkPoint(leaf.spki, curves.p384)
  })
  refuseAs('certificate-role-refused', () => {
    checkAuthority(ark, undefined)
    checkAuthority(ask, 0)
    checkEnd(leaf)
  })
}

/** AMD's leaves carry no standard extension; check 8 refuses any. Here only what would make an issuer of one. */
function checkEnd({ extensions }: Certificate): void {
  const { basicConstraints, keyUsage } = extensionIds
  const given = extensions.find(({ id }) => id === basicConstraints || id === keyUsage)
  if (given !== undefined) throw wrongRole('a leaf that speaks of issuing')
}
