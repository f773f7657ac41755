/**
 * What AMD says of a key, in the extensions of its certificate: product, firmware levels, and the chip or the cloud
 * provider. Exactly the set that belongs to product and kind, each once and none critical. attestation.md a.3; check 8.
 */
import type { Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import { readDer, tags } from '../der.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { LeafKind, ProductRow, TcbPart } from './products.ts'
import type { Tcb } from './tcb.ts'

export type LeafClaims = {
  /** as the certificate says it: `Milan-B0`, `Genoa` */
  readonly productName: string
  readonly tcb: Tcb
  /** VCEK: the chip; 64 bytes, 8 on Turin */
  readonly hwid: Bytes | undefined
  /** VLEK: the provider */
  readonly cspId: string | undefined
}

const arc = '1.3.6.1.4.1.3704.1'
const ids = { structVersion: `${arc}.1`, productName: `${arc}.2`, hwid: `${arc}.4`, cspId: `${arc}.5` } as const
const counters: Readonly<Record<TcbPart, string>> = {
  bl: `${arc}.3.1`,
  tee: `${arc}.3.2`,
  snp: `${arc}.3.3`,
  spl4: `${arc}.3.4`,
  spl5: `${arc}.3.5`,
  spl6: `${arc}.3.6`,
  spl7: `${arc}.3.7`,
  ucode: `${arc}.3.8`,
  fmc: `${arc}.3.9`,
}

export function readLeafClaims(leaf: Certificate, kind: LeafKind, row: ProductRow): LeafClaims {
  return refuseAs('leaf-extensions-refused', () => {
    const values = valuesOf(leaf, kind, row)
    const read = (id: string): Bytes => values.get(id) ?? new Uint8Array(0)
    const counter = (id: string): number => readDer(read(id), (from) => from.small(255))
    if (counter(ids.structVersion) !== row.structVersion) throw unfit('another structure version')
    return {
      productName: readDer(read(ids.productName), (from) => from.ia5()),
      tcb: Object.fromEntries(row.layout.map((part) => [part, counter(counters[part])])),
      hwid: kind === 'VCEK' ? readHwid(read(ids.hwid), row) : undefined,
      cspId: kind === 'VLEK' ? readDer(read(ids.cspId), (from) => from.ia5()) : undefined,
    }
  })
}

/** `Milan-B0` names a stepping of Milan; VLEK certificates have none to name. */
export function isNameOf(productName: string, { name }: ProductRow): boolean {
  return (
    productName === name ||
    (productName.startsWith(`${name}-`) && /^[A-Z][0-9]$/.test(productName.slice(name.length + 1)))
  )
}

function valuesOf({ extensions }: Certificate, kind: LeafKind, row: ProductRow): ReadonlyMap<string, Bytes> {
  const owner = kind === 'VCEK' ? ids.hwid : ids.cspId
  const expected = [ids.structVersion, ids.productName, ...row.layout.map((part) => counters[part]), owner]
  const values = new Map(extensions.map(({ id, value }) => [id, value]))
  if (values.size !== extensions.length) throw unfit('an extension twice')
  if (extensions.some(({ critical }) => critical)) throw unfit('a critical extension')
  const strange = extensions.find(({ id }) => !expected.includes(id))
  if (strange !== undefined) throw unfit(`${strange.id} does not belong here`)
  const missing = expected.find((id) => !values.has(id))
  if (missing !== undefined) throw unfit(`${missing} is missing`)
  return values
}

/** Some certificates hold the bytes as they are, others inside an OCTET STRING. */
function readHwid(value: Bytes, { hwidLength }: ProductRow): Bytes {
  const hwid = value.length === hwidLength ? value : readDer(value, (from) => from.element(tags.octetString).content)
  if (hwid.length !== hwidLength) throw unfit('a hardware id of another length')
  return hwid
}

function unfit(what: string): Refusal {
  return new Refusal('bad-encoding', what)
}
