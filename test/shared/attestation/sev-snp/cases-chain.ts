/** What checks 6-8 must refuse: chains, revocation lists and the attributes of leaves. attestation-negatives.md. */
import { concat, type Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { now } from '../makers.ts'
import type { Case } from './cases-encoding.ts'
import { constraints, day, extension, small, usage } from '../x509/forge.ts'
import { arc, ia5, tcb } from './forge.ts'
import { algorithms, keys, nameOf } from './forge-certificate.ts'
import { bytes } from '../values.ts'

const skew = 120_000
const minute = 60_000
const without = (index: number) => (four: readonly Bytes[]) => four.filter((_, at) => at !== index)
const changed = (index: number, change: (der: Bytes) => Bytes) => (four: readonly Bytes[]) =>
  four.map((one, at) => (at === index ? change(one) : one))
const longer = (one: Bytes) => concat(one, bytes(1, 0))
const shorter = (one: Bytes) => one.slice(0, -1)
const lookAlike = { ark: { key: keys.ask }, askSigner: keys.ark }
const issuingDistributionPoint = extension('2.5.29.28', der.sequence(), true)
const number = extension('2.5.29.20', small(4))

const chain: readonly Case[] = [
  ['chain-incomplete', 'a leaf alone', { endorse: (four) => four.slice(0, 1) }],
  ['chain-incomplete', 'no ARK', { endorse: (four) => four.slice(0, 2) }],
  ['bad-issuer', 'bytes behind the ASK', { ask: { tail: bytes(1, 0) } }],
  ['bad-issuer', 'bytes behind the ARK', { ark: { tail: bytes(1, 0) } }],
  ['vendor-root-unknown', 'a revocation list where the ARK belongs', { endorse: without(2) }],
  [
    'vendor-root-unknown',
    'the same names under another root',
    { ...lookAlike, trust: { vendorRoots: ['00'.repeat(32)] } },
  ],
  ['vendor-root-unknown', 'nobody pinned a root', { trust: { vendorRoots: [] } }],
  ['vendor-root-unknown', 'a trust root that says nothing of vendors', { trust: { vendorRoots: undefined } }],
  [
    'certificate-name-mismatch',
    'a root of no product',
    { ark: { subject: nameOf('ARK-Naples'), issuer: nameOf('ARK-Naples') } },
  ],
  ['certificate-name-mismatch', 'an ASK of another product', { ask: { subject: nameOf('SEV-Milan') } }],
  ['certificate-name-mismatch', 'an ASK from another root', { ask: { issuer: nameOf('ARK-Milan') } }],
  ['certificate-name-mismatch', 'a leaf of another product', { leaf: { issuer: nameOf('SEV-Milan') } }],
  ['certificate-name-mismatch', 'a leaf of another name', { leaf: { subject: nameOf('SEV-CEK') } }],
  [
    'certificate-name-mismatch',
    'a leaf of another organization',
    { leaf: { subject: nameOf('SEV-VCEK', 'Advanced Micro Device') } },
  ],
  ['certificate-name-mismatch', 'a root that another signed', { ark: { issuer: nameOf('ARK-Turin') } }],
  ['certificate-name-mismatch', 'a VLEK chain for a VCEK report', { kind: 'VLEK', report: { flags: 0 } }],
  [
    'certificate-name-mismatch',
    'a VCEK chain for a VLEK report',
    { report: { flags: 1 << 2 }, snp: { allowVlek: true } },
  ],
  ['certificate-algorithm-refused', 'a leaf with SHA-256', { leaf: { algorithm: algorithms.sha256 } }],
  ['certificate-algorithm-refused', 'a leaf with 32 octets of salt', { leaf: { algorithm: algorithms.salt32 } }],
  ['certificate-algorithm-refused', 'an ASK with PKCS #1 v1.5', { ask: { algorithm: algorithms.pkcs1 } }],
  ['certificate-algorithm-refused', 'a root with SHA-256', { ark: { algorithm: algorithms.sha256 } }],
  ['certificate-algorithm-refused', 'a leaf that says two algorithms', { leaf: { outer: algorithms.pssWithTrailer } }],
  ['certificate-key-refused', 'a leaf on P-256', { leaf: { key: keys.p256 } }],
  ['certificate-key-refused', 'a leaf with RSA', { leaf: { key: keys.ask } }],
  ['certificate-key-refused', 'an ASK of 2048 bits', { ask: { key: keys.weak }, leafSigner: keys.weak }],
  ['certificate-key-refused', 'an ASK on P-384', { ask: { key: keys.otherLeaf } }],
  [
    'certificate-key-refused',
    'a root of 2048 bits',
    { ark: { key: keys.weak }, askSigner: keys.weak, crlSigner: keys.weak },
  ],
  [
    'certificate-role-refused',
    'an ASK that is no CA',
    { ask: { extensions: [usage(0x04), extension('2.5.29.19', der.sequence(), true)] } },
  ],
  ['certificate-role-refused', 'an ASK without constraints', { ask: { extensions: [usage(0x04)] } }],
  ['certificate-role-refused', 'an ASK that may make others', { ask: { extensions: [usage(0x04), constraints(1)] } }],
  ['certificate-role-refused', 'an ASK without end', { ask: { extensions: [usage(0x04), constraints()] } }],
  ['certificate-role-refused', 'an ASK that may not sign', { ask: { extensions: [usage(0x02), constraints(0)] } }],
  [
    'certificate-role-refused',
    'an ASK with constraints twice',
    { ask: { extensions: [usage(0x04), constraints(0), constraints(0)] } },
  ],
  [
    'certificate-role-refused',
    'an ASK with an unknown critical extension',
    { ask: { extensions: [usage(0x04), constraints(0), extension('2.5.29.30', der.sequence(), true)] } },
  ],
  ['certificate-role-refused', 'a root that is no CA', { ark: { extensions: [usage(0x06)] } }],
  ['certificate-role-refused', 'a leaf with the CA bit', { moreExtensions: [constraints(0)] }],
  ['certificate-role-refused', 'a leaf that may sign certificates', { moreExtensions: [usage(0x04)] }],
  ['bad-chain', 'an ASK that the root did not sign', { askSigner: keys.ask }],
  ['bad-chain', 'a leaf that the ASK did not sign', { leafSigner: keys.ark }],
  [
    'bad-chain',
    "a flipped bit of the leaf's signature",
    { endorse: changed(0, (one) => one.with(-1, (one.at(-1) ?? 0) ^ 1)) },
  ],
  ['certificate-not-yet-valid', 'a leaf from the future', { leaf: { notBefore: now + skew + minute } }],
  ['certificate-not-yet-valid', 'an ASK from the future', { ask: { notBefore: now + skew + minute } }],
  ['certificate-not-yet-valid', 'a root from the future', { ark: { notBefore: now + skew + minute } }],
  ['certificate-expired', 'a leaf that ended', { leaf: { notAfter: now - skew - minute } }],
  ['certificate-expired', 'an ASK that ended', { ask: { notAfter: now - skew - minute } }],
  ['certificate-expired', 'a root that ended', { ark: { notAfter: now - skew - minute } }],
  [
    'certificate-expired',
    'a provider key that ended',
    { kind: 'VLEK', snp: { allowVlek: true }, leaf: { notAfter: now - skew - minute } },
  ],
]

const revocation: readonly Case[] = [
  ['crl-missing', 'no list', { endorse: without(3) }],
  ['bad-crl', 'bytes behind the list', { endorse: changed(3, longer) }],
  ['bad-crl', 'a list one byte short', { endorse: changed(3, shorter) }],
  [
    'bad-crl',
    'a certificate in place of a list',
    { endorse: ([leaf = bytes(0, 0), ...others]) => [leaf, ...others.slice(0, 2), leaf] },
  ],
  ['bad-crl', 'a list without number', { crl: { extensions: [extension('2.5.29.35', der.sequence())] } }],
  ['bad-crl', 'a list with two numbers', { crl: { extensions: [number, number] } }],
  ['bad-crl', 'a list of a part', { crl: { extensions: [number, issuingDistributionPoint] } }],
  ['crl-issuer-mismatch', 'a list of another product', { crl: { issuer: nameOf('ARK-Milan') } }],
  ['crl-signature-refused', 'a list that the ASK signed', { crlSigner: keys.ask }],
  ['crl-signature-refused', 'a list with SHA-256', { crl: { algorithm: algorithms.sha256 } }],
  ['crl-not-yet-valid', 'a list from the future', { crl: { thisUpdate: now + skew + minute } }],
  ['crl-expired', 'a stale list', { crl: { nextUpdate: now - minute } }],
  ['crl-expired', 'a list past its grace', { crl: { nextUpdate: now - 2 * minute }, collateral: { crlGrace: minute } }],
  ['crl-expired', 'a list older than policy bears', { collateral: { crlMaxAge: 9 * day } }],
  ['crl-rolled-back', "a list below the policy's number", { collateral: { minCrlNumber: { Genoa: 5 } } }],
  ['crl-rolled-back', 'a list older than one already seen', { seen: { crlNumbers: { Genoa: 5 } } }],
  ['issuer-revoked', 'the ASK in the list', { crl: { revoked: [Uint8Array.of(9), Uint8Array.of(2, 0, 2)] } }],
  ['issuer-revoked', 'the ASK that the real list names', { ask: { serial: Uint8Array.of(2, 0, 1) } }],
  ['issuer-revoked', 'the root in the list', { crl: { revoked: [Uint8Array.of(2, 0, 0)] } }],
]

const attributes: readonly Case[] = [
  ['leaf-extensions-refused', 'a duplicate', { moreExtensions: [extension(`${arc}.3.3`, small(99))] }],
  ['leaf-extensions-refused', 'a counter above 255', { claims: { '3.3': der.integer(Uint8Array.of(1, 0)) } }],
  ['leaf-extensions-refused', 'a negative counter', { claims: { '3.3': Uint8Array.of(0x02, 1, 0xff) } }],
  ['leaf-extensions-refused', 'a counter with a spare octet', { claims: { '3.3': Uint8Array.of(0x02, 2, 0, 23) } }],
  ['leaf-extensions-refused', 'a counter with bytes behind', { claims: { '3.3': concat(small(23), bytes(1, 0)) } }],
  ...['1', '2', '3.1', '3.3', '3.4', '3.8', '4'].map((id): Case => [
    'leaf-extensions-refused',
    `without .${id}`,
    { claims: { [id]: null } },
  ]),
  ['leaf-extensions-refused', "Turin's counter on Genoa", { claims: { '3.9': small(0) } }],
  ['leaf-extensions-refused', "Genoa's counter on Turin", { product: 'Turin', claims: { '3.4': small(0) } }],
  ['leaf-extensions-refused', 'Turin without its own counter', { product: 'Turin', claims: { '3.9': null } }],
  ['leaf-extensions-refused', 'a provider beside a chip', { claims: { '5': ia5('CN=x') } }],
  [
    'leaf-extensions-refused',
    'a chip beside a provider',
    { kind: 'VLEK', snp: { allowVlek: true }, claims: { '4': bytes(64, 1) } },
  ],
  ['leaf-extensions-refused', 'another structure version', { claims: { '1': small(1) } }],
  ['leaf-extensions-refused', "Turin with Genoa's structure version", { product: 'Turin', claims: { '1': small(0) } }],
  [
    'leaf-extensions-refused',
    'a short hardware id in an octet string',
    { claims: { '4': der.octetString(bytes(63, 0xcc)) } },
  ],
  ['leaf-extensions-refused', 'a short hardware id', { claims: { '4': bytes(63, 0xcc) } }],
  ['leaf-extensions-refused', 'a Turin hardware id on Genoa', { claims: { '4': bytes(8, 0xcc) } }],
  [
    'leaf-extensions-refused',
    'a critical attribute',
    { claims: { '3.1': null }, moreExtensions: [extension(`${arc}.3.1`, small(9), true)] },
  ],
  ['leaf-extensions-refused', 'a strange attribute', { moreExtensions: [extension(`${arc}.6`, small(0))] }],
  ['product-mismatch', 'a leaf named for another product', { claims: { '2': ia5('Turin') } }],
  ['product-mismatch', 'a leaf named for no stepping', { claims: { '2': ia5('Genoa-') } }],
  ['product-mismatch', 'a leaf whose name begins alike', { claims: { '2': ia5('GenoaX') } }],
  ['product-mismatch', 'another processor', { report: { cpu: Uint8Array.of(0x19, 0x01, 1) } }],
  ['product-mismatch', 'a processor of no product', { report: { cpu: Uint8Array.of(0x19, 0x20, 1) } }],
  // Its TCB bytes are well formed in either layout, so that nothing else refuses first.
  ['product-mismatch', "Turin under Genoa's root", { report: { cpu: Uint8Array.of(0x1a, 0x02, 1), ...noTcb() } }],
  ['product-refused', 'Turin where policy names Genoa', { product: 'Turin', snp: { products: ['Genoa'] } }],
  ['product-refused', 'Milan by default', { product: 'Milan', snp: { products: ['Genoa', 'Turin'] } }],
  [
    'product-refused',
    'Milan chips of anybody in production',
    { product: 'Milan', snp: { chips: { mode: 'any', sha256: [] } }, trust: { chips: 'any' } },
  ],
]

function noTcb() {
  const zero = tcb.Genoa.map(() => 0)
  return { currentTcb: zero, reportedTcb: zero, committedTcb: zero, launchTcb: zero }
}

export const chainCases: readonly Case[] = [...chain, ...revocation, ...attributes]
