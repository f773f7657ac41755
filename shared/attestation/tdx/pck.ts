/**
 * What Intel says of a platform, in one extension of its certificate: which platform, how old its microcode, which PCE.
 * Intel SGX PCK Certificate and CRL Profile, 1.3.5; attestation.md a.4; check 8.
 */
import { hex, type Bytes } from '../../bytes.ts'
import { Refusal, refuseAs } from '../../refusal.ts'
import { DerReader, readDer, tags } from '../der.ts'
import type { Certificate } from '../x509/certificate.ts'

export type PckClaims = {
  /** the platform; 16 bytes */
  readonly ppid: Bytes
  /** sixteen SVNs, of which Intel's TCB info says what they count */
  readonly components: readonly number[]
  readonly pceSvn: number
  /** lower-case hex */
  readonly pceId: string
  readonly fmspc: string
}

const arc = '1.2.840.113741.1.13.1'
const ids = {
  ppid: `${arc}.1`,
  tcb: `${arc}.2`,
  pceId: `${arc}.3`,
  fmspc: `${arc}.4`,
  sgxType: `${arc}.5`,
  platformInstance: `${arc}.6`,
  configuration: `${arc}.7`,
} as const
const mandatory = [ids.ppid, ids.tcb, ids.pceId, ids.fmspc, ids.sgxType]
/** Only where the platform has several sockets. */
const optional = [ids.platformInstance, ids.configuration]

const componentIds = Array.from({ length: 16 }, (_, index) => `${ids.tcb}.${index + 1}`)
const pceSvnId = `${ids.tcb}.17`
const cpuSvnId = `${ids.tcb}.18`

export function readPckClaims({ extensions }: Certificate): PckClaims {
  return refuseAs('leaf-extensions-refused', () => {
    const [extension, ...more] = extensions.filter(({ id }) => id === arc)
    if (extension === undefined || more.length > 0) throw unfit('not exactly one extension of Intel')
    const values = readDer(extension.value, (from) => readPairs(from, mandatory, optional))
    const tcb = readDer(valueOf(values, ids.tcb), (from) => readPairs(from, [...componentIds, pceSvnId, cpuSvnId], []))
    octets(tcb, cpuSvnId, 16)
    return {
      ppid: octets(values, ids.ppid, 16),
      components: componentIds.map((id) => counter(tcb, id, 0xff)),
      pceSvn: counter(tcb, pceSvnId, 0xffff),
      pceId: hex(octets(values, ids.pceId, 2)),
      fmspc: hex(octets(values, ids.fmspc, 6)),
    }
  })
}

type Pairs = ReadonlyMap<string, Bytes>

/** SEQUENCE OF SEQUENCE { id, value }: all of the mandatory ids, of the optional what there is, each once. */
function readPairs(whole: DerReader, mandatory: readonly string[], optional: readonly string[]): Pairs {
  const from = whole.enter(tags.sequence)
  const pairs = new Map<string, Bytes>()
  while (!from.done) {
    const [id, value] = readPair(from.enter(tags.sequence))
    if (pairs.has(id)) throw unfit(`${id} twice`)
    if (!mandatory.includes(id) && !optional.includes(id)) throw unfit(`${id} does not belong here`)
    pairs.set(id, value)
  }
  const missing = mandatory.find((id) => !pairs.has(id))
  if (missing !== undefined) throw unfit(`${missing} is missing`)
  return pairs
}

function readPair(from: DerReader): readonly [id: string, value: Bytes] {
  const id = from.objectId()
  const value = from.any().whole
  from.end()
  return [id, value]
}

function octets(pairs: Pairs, id: string, length: number): Bytes {
  const value = readDer(valueOf(pairs, id), (from) => from.octets())
  if (value.length !== length) throw unfit(`${id} of ${value.length} bytes`)
  return value
}

function counter(pairs: Pairs, id: string, max: number): number {
  return readDer(valueOf(pairs, id), (from) => from.small(max))
}

function valueOf(pairs: Pairs, id: string): Bytes {
  return pairs.get(id) ?? new Uint8Array(0)
}

function unfit(what: string): Refusal {
  return new Refusal('bad-encoding', what)
}
