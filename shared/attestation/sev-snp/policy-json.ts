/** `snp` and `collateral` of a policy out of JSON: only known keys, those left out strict. attestation.md d.1. */
import { at, digestOf, fieldsOf, integerOf, listOf, textOf, timeOf, wordOf, wrong } from '../../tlog/json-fields.ts'
import type { At } from '../../tlog/json-fields.ts'
import { every, objectOf, optionsOf, type Readers } from '../../tlog/json-options.ts'
import {
  chipModes,
  strictCrl,
  strictSnp,
  type Bound,
  type ByProduct,
  type CrlPolicy,
  type Measurement,
  type SnpPolicy,
} from './policy.ts'
import { countedParts, productNames, products, type Product } from './products.ts'
import type { Firmware } from './report.ts'
import type { TcbFloor } from './tcb.ts'

const maxEntries = 1024

/** What an entry may leave unsaid, and what that means. */
export type EntryDefaults = Partial<Measurement>
const unlogged: EntryDefaults = { minGuestSvn: 0, notAfter: Infinity, hostData: undefined, build: undefined }

export function readSnpPolicy(from: At, entry: EntryDefaults = unlogged): SnpPolicy {
  const readers: Readers<SnpPolicy> = {
    products: (value) => listOf(value, productNames.length).map((one) => wordOf(one, productNames)),
    reportVersions: (value) => listOf(value, 4).map((one) => integerOf(one, 2, 5)),
    allowVlek: flagOf,
    vmpl: (value) => listOf(value, 4).map((one) => integerOf(one, 0, 3)),
    minTcb: (value) => byProduct(value, floorOf),
    minLaunchTcb: (value) => byProduct(value, floorOf),
    minFw: (value) => byProduct(value, firmwareOf),
    requireMit: (value) => byProduct(value, bitsOf),
    allowProvisional: flagOf,
    guestPolicy: (value) => boundsOf(value, strictSnp.guestPolicy),
    platform: (value) => boundsOf(value, strictSnp.platform),
    hostData: (value) => digestOf(value),
    chips: chipsOf,
    minCvms: (value) => integerOf(value, 1, maxEntries),
    minChips: (value) => integerOf(value, 1, maxEntries),
    measurements: (value) => each(value, (one) => measurementOf(one, entry)),
    deny: (value) => each(value, (one) => digestOf(one, 48)),
    idKeys: (value) => orNull(value, keyDigestsOf),
    authorKeys: (value) => orNull(value, keyDigestsOf),
    familyId: (value) => orNull(value, (one) => digestOf(one, 16)),
    imageId: (value) => orNull(value, (one) => digestOf(one, 16)),
  }
  return optionsOf(from, readers, strictSnp)
}

export function readCrlPolicy(from: At): CrlPolicy {
  const readers: Readers<CrlPolicy> = {
    crlMaxAge: durationOf,
    crlGrace: durationOf,
    minCrlNumber: (value) => byProduct(value, (one) => integerOf(one)),
    tdxMaxAge: durationOf,
  }
  return optionsOf(from, readers, strictCrl)
}

/** ISO 8601 in days, hours, minutes and seconds: P30D, PT26H, PT120S. Gives milliseconds. */
export function durationOf(from: At): number {
  const parts = /^P(?=.)(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?$/.exec(textOf(from))
  if (parts === null) throw wrong(from, 'a duration as P30D or PT120S')
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts
    .slice(1)
    .map((digits: string | undefined) => Number(digits ?? 0))
  return ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000
}

function byProduct<T>(from: At, read: (value: At, product: Product) => T): ByProduct<T> {
  const entries = Object.entries(objectOf(from)).map(([key, value]) => () => {
    const product = wordOf(at(key, `${from.path}.${key}`), productNames)
    return [product, read(at(value, `${from.path}.${key}`), product)] as const
  })
  return Object.fromEntries(every(entries))
}

/** Every counter of the product, so that none is forgotten. */
function floorOf(from: At, product: Product): TcbFloor {
  const parts = countedParts(products[product])
  const fields = fieldsOf(from, parts)
  const plain = parts.filter((part) => part !== 'ucode').map((part) => [part, integerOf(fields[part], 0, 255)])
  const { ucode } = fields
  const floor = typeof ucode.value === 'number' ? { ucode: integerOf(ucode, 0, 255) } : { ucodeByModel: byModel(ucode) }
  return { ...(Object.fromEntries(plain) as TcbFloor), ...floor }
}

/** `{"0x11": 88, "0xa0": 25}` */
function byModel(from: At): ReadonlyMap<number, number> {
  const entries = Object.entries(objectOf(from)).map(([key, value]) => {
    if (!/^0x[0-9a-f]{2}$/.test(key)) throw wrong(from, 'a list by model as 0x11')
    return [Number(key), integerOf(at(value, `${from.path}.${key}`), 0, 255)] as const
  })
  return new Map(entries)
}

/** `1.55.49` */
function firmwareOf(from: At): Firmware {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(textOf(from))
  if (parts === null) throw wrong(from, 'a version as 1.55.49')
  const [major = 0, minor = 0, build = 0] = parts.slice(1).map(Number)
  return { major, minor, build }
}

function bitsOf(from: At): bigint {
  const text = textOf(from)
  if (!/^0x[0-9a-f]{1,16}$/.test(text)) throw wrong(from, 'bits as 0x0b')
  return BigInt(text)
}

export function boundsOf<T extends Readonly<Record<string, Bound>>>(from: At, strict: T): T {
  const readers = Object.fromEntries(Object.keys(strict).map((key) => [key, boundOf])) as Readers<T>
  return optionsOf(from, readers, strict)
}

function boundOf(from: At): Bound {
  const bound = ([0, 1, null] as const).find((one) => one === from.value)
  if (bound === undefined) throw wrong(from, '0, 1 or null')
  return bound
}

export function chipsOf(from: At): SnpPolicy['chips'] {
  const readers: Readers<SnpPolicy['chips']> = {
    mode: (value) => wordOf(value, chipModes),
    sha256: (value) => each(value, (one) => digestOf(one)),
  }
  return optionsOf(from, readers, strictSnp.chips)
}

function measurementOf(from: At, defaults: EntryDefaults): Measurement {
  const readers: Readers<Measurement> = {
    digest: (value) => digestOf(value, 48),
    minGuestSvn: (value) => integerOf(value, 0, 0xffff_ffff),
    notAfter: timeOf,
    hostData: (value) => digestOf(value),
    build: buildOf,
  }
  return optionsOf(from, readers, defaults)
}

/** `sha256:` and the digest, so that nobody takes it for the measurement. */
export function buildOf(from: At): string {
  const [, digest = ''] = /^sha256:([0-9a-f]{64})$/.exec(textOf(from)) ?? []
  if (digest === '') throw wrong(from, 'sha256: and 32 bytes in lower-case hex')
  return digest
}

function keyDigestsOf(from: At): readonly string[] {
  return each(from, (one) => digestOf(one, 48))
}

export function each<T>(from: At, read: (value: At) => T): readonly T[] {
  return every(listOf(from, maxEntries).map((one) => () => read(one)))
}

function flagOf(from: At): boolean {
  if (typeof from.value !== 'boolean') throw wrong(from, 'true or false')
  return from.value
}

export function orNull<T>(from: At, read: (value: At) => T): T | null {
  return from.value === null ? null : read(from)
}
