/**
 * A capture file as tcpdump writes it, with packets in Linux's own framing (LINKTYPE_LINUX_SLL2), which says on which
 * interface a packet was and whether it came or went. draft-ietf-opsawg-pcap; https://www.tcpdump.org/linktypes/.
 */

/** One packet, from its network layer on. */
export type Frame = {
  /** milliseconds since 1970 */
  readonly at: number
  /** EtherType, such as 0x0800 */
  readonly protocol: number
  /** index of the interface in its namespace */
  readonly interface: number
  /** this host sent it */
  readonly outgoing: boolean
  /** on the interface by which a host talks to itself */
  readonly loopback: boolean
  readonly octets: Buffer
  /** not all of it was kept */
  readonly cut: boolean
}

/** By magic number: units of a second in which the second time field counts. */
const units: ReadonlyMap<number, number> = new Map([
  [0xa1b2c3d4, 1e6],
  [0xa1b23c4d, 1e9],
])
const sll2 = 276
const fileHeader = 24
const recordHeader = 16
const sll2Header = 20
const outgoing = 4
const loopback = 772

/** A last record that is not whole yet is left for the next time. Throws TypeError for what is no such file. */
export function readPcap(file: Buffer): Frame[] {
  if (file.length < fileHeader) return []
  const unit = units.get(file.readUInt32LE(0))
  if (unit === undefined) throw new TypeError('no pcap file of this machine’s byte order')
  const link = file.readUInt32LE(20)
  if (link !== sll2) throw new TypeError(`packets in framing ${String(link)}, not ${String(sll2)} (LINUX_SLL2)`)
  const out: Frame[] = []
  for (let at = fileHeader; at + recordHeader <= file.length;) {
    const kept = file.readUInt32LE(at + 8)
    const end = at + recordHeader + kept
    if (end > file.length) break
    const time = file.readUInt32LE(at) * 1000 + (file.readUInt32LE(at + 4) * 1000) / unit
    if (kept >= sll2Header) out.push(frameOf(time, file.subarray(at + recordHeader, end), file.readUInt32LE(at + 12)))
    at = end
  }
  return out
}

function frameOf(at: number, record: Buffer, whole: number): Frame {
  return {
    at,
    protocol: record.readUInt16BE(0),
    interface: record.readUInt32BE(4),
    outgoing: record.readUInt8(10) === outgoing,
    loopback: record.readUInt16BE(8) === loopback,
    octets: record.subarray(sll2Header),
    cut: record.length < whole,
  }
}
