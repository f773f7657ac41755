/** What Intel would issue: certificates, revocation lists and signed ratings in Intel's own encoding. attestation.md a.4. */
import { generateKeyPairSync } from 'node:crypto'
import { fromHex, type Bytes } from '../../../../shared/bytes.ts'
import * as der from '../../../../shared/upstream/der.ts'
import { extension, small, type Algorithm } from '../x509/forge.ts'
import { bytes } from '../values.ts'

const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

export const keys = {
  root: p256(),
  ca: p256(),
  pck: p256(),
  tcb: p256(),
  attestation: p256(),
  stranger: p256(),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
} as const

export const algorithms = {
  ecdsa: { id: der.sequence(der.objectId('1.2.840.10045.4.3.2')), hash: 'sha256' },
  sha384: { id: der.sequence(der.objectId('1.2.840.10045.4.3.3')), hash: 'sha384' },
} as const satisfies Record<string, Algorithm>

export function nameOf(commonName: string, organization = 'Intel Corporation', ...more: Bytes[]): Bytes {
  const part = (id: string, value: Bytes) => der.setOfOne(der.sequence(der.objectId(id), value))
  return der.sequence(
    part('2.5.4.3', der.utf8String(commonName)),
    part('2.5.4.10', der.utf8String(organization)),
    part('2.5.4.7', der.utf8String('Santa Clara')),
    part('2.5.4.8', der.utf8String('CA')),
    part('2.5.4.6', fromHex('13025553')),
    ...more,
  )
}

/** "No CA", as Intel writes it. */
export const noCa = extension('2.5.29.19', der.sequence(), true)
/** Identifiers and addresses that Intel's certificates carry and nobody has to read. */
export const furniture = [
  extension('2.5.29.35', der.sequence(der.taggedPrimitive(0, bytes(20, 1)))),
  extension('2.5.29.14', der.octetString(bytes(20, 2))),
]

export const arc = '1.2.840.113741.1.13.1'
export const ppid = bytes(16, 0xcc)
export const fmspc = '90c06f000000'

/** SVNs of the forged platform: components 3, 3, 2 and so on, PCE 13. */
export const components = [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]

/** Values by the number behind the arc; null leaves one out. */
export type PckChanges = Readonly<Record<string, Bytes | null>>

export function pckExtension(changes: PckChanges, more: readonly Bytes[] = []): Bytes {
  const [ofTcb, own] = [true, false].map((deep) => Object.entries(changes).filter(([id]) => id.includes('.') === deep))
  const tcb = {
    ...Object.fromEntries(components.map((svn, index) => [`2.${index + 1}`, small(svn)])),
    ...{ '2.17': small(13), '2.18': der.octetString(bytes(16, 3)) },
    ...Object.fromEntries(ofTcb ?? []),
  }
  const all = {
    ...{ '1': der.octetString(ppid), '2': der.sequence(...pairs(tcb)), '3': der.octetString(bytes(2, 0)) },
    ...{ '4': der.octetString(fromHex(fmspc)), '5': Uint8Array.of(0x0a, 1, 0), '6': der.octetString(bytes(16, 4)) },
    ...Object.fromEntries(own ?? []),
  }
  return extension(arc, der.sequence(...pairs(all), ...more))
}

export function pair(id: string, ...value: readonly Bytes[]): Bytes {
  return der.sequence(der.objectId(`${arc}.${id}`), ...value)
}

function pairs(all: PckChanges): readonly Bytes[] {
  return Object.entries(all).flatMap(([id, value]) => (value === null ? [] : [pair(id, value)]))
}
