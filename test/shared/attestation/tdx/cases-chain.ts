/** What check 6 must refuse: the chain from the platform's key to the root. attestation-negatives.md. */
import { now } from '../makers.ts'
import { refusedPoints } from '../x509/keys.ts'
import { constraints, extension, usage } from '../x509/forge.ts'
import type { Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { bytes } from '../values.ts'
import type { Case } from './cases-quote.ts'
import { pemOf } from './forge.ts'
import { algorithms, furniture, keys, nameOf, noCa, pckExtension } from './forge-vendor.ts'

const skew = 120_000
const minute = 60_000
const certificates = (count: number) => (chain: string) =>
  (chain.match(/-----BEGIN[^]+?END CERTIFICATE-----\n/g) ?? []).slice(0, count).join('')
const flipped = (chain: string) => {
  const blocks = chain.split('-----END')
  const [first = '', ...others] = blocks
  // The last octet of the leaf's signature lies in the last four characters of its text.
  const ders = Uint8Array.fromBase64(first.replace(/-----BEGIN CERTIFICATE-----|\n/g, ''))
  return [pemOf(ders.with(-1, (ders.at(-1) ?? 0) ^ 1)).split('-----END')[0], ...others].join('-----END')
}
const leafWith = (...extensions: Bytes[]) => ({ leaf: { extensions: [...furniture, ...extensions, pckExtension({})] } })
const names = ['Intel SGX Root CA', 'Intel SGX PCK Platform CA', 'Intel SGX PCK Certificate'] as const

export const chainCases: readonly Case[] = [
  ['chain-incomplete', 'a leaf alone', { pem: certificates(1) }],
  ['chain-incomplete', 'no root', { pem: certificates(2) }],
  ['bad-issuer', 'bytes behind the issuer', { ca: { tail: bytes(1, 0) } }],
  ['bad-issuer', 'bytes behind the root', { root: { tail: bytes(1, 0) } }],
  ['vendor-root-unknown', 'the same names under another root', { trust: { vendorRoots: ['00'.repeat(32)] } }],
  ['vendor-root-unknown', 'nobody pinned a root', { trust: { vendorRoots: [] } }],
  ['vendor-root-unknown', 'a trust root that says nothing of vendors', { trust: { vendorRoots: undefined } }],
  ['certificate-name-mismatch', 'a root of another name', { root: { subject: nameOf('Intel SGX Root') } }],
  ['certificate-name-mismatch', 'a root that another signed', { root: { issuer: nameOf('Intel TDX Root CA') } }],
  ['certificate-name-mismatch', 'an issuer of another name', { ca: { subject: nameOf('Intel SGX TCB Signing') } }],
  ['certificate-name-mismatch', 'an issuer from another root', { ca: { issuer: nameOf('Intel TDX Root CA') } }],
  [
    'certificate-name-mismatch',
    'a leaf of the other issuer',
    { leaf: { issuer: nameOf('Intel SGX PCK Processor CA') } },
  ],
  ['certificate-name-mismatch', 'a leaf of another name', { leaf: { subject: nameOf('Intel SGX PCK') } }],
  ...names.map((name, index): Case => [
    'certificate-name-mismatch',
    `${name} of another organization`,
    { [['root', 'ca', 'leaf'][index] ?? '']: { subject: nameOf(name, 'Intel') } },
  ]),
  [
    'certificate-name-mismatch',
    'a name with more in it',
    { leaf: { subject: nameOf(names[2], undefined, nameOf('x').slice(2)) } },
  ],
  ['certificate-algorithm-refused', 'a leaf with SHA-384', { leaf: { algorithm: algorithms.sha384 } }],
  ['certificate-algorithm-refused', 'an issuer with SHA-384', { ca: { algorithm: algorithms.sha384 } }],
  ['certificate-algorithm-refused', 'a root with SHA-384', { root: { algorithm: algorithms.sha384 } }],
  ['certificate-algorithm-refused', 'a leaf that says two algorithms', { leaf: { outer: algorithms.sha384 } }],
  ['certificate-key-refused', 'a leaf on P-384', { leaf: { key: keys.p384 } }],
  ['certificate-key-refused', 'an issuer on P-384', { ca: { key: keys.p384 } }],
  ['certificate-key-refused', 'a root on P-384', { root: { key: keys.p384 } }],
  ...refusedPoints.map(([what, spki]): Case => ['certificate-key-refused', `a leaf with ${what}`, { leaf: { spki } }]),
  ['certificate-role-refused', 'a leaf with the CA bit', leafWith(usage(0xc0, 6), constraints(0))],
  ['certificate-role-refused', 'a leaf without constraints', leafWith(usage(0xc0, 6))],
  [
    'certificate-role-refused',
    'a leaf with a path length',
    leafWith(usage(0xc0, 6), extension('2.5.29.19', der.sequence(der.integer(Uint8Array.of(0))), true)),
  ],
  ['certificate-role-refused', 'a leaf that may sign certificates', leafWith(usage(0xc4, 2), noCa)],
  ['certificate-role-refused', 'a leaf that may sign lists', leafWith(usage(0xc2, 1), noCa)],
  ['certificate-role-refused', 'a leaf that may not sign', leafWith(usage(0x20, 5), noCa)],
  ['certificate-role-refused', 'a leaf that says nothing of use', leafWith(noCa)],
  [
    'certificate-role-refused',
    'a leaf with an unknown critical extension',
    leafWith(usage(0xc0, 6), noCa, extension('2.5.29.30', der.sequence(), true)),
  ],
  ['certificate-role-refused', 'a leaf with an extension twice', leafWith(usage(0xc0, 6), noCa, noCa)],
  ['certificate-role-refused', 'an issuer that is no CA', { ca: { extensions: [usage(0x06), noCa] } }],
  ['certificate-role-refused', 'an issuer that may make others', { ca: { extensions: [usage(0x06), constraints(1)] } }],
  ['certificate-role-refused', 'an issuer that may not sign', { ca: { extensions: [usage(0x02), constraints(0)] } }],
  ['certificate-role-refused', 'a root without end', { root: { extensions: [usage(0x06), constraints()] } }],
  ['bad-chain', 'an issuer that the root did not sign', { caSigner: keys.stranger }],
  ['bad-chain', 'a leaf that the issuer did not sign', { leafSigner: keys.root }],
  ['bad-chain', "a flipped bit of the leaf's signature", { pem: flipped }],
  ...(['leaf', 'ca', 'root'] as const).flatMap((which): readonly Case[] => [
    ['certificate-not-yet-valid', `the ${which} from the future`, { [which]: { notBefore: now + skew + minute } }],
    ['certificate-expired', `the ${which} that ended`, { [which]: { notAfter: now - skew - minute } }],
  ]),
]
