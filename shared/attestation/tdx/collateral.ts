/**
 * What Intel publishes about platforms, as it travels beside a quote in `evidence.collateral`: one strict JSON object of
 * strings under the names of Intel's own collateral structure (sgx_ql_qve_collateral_t), with signatures apart from what
 * they sign, so that what was fetched from a provisioning service goes in as it came.
 *
 *   tcb_info, qe_identity                           exactly the octets that Intel signed; a reader that writes them anew breaks them
 *   tcb_info_signature, qe_identity_signature       r ‖ s in lower-case hex
 *   tcb_info_issuer_chain, qe_identity_issuer_chain PEM: TCB signing certificate, root
 *   pck_crl_issuer_chain                            PEM: issuer of PCK certificates, root
 *   pck_crl, root_ca_crl                            DER in lower-case hex
 *
 * All nine, no others, at most 256 KiB. Checks 7 of attestation.md a.6 for TDX.
 */
import { equal, fromHex, fromUtf8, hex, utf8, type Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import { at, fieldsOf, named, textOf, type At } from '../../tlog/json-fields.ts'
import { parseStrictJson } from '../../tlog/strict-json.ts'
import { readPem } from '../pem.ts'
import type { Proven } from '../proven.ts'
import { readCertificate, type Certificate } from '../x509/certificate.ts'
import { checkSigner } from '../x509/roles.ts'
import type { Chain } from './chain.ts'
import { readQeIdentity, type QeIdentity } from './qe-identity.ts'
import { readTcbInfo, type TcbInfo } from './tcb-info.ts'
import { checkForm, checkNames, keyOf, names, signedBy } from './vendor.ts'

/** A document, who signed it, and the signature. */
type Document = { readonly text: string; readonly signature: Bytes; readonly chain: readonly Bytes[] }

export type CollateralParts = {
  readonly tcbInfo: Document
  readonly qeIdentity: Document
  readonly pckCrl: Bytes
  readonly rootCrl: Bytes
  readonly pckCrlChain: readonly Bytes[]
}

/** What is true of it whenever it is asked: everything but its times. */
export type Collateral = Pick<CollateralParts, 'pckCrl' | 'rootCrl' | 'pckCrlChain'> & {
  readonly tcbInfo: TcbInfo
  readonly qeIdentity: QeIdentity
  readonly signers: readonly Certificate[]
}

const keys = [
  ...['tcb_info', 'tcb_info_signature', 'tcb_info_issuer_chain'],
  ...['qe_identity', 'qe_identity_signature', 'qe_identity_issuer_chain'],
  ...['pck_crl', 'pck_crl_issuer_chain', 'root_ca_crl'],
] as const

export function readCollateral(blob: Uint8Array): CollateralParts {
  return refuseAs('bad-collateral', () => {
    const fields = fieldsOf(at(parseStrictJson(fromUtf8(blob)), 'collateral'), keys)
    const document = (name: 'tcb_info' | 'qe_identity'): Document => ({
      text: textOf(fields[name]),
      signature: hexBytes(fields[`${name}_signature`]),
      chain: chainIn(fields[`${name}_issuer_chain`]),
    })
    return {
      tcbInfo: document('tcb_info'),
      qeIdentity: document('qe_identity'),
      pckCrl: hexBytes(fields.pck_crl),
      rootCrl: hexBytes(fields.root_ca_crl),
      pckCrlChain: chainIn(fields.pck_crl_issuer_chain),
    }
  })
}

/** Documents signed by Intel's TCB signing key, which is certified by the root that the quote's own chain has. */
export async function proveCollateral(parts: CollateralParts, chain: Issuer, proven: Proven): Promise<Collateral> {
  const tcbInfo = await proveDocument('tcb-info', parts.tcbInfo, readTcbInfo, chain, proven)
  const qeIdentity = await proveDocument('qe-identity', parts.qeIdentity, readQeIdentity, chain, proven)
  const signers = [tcbInfo.signer, qeIdentity.signer]
  const { pckCrl, pckCrlChain, rootCrl } = parts
  return { pckCrl, pckCrlChain, rootCrl, signers, tcbInfo: tcbInfo.said, qeIdentity: qeIdentity.said }
}

type Issuer = Pick<Chain, 'root' | 'rootKey'>
type Proof<T> = { readonly signer: Certificate; readonly said: T }

/** Verified first and read afterwards. Kept by what was verified, not by how it was written into the collateral. */
async function proveDocument<T>(
  kind: string,
  { text, signature, chain }: Document,
  read: (text: string) => T,
  { root, rootKey }: Issuer,
  proven: Proven,
): Promise<Proof<T>> {
  const [signerDer = new Uint8Array(0), rootDer = new Uint8Array(0)] = chain
  if (!equal(rootDer, root.der)) throw wrongIssuer("another root than the quote's")
  const signed = utf8(text)
  return proven.of(kind, [signed, signature, signerDer, rootDer], async () => {
    const signer = readSigner(signerDer)
    if (!(await signedBy(rootKey, signer))) throw wrongIssuer('the root did not sign the signer')
    if (!(await (await keyOf(signer)).verifies(signature, signed))) {
      throw new Refusal('collateral-signature-refused', 'not what Intel signed, to the octet')
    }
    return { signer, said: refuseAs('bad-collateral', () => read(text)) }
  })
}

function readSigner(der: Bytes): Certificate {
  return refuseAs('collateral-issuer-refused', () => {
    const certificate = readCertificate(der)
    checkNames(certificate, names.root, names.tcbSigning)
    checkForm(certificate)
    checkSigner(certificate)
    return certificate
  })
}

function chainIn(from: At): readonly Bytes[] {
  const chain = named(from, () => readPem(textOf(from)))
  if (chain.length !== 2) throw new Refusal('bad-collateral', `${from.path} has ${chain.length} certificates`)
  return chain
}

function hexBytes(from: At): Bytes {
  const text = textOf(from)
  const bytes = named(from, () => fromHex(text))
  if (hex(bytes) !== text) throw new Refusal('bad-collateral', `${from.path} is not in lower case`)
  return bytes
}

function wrongIssuer(what: string): Refusal {
  return new Refusal('collateral-issuer-refused', what)
}
