/** `snp` and `collateral` of a policy out of JSON: only known keys, those left out strict. attestation.md d.1. */
import { Refusal } from '../../refusal.ts'
import { at, digestOf, fieldsOf, integerOf, listOf, textOf, timeOf, wordOf, type At } from '../../tlog/json-fields.ts'
import {
  chipModes,
  strictCrl,
  strictSnp,
  type Bound,
  type ByProduct,
  type CrlPolicy,
  type SnpPolicy,
} from './policy.ts'
import { countedParts, productNames, products, type Product } from './products.ts'
import type { Firmware } from './report.ts'
import type { TcbFloor } from './tcb.ts'

const maxEntries = 1024

/** `minCvms` and `minChips` count machines, so they are for whoever chooses among several; here they are only known. */
const elsewhere = ['minCvms', 'minChips']

export function readSnpPolicy(from: At): SnpPolicy {
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
    measurements: (value) => listOf(value, maxEntries).map(measurementOf),
    deny: (value) => listOf(value, maxEntries).map((one) => digestOf(one, 48)),
    idKeys: (value) => orNull(value, keyDigestsOf),
    authorKeys: (value) => orNull(value, keyDigestsOf),
    familyId: (value) => orNull(value, (one) => digestOf(one, 16)),
    imageId: (value) => orNull(value, (one) => digestOf(one, 16)),
  }
  return read(from, readers, strictSnp, elsewhere)
}

export function readCrlPolicy(from: At): CrlPolicy {
  const readers: Readers<CrlPolicy> = {
    crlMaxAge: durationOf,
    crlGrace: durationOf,
    minCrlNumber: (value) => byProduct(value, (one) => integerOf(one)),
  }
  return read(from, readers, strictCrl, ['tdxMaxAge'])
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

type Readers<T> = { readonly [K in keyof T]-?: (value: At) => T[K] }

/** Every key is known; those left out come from `strict`. */
function read<T extends object>(from: At, readers: Readers<T>, strict: T, ignored: readonly string[] = []): T {
  const given = objectOf(from)
  const known = Object.keys(readers)
  const stranger = Object.keys(given).find((key) => !known.includes(key) && !ignored.includes(key))
  if (stranger !== undefined) throw wrong(at(given, `${from.path}.${stranger}`), 'a known key')
  const entries = (Object.keys(readers) as (keyof T & string)[])
    .filter((key) => Object.hasOwn(given, key))
    .map((key) => [key, readers[key](at(given[key], `${from.path}.${key}`))])
  return { ...strict, ...(Object.fromEntries(entries) as Partial<T>) }
}

function objectOf(from: At): Readonly<Record<string, unknown>> {
  const { value } = from
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(from, 'an object')
  return value as Readonly<Record<string, unknown>>
}

function byProduct<T>(from: At, read: (value: At, product: Product) => T): ByProduct<T> {
  const entries = Object.entries(objectOf(from)).map(([key, value]) => {
    const product = wordOf(at(key, `${from.path}.${key}`), productNames)
    return [product, read(at(value, `${from.path}.${key}`), product)] as const
  })
  return Object.fromEntries(entries)
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

function boundsOf<T extends Readonly<Record<string, Bound>>>(from: At, strict: T): T {
  const readers = Object.fromEntries(Object.keys(strict).map((key) => [key, boundOf])) as Readers<T>
  return read(from, readers, strict)
}

function boundOf(from: At): Bound {
  const bound = ([0, 1, null] as const).find((one) => one === from.value)
  if (bound === undefined) throw wrong(from, '0, 1 or null')
  return bound
}

function chipsOf(from: At): SnpPolicy['chips'] {
  const readers: Readers<SnpPolicy['chips']> = {
    mode: (value) => wordOf(value, chipModes),
    sha256: (value) => listOf(value, maxEntries).map((one) => digestOf(one)),
  }
  return read(from, readers, strictSnp.chips)
}

/** `build` names the build for people; nothing is decided by it here. */
function measurementOf(from: At): SnpPolicy['measurements'][number] {
  const { digest, ...others } = objectOf(from)
  const readers: Readers<Omit<SnpPolicy['measurements'][number], 'digest'>> = {
    minGuestSvn: (value) => integerOf(value, 0, 0xffff_ffff),
    notAfter: timeOf,
    hostData: (value) => digestOf(value),
  }
  const strict = { minGuestSvn: 0, notAfter: Infinity, hostData: undefined }
  return {
    digest: digestOf(at(digest, `${from.path}.digest`), 48),
    ...read(at(others, from.path), readers, strict, ['build']),
  }
}

function keyDigestsOf(from: At): readonly string[] {
  return listOf(from, maxEntries).map((one) => digestOf(one, 48))
}

function flagOf(from: At): boolean {
  if (typeof from.value !== 'boolean') throw wrong(from, 'true or false')
  return from.value
}

function orNull<T>(from: At, read: (value: At) => T): T | null {
  return from.value === null ? null : read(from)
}

function wrong(from: At, demand: string): Refusal {
  return new Refusal('bad-encoding', `${from.path} must be ${demand}`)
}
