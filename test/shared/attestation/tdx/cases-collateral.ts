/** What check 7 must refuse: ratings and lists that are old, of somebody else, or written anew. attestation-negatives.md. */
import { concat, hex, fromHex, utf8 } from '../../../../shared/bytes.ts'
import { timeText } from '../../../../shared/tlog/json-fields.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { now } from '../makers.ts'
import { bytes } from '../values.ts'
import { constraints, day, extension, small, usage } from '../x509/forge.ts'
import type { Case } from './cases-quote.ts'
import { mrTd, type Changes } from './forge.ts'
import { algorithms, keys, nameOf, noCa } from './forge-vendor.ts'

const skew = 120_000
const minute = 60_000

type Fields = Readonly<Record<string, string>>
const field = (name: string, change: (value: string) => string): Changes => ({
  collateral: (fields: Fields) => ({ ...fields, [name]: change(fields[name] ?? '') }),
})
const without = (name: string): Changes => ({
  collateral: (fields: Fields) => Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name)),
})
const names = [
  ...['tcb_info', 'tcb_info_signature', 'tcb_info_issuer_chain', 'qe_identity', 'qe_identity_signature'],
  ...['qe_identity_issuer_chain', 'pck_crl', 'pck_crl_issuer_chain', 'root_ca_crl'],
]
const both = (change: object): Changes => ({ tcbInfo: change as never, qeIdentity: change as never })
const again = (text: string) => JSON.stringify(JSON.parse(text), undefined, 1)
const upper = (text: string) => text.toUpperCase()
const one = Uint8Array.of(1)
const firstOf = (chain: string) => chain.slice(0, chain.indexOf('-----END CERTIFICATE-----\n') + 26)
const reordered = (text: string) =>
  JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).reverse()))

const layout: readonly Case[] = [
  ['collateral-missing', 'none', { evidence: { collateral: null } }],
  ['bad-collateral', 'no JSON', { blob: () => mrTd }],
  ['bad-collateral', 'nothing at all', { blob: () => new Uint8Array(0) }],
  ['bad-collateral', 'something behind the JSON', { blob: (text) => utf8(`${text}{}`) }],
  ['bad-collateral', 'a list', { collateral: (fields) => [fields] }],
  ['bad-collateral', 'a key twice', { blob: (text) => utf8(text.replace('{', '{"pck_crl":"00",')) }],
  ['bad-collateral', 'an unknown key', { collateral: (fields) => ({ ...fields, pck_certificate_chain: '' }) }],
  ...names.map((name): Case => ['bad-collateral', `without ${name}`, without(name)]),
  ...names.map((name): Case => [
    'bad-collateral',
    `a number as ${name}`,
    { collateral: (all) => ({ ...all, [name]: 1 }) },
  ]),
  ['bad-collateral', 'a signature in upper case', field('tcb_info_signature', upper)],
  ['bad-collateral', 'a list in upper case', field('pck_crl', upper)],
  ['bad-collateral', 'half a byte', field('root_ca_crl', (text) => text.slice(1))],
  ['bad-collateral', 'a signer without a root', field('tcb_info_issuer_chain', firstOf)],
  ['bad-collateral', 'three certificates', field('qe_identity_issuer_chain', (chain) => firstOf(chain) + chain)],
  ['bad-collateral', 'no PEM', field('pck_crl_issuer_chain', () => 'PCK')],
]

const documents: readonly Case[] = [
  [
    'collateral-issuer-refused',
    'a signer of another name',
    { signer: { subject: nameOf('Intel SGX PCK Certificate') } },
  ],
  [
    'collateral-issuer-refused',
    'a signer of another root',
    { signer: { issuer: nameOf('Intel SGX PCK Platform CA') } },
  ],
  ['collateral-issuer-refused', 'a signer that the root did not sign', { signerSigner: keys.ca }],
  ['collateral-issuer-refused', 'a signer with SHA-384', { signer: { algorithm: algorithms.sha384 } }],
  ['collateral-issuer-refused', 'a signer on P-384', { signer: { key: keys.p384 } }],
  ['collateral-issuer-refused', 'a signer that is a CA', { signer: { extensions: [usage(0x06), constraints(0)] } }],
  ['collateral-issuer-refused', 'a signer that may not sign', { signer: { extensions: [usage(0x20, 5), noCa] } }],
  ['collateral-issuer-refused', 'bytes behind the signer', { signer: { tail: one } }],
  ['collateral-issuer-refused', 'a signer that ended', { signer: { notAfter: now - skew - minute } }],
  ['collateral-issuer-refused', 'a signer from the future', { signer: { notBefore: now + skew + minute } }],
  [
    'collateral-issuer-refused',
    'a chain of one certificate twice',
    field('tcb_info_issuer_chain', (chain) => firstOf(chain) + firstOf(chain)),
  ],
  ['collateral-signature-refused', 'ratings of a stranger', { ratingKey: keys.stranger }],
  ...['tcb_info', 'qe_identity'].flatMap((name): readonly Case[] => [
    ['collateral-signature-refused', `${name} written anew`, field(name, again)],
    ['collateral-signature-refused', `${name} in another order`, field(name, reordered)],
    ['collateral-signature-refused', `${name} with a space`, field(name, (text) => text.replace(':', ': '))],
    ['collateral-signature-refused', `${name} raised`, field(name, (text) => text.replace('OutOfDate', 'UpToDate'))],
    ['collateral-signature-refused', `zeros under ${name}`, field(`${name}_signature`, () => '00'.repeat(64))],
    [
      'collateral-signature-refused',
      `a short signature of ${name}`,
      field(`${name}_signature`, (text) => text.slice(2)),
    ],
  ]),
  [
    'collateral-signature-refused',
    'the other document',
    { collateral: (all) => ({ ...all, tcb_info: all['qe_identity'] }) },
  ],
  ['collateral-not-yet-valid', 'ratings from the future', both({ issueDate: timeText(now + skew + minute) })],
  [
    'collateral-not-yet-valid',
    'an identity from the future',
    { qeIdentity: { issueDate: timeText(now + skew + minute) } },
  ],
  ['collateral-expired', 'stale ratings', { tcbInfo: { nextUpdate: timeText(now - minute) } }],
  ['collateral-expired', 'a stale identity', { qeIdentity: { nextUpdate: timeText(now - minute) } }],
  ['collateral-expired', 'ratings older than policy bears', { age: { tdxMaxAge: 9 * day } }],
  ['collateral-expired', 'ratings that Intel would let live for longer', both({ issueDate: timeText(now - 31 * day) })],
]

const strange = extension('2.5.29.28', der.sequence(), true)
const number = extension('2.5.29.20', small(4))

const lists: readonly Case[] = [
  ...(['pck_crl', 'root_ca_crl'] as const).flatMap((name): readonly Case[] => [
    ['bad-crl', `bytes behind ${name}`, field(name, (text) => `${text}00`)],
    ['bad-crl', `${name} one byte short`, field(name, (text) => text.slice(2))],
    ['bad-crl', `${name} that is empty`, field(name, () => '')],
  ]),
  ...(['pckCrl', 'rootCrl'] as const).flatMap((name): readonly Case[] => [
    ['bad-crl', `${name} of a part`, { [name]: { extensions: [number, strange] } }],
    ['bad-crl', `${name} without number`, { [name]: { extensions: [extension('2.5.29.35', der.sequence())] } }],
    ['crl-issuer-mismatch', `${name} of another issuer`, { [name]: { issuer: nameOf('Intel SGX PCK Processor CA') } }],
    ['crl-signature-refused', `${name} with SHA-384`, { [name]: { algorithm: algorithms.sha384 } }],
    ['crl-signature-refused', `${name} of a stranger`, { [`${name}Signer`]: keys.stranger }],
    ['crl-not-yet-valid', `${name} from the future`, { [name]: { thisUpdate: now + skew + minute } }],
    ['crl-expired', `a stale ${name}`, { [name]: { nextUpdate: now - minute } }],
  ]),
  [
    'crl-issuer-mismatch',
    'the two lists swapped',
    { collateral: (all) => ({ ...all, pck_crl: all['root_ca_crl'], root_ca_crl: all['pck_crl'] }) },
  ],
  [
    'crl-issuer-mismatch',
    "a chain that is not the quote's",
    { collateral: (all) => ({ ...all, pck_crl_issuer_chain: all['tcb_info_issuer_chain'] }) },
  ],
  [
    'crl-issuer-mismatch',
    'a chain under another root',
    field('pck_crl_issuer_chain', (chain) => firstOf(chain) + firstOf(chain)),
  ],
  ['crl-signature-refused', 'a signature that is no DER', field('pck_crl', notDer)],
  [
    'crl-expired',
    'a list of platforms older than policy bears',
    { age: { tdxMaxAge: 11 * day }, pckCrl: { thisUpdate: now - 12 * day } },
  ],
  ['issuer-revoked', 'the issuer of platforms', { rootCrl: { revoked: [Uint8Array.of(9), Uint8Array.of(2)] } }],
  ['issuer-revoked', 'who signs ratings', { rootCrl: { revoked: [Uint8Array.of(3)] } }],
  ['issuer-revoked', 'the root', { rootCrl: { revoked: [Uint8Array.of(1)] } }],
  ['leaf-revoked', 'the platform', { pckCrl: { revoked: [Uint8Array.of(8), Uint8Array.of(7)] } }],
]

export const collateralCases: readonly Case[] = [...layout, ...documents, ...lists]

/** The tag of the SEQUENCE that holds r and s, behind the last BIT STRING. */
function notDer(text: string): string {
  const list = fromHex(text)
  const signature = list.findLastIndex((octet, at) => octet === 0x03 && list[at + 2] === 0 && list[at + 3] === 0x30)
  return hex(concat(list.subarray(0, signature + 3), bytes(1, 0x31), list.subarray(signature + 4)))
}
