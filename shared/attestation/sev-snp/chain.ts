/**
 * Checks 5 and 6 of attestation.md a.6: leaf, its issuer and AMD's root. The root counts by the digest of its bytes;
 * a chain of the right names under another root verifies just as well.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { hex, type Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import { readDer, tags, type DerReader } from '../der.ts'
import { commonName, readCertificate, type Certificate } from './certificate.ts'
import { names, products, type LeafKind, type ProductRow } from './products.ts'
import type { Proven } from './proven.ts'
import { checkRsa4096, importPoint, importRsa, isPss, p384Point, signedBy, type PublicKey } from './signatures.ts'

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
  const ends = [chain.ark, chain.ask, leaf].map((each) => checkValidity(each, question))
  return { ...chain, notAfter: Math.min(...ends) }
}

async function prove(leaf: Certificate, askDer: Bytes, arkDer: Bytes, kind: LeafKind): Promise<Chain> {
  const [ask, ark] = refuseAs('bad-issuer', () => [readCertificate(askDer), readCertificate(arkDer)])
  const row = Object.values(products).find((each) => names.root(each) === commonName(ark.subject))
  if (row === undefined) throw new Refusal('certificate-name-mismatch', 'the root is of no product that we know')
  checkNames({ leaf, ask, ark }, row, kind)
  const point = checkForms({ leaf, ask, ark })
  const [rootKey, issuerKey, key] = await Promise.all([importRsa(ark.spki), importRsa(ask.spki), importPoint(point)])
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

/** Algorithms, keys and roles before any signature is tried with them. Gives the leaf's key. */
function checkForms({ leaf, ask, ark }: Three): Bytes {
  if (![leaf, ask, ark].every(isPss))
    throw new Refusal('certificate-algorithm-refused', 'not RSA-PSS, SHA-384, salt 48')
  const point = refuseAs('certificate-key-refused', () => {
    checkRsa4096(ark.spki)
    checkRsa4096(ask.spki)
    return p384Point(leaf.spki)
  })
  refuseAs('certificate-role-refused', () => {
    checkAuthority(ark, undefined)
    checkAuthority(ask, 0)
    checkEnd(leaf)
  })
  return point
}

const basicConstraints = '2.5.29.19'
const keyUsage = '2.5.29.15'
const keyCertSign = 0x04

/** RFC 5280 §4.2.1.3, §4.2.1.9: a CA that may sign certificates, and how many other CAs below it. */
function checkAuthority({ extensions }: Certificate, pathLength: number | undefined): void {
  const ids = extensions.map(({ id }) => id)
  if (new Set(ids).size !== ids.length) throw wrongRole('an extension twice')
  const strange = extensions.find(({ id, critical }) => critical && id !== basicConstraints && id !== keyUsage)
  if (strange !== undefined) throw wrongRole('an unknown critical extension')
  const constraints = readDer(valueOf(extensions, basicConstraints), readConstraints)
  if (!constraints.ca || constraints.pathLength !== pathLength) throw wrongRole('not a CA of this place in the chain')
  const usage = readDer(valueOf(extensions, keyUsage), (from) => from.namedBits())
  if ((usage & keyCertSign) === 0) throw wrongRole('may not sign certificates')
}

function readConstraints(whole: DerReader) {
  const from = whole.enter(tags.sequence)
  const ca = from.next(tags.boolean) && from.boolean()
  const pathLength = from.done ? undefined : from.small(255)
  from.end()
  return { ca, pathLength }
}

/** AMD's leaves carry no standard extension; check 8 refuses any. Here only what would make an issuer of one. */
function checkEnd({ extensions }: Certificate): void {
  const given = extensions.find(({ id }) => id === basicConstraints || id === keyUsage)
  if (given !== undefined) throw wrongRole('a leaf that speaks of issuing')
}

function valueOf(extensions: Certificate['extensions'], wanted: string): Bytes {
  const found = extensions.find(({ id }) => id === wanted)
  if (found?.critical !== true) throw wrongRole(`${wanted} is missing or not critical`)
  return found.value
}

function checkValidity({ notBefore, notAfter }: Certificate, { now, skew }: ChainQuestion): number {
  if (now < notBefore - skew) throw new Refusal('certificate-not-yet-valid', 'a certificate is not valid yet')
  if (now > notAfter + skew) throw new Refusal('certificate-expired', 'a certificate ended')
  return notAfter
}

function wrongRole(what: string): Refusal {
  return new Refusal('certificate-role-refused', what)
}
