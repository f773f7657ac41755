/** What checks 1-5 and 12 must refuse: layout, lengths and signatures of the quote. attestation-negatives.md. */
import type { TdxFinding } from '../../../../shared/attestation/tdx/findings.ts'
import { concat, type Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { bytes } from '../values.ts'
import type { Changes } from './forge.ts'
import { coordinates } from './forge-quote.ts'
import { keys } from './forge-vendor.ts'

export type Case = readonly [finding: TdxFinding, title: string, changes: Changes]

const one = Uint8Array.of(1)
const flip = (at: number) => (quote: Bytes) => quote.with(at, (quote[at] ?? 0) ^ 1)
const bodyAt = 54
const signatureAt = bodyAt + 648 + 4
const reversed = (quote: Bytes) => {
  const scalar = (at: number) => quote.slice(at, at + 32).reverse()
  const [r, s] = [scalar(signatureAt), scalar(signatureAt + 32)]
  return concat(quote.subarray(0, signatureAt), r, s, quote.subarray(signatureAt + 64))
}
const asDer = (quote: Bytes) => {
  const scalar = (at: number) => der.integer(quote.slice(at, at + 32))
  const signature = der.sequence(scalar(signatureAt), scalar(signatureAt + 32))
  return concat(quote.subarray(0, signatureAt), signature.slice(0, 64), quote.subarray(signatureAt + 64))
}
const secondCertificate = (chain: string) => chain.replace(/(-----BEGIN[^]+?END CERTIFICATE-----\n)/, '$1$1')

const layout: readonly Case[] = [
  ['bad-evidence', 'no quote', { mangle: () => new Uint8Array(0) }],
  ['bad-evidence', 'one byte', { mangle: () => Uint8Array.of(5) }],
  ['bad-evidence', 'a header alone', { mangle: (quote) => quote.slice(0, 48) }],
  ['bad-evidence', 'one byte short', { mangle: (quote) => quote.slice(0, -1) }],
  ['bad-evidence', 'a quote of an SGX enclave', { quote: { header: { teeType: 0 } } }],
  ['bad-evidence', 'an endorsement beside the quote', { evidence: { endorsements: [one] } }],
  ['bad-evidence', 'collateral over its cap', { blob: () => new Uint8Array(256 * 1024 + 1) }],
  ['bad-evidence', 'a quote over its cap', { quote: { tail: new Uint8Array(64 * 1024) } }],
  ['bad-evidence', 'a body of an SGX report', { quote: { bodyType: 1, bodyLength: 384 } }],
  ['bad-evidence', 'an unknown body', { quote: { bodyType: 4, bodyLength: 648 } }],
  ...[0, 583, 584, 647, 649, 0xffff_ffff].map((bodyLength): Case => [
    'bad-evidence',
    `a body_size of ${bodyLength} for 648 bytes`,
    { quote: { bodyLength } },
  ]),
  ...(['signature', 'certification', 'authentication', 'chain'] as const).flatMap((part) =>
    [-1, 1, 0x7fff].map((by): Case => [
      'bad-evidence',
      `a length of its ${part} that lies by ${by}`,
      { quote: { lies: { [part]: by }, tail: new Uint8Array(2) } },
    ]),
  ),
  ...(['signature', 'certification'] as const).map((part): Case => [
    'bad-evidence',
    `a byte more in its ${part}`,
    { quote: { more: { [part]: one } } },
  ]),
  ['bad-evidence', 'certification data of another type', { quote: { certificationType: 5 } }],
  ...[0, 3, 6, 0xffff].map((version): Case => [
    'report-version-refused',
    `version ${version}`,
    { quote: { header: { version } } },
  ]),
  ['report-version-refused', 'a version that policy does not name', { tdx: { quoteVersions: [4] } }],
  ['reserved-not-zero', 'a byte after the signature', { quote: { tail: one } }],
  ['reserved-not-zero', 'the last byte of a long tail', { quote: { tail: bytes(1000, 0).with(999, 1) } }],
  ['report-algorithm-refused', 'a key on P-384', { quote: { header: { keyType: 3 } } }],
  ['report-algorithm-refused', 'an EPID signature', { quote: { header: { keyType: 0 } } }],
  ['signing-key-refused', "another vendor's quoting enclave", { quote: { header: { vendorId: bytes(16, 1) } } }],
  ...[0, 1, 2, 3, 4, 6, 7].map((chainType): Case => [
    'leaf-missing',
    `certification data of type ${chainType}`,
    { quote: { chainType } },
  ]),
  ['bad-leaf', 'no certificate', { pem: () => '' }],
  ['bad-leaf', 'a chain that is no PEM', { pem: () => 'PCK' }],
  ['bad-leaf', 'words between certificates', { pem: (chain) => chain.replace('\n-----BEGIN', '\nleaf\n-----BEGIN') }],
  ['bad-leaf', 'two end marks', { pem: (chain) => `${chain}\0\0` }],
  ['bad-leaf', 'sloppy base64', { pem: (chain) => chain.replace(/.\n-----END/, '\n-----END') }],
  ['bad-leaf', 'two leaves', { pem: secondCertificate }],
  ['bad-leaf', 'bytes behind the leaf', { leaf: { tail: one } }],
  ['bad-leaf', 'a leaf of version 1', { leaf: { version: 0 } }],
]

const signatures: readonly Case[] = [
  ['quoting-enclave-unsigned', "another platform's key", { keys: { pck: keys.stranger } }],
  ['quoting-enclave-unsigned', 'a zero signature', { quote: { enclaveSignature: bytes(64, 0) } }],
  [
    'attestation-key-unbound',
    'a key that the enclave does not name',
    { keys: { attestation: keys.stranger }, enclave: { reportData: bytes(64, 5) } },
  ],
  ['attestation-key-unbound', 'something in the second half', { enclave: { reportData: bytes(64, 0).with(63, 1) } }],
  [
    'attestation-key-unbound',
    'the key of another quote',
    { quote: { attestationKey: coordinates(keys.stranger) }, enclave: { reportData: bytes(64, 0) } },
  ],
  ['bad-signature', 'a flipped bit of MRTD', { mangle: flip(bodyAt + 136) }],
  ['bad-signature', 'report_data replaced', { mangle: flip(bodyAt + 520) }],
  ['bad-signature', 'a flipped bit of the header', { mangle: flip(28) }],
  ['bad-signature', 'a flipped bit of MRSEAM', { mangle: flip(bodyAt + 16) }],
  ['bad-signature', 'a flipped bit of r', { mangle: flip(signatureAt) }],
  ['bad-signature', 'a flipped bit of s', { mangle: flip(signatureAt + 63) }],
  ['bad-signature', 'a zero signature', { quote: { signature: bytes(64, 0) } }],
  ['bad-signature', 'r and s in the other endianness', { mangle: reversed }],
  ['bad-signature', 'a signature as DER', { mangle: asDer }],
  ['bad-signature', 'another key than the one that is bound', { keys: { signer: keys.stranger } }],
  ['bad-signature', 'a key off the curve, well bound', { quote: { attestationKey: bytes(64, 1) } }],
]

export const quoteCases: readonly Case[] = [...layout, ...signatures]
