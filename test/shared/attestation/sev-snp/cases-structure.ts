/** What the readers of checks 6 and 7 must refuse inside names, keys, constraints and lists, all of it well signed. */
import { concat, type Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'
import type { Case } from './cases-encoding.ts'
import { extension, small, usage } from '../x509/forge.ts'
import { nameOf } from './forge-certificate.ts'
import { refusedPoints, refusedRsa } from '../x509/keys.ts'
import { bytes } from '../values.ts'

const again = der.setOfOne(der.sequence(der.objectId('2.5.4.3'), der.utf8String('SEV-VCEK')))
const constrained = (critical: boolean, ...more: Bytes[]) => ({
  extensions: [usage(0x04), extension('2.5.29.19', der.sequence(der.boolean(true), small(0), ...more), critical)],
})
const lengthOnly = extension('2.5.29.19', der.sequence(small(0)), true)
const noCa = extension('2.5.29.19', der.sequence(), true)
const reason = extension('2.5.29.21', Uint8Array.of(0x0a, 1, 1))
const strange = extension('2.5.29.28', der.sequence(), true)

export const structureCases: readonly Case[] = [
  ['certificate-name-mismatch', 'two common names', { leaf: { subject: nameOf('SEV-VCEK', undefined, again) } }],
  ['certificate-name-mismatch', 'a surname for a common name', { leaf: { subject: surname('SEV-VCEK') } }],
  ['certificate-name-mismatch', 'a name with more than a value', { leaf: { subject: overfull('SEV-VCEK', 'pair') } }],
  ['certificate-name-mismatch', 'a name with two values in one', { leaf: { subject: overfull('SEV-VCEK', 'set') } }],
  ...refusedRsa.map(([what, spki]): Case => ['certificate-key-refused', `an ASK with ${what}`, { ask: { spki } }]),
  ...refusedPoints.map(([what, spki]): Case => ['certificate-key-refused', `a leaf with ${what}`, { leaf: { spki } }]),
  ['certificate-role-refused', 'an ASK with more than constraints', { ask: constrained(true, small(0)) }],
  [
    'certificate-role-refused',
    'an ASK with a path length that is no CA',
    { ask: { extensions: [usage(0x04), lengthOnly] } },
  ],
  ['certificate-role-refused', 'a root that says it is no CA', { ark: { extensions: [usage(0x06), noCa] } }],
  ['certificate-role-refused', 'an ASK whose constraints are not critical', { ask: constrained(false) }],
  ...(['whole', 'body', 'entry', 'entries', 'extensions'] as const).map((more): Case => [
    'bad-crl',
    `something more in its ${more}`,
    { crl: { more } },
  ]),
  ['bad-crl', 'an entry with more than extensions', { crl: { entryExtensions: [reason], more: 'entry' } }],
  ['bad-crl', 'a list of version 1', { crl: { version: 0 } }],
  ['bad-crl', 'an entry that must not be ignored', { crl: { entryExtensions: [strange] } }],
  [
    'bad-crl',
    'more entries than AMD has issuers',
    { crl: { revoked: Array.from({ length: 1025 }, () => bytes(1, 9)) } },
  ],
]

/** 2.5.4.4 where 2.5.4.3 was. */
function surname(commonName: string): Bytes {
  const name = nameOf(commonName)
  return name.with(name.length - commonName.length - 3, 0x04)
}

/** AMD's organization, and a last part with more in it than a common name. */
function overfull(commonName: string, where: 'pair' | 'set'): Bytes {
  const whole = nameOf(commonName)
  const organization = whole.subarray(2, whole.length - commonName.length - 11)
  const nothing = Uint8Array.of(5, 0)
  const common = [der.objectId('2.5.4.3'), der.utf8String(commonName)]
  const pair = der.sequence(...common, ...(where === 'pair' ? [nothing] : []))
  return der.sequence(organization, der.setOfOne(concat(pair, ...(where === 'set' ? [nothing] : []))))
}
