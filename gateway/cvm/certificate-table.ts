/**
 * The certificate table that a host hands to a SEV-SNP guest beside each report (auxblob): entries of GUID, offset and
 * length, a zero entry, then the certificates. AMD GHCB (56421), SNP extended guest request; attestation.md c.
 */
import { type Bytes, hex, Reader } from '../../shared/bytes.ts'
import { maxCertificate } from '../../shared/attestation/x509/certificate.ts'
import { Refusal, refuseAs } from '../../shared/refusal.ts'

/** Nearest to the report first. GUIDs lie in the table as their text reads. */
const known = [
  '63da758de6644564adc5f4b93be8accd', // VCEK
  'a8074bc2a25a483eaae639c045a0b8a1', // VLEK
  '4ab7b379bbac4fe4a02f05aef327c782', // ASK or ASVK
  'c0b406a4a803495297433fb6014cd0ae', // ARK
  '92f81bc358114d3d97ffd19f88dc67ea', // revocation list
] as const

type Entry = { readonly guid: string; readonly offset: number; readonly length: number }

const entryLength = 24
const maxEntries = 16

/**
 * The certificates that we know the use of, nearest first; an empty blob is a table without entries. Refuses
 * `bad-evidence` any table that is not exact: entries that reach outside, into the table or into one another, twice the
 * same, empty, or too long.
 */
export function readCertificateTable(blob: Bytes): readonly Bytes[] {
  if (blob.length === 0) return []
  const entries = refuseAs('bad-evidence', () => readEntries(new Reader(blob)))
  checkPlaces(entries, blob.length)
  return known.flatMap((guid) => {
    const entry = entries.find((one) => one.guid === guid)
    return entry === undefined ? [] : [blob.slice(entry.offset, entry.offset + entry.length)]
  })
}

function readEntries(from: Reader): readonly Entry[] {
  const entries: Entry[] = []
  for (;;) {
    const entry = { guid: hex(from.take(16)), offset: littleEndian(from), length: littleEndian(from) }
    if (/^0+$/.test(entry.guid)) {
      if (entry.offset !== 0 || entry.length !== 0) throw broken('a last entry that is not zero')
      return entries
    }
    if (entries.length === maxEntries) throw broken(`more than ${maxEntries} entries`)
    entries.push(entry)
  }
}

function checkPlaces(entries: readonly Entry[], end: number): void {
  if (new Set(entries.map(({ guid }) => guid)).size !== entries.length) throw broken('one GUID twice')
  let free = (entries.length + 1) * entryLength
  for (const { offset, length } of entries.toSorted((a, b) => a.offset - b.offset)) {
    if (length === 0 || length > maxCertificate) throw broken(`a certificate of ${length} bytes`)
    if (offset < free) throw broken('entries that overlap')
    if (offset + length > end) throw broken('a certificate outside the table')
    free = offset + length
  }
}

function littleEndian(from: Reader): number {
  return from.take(4).reduceRight((sum, octet) => sum * 256 + octet, 0)
}

function broken(what: string): Refusal {
  return new Refusal('bad-evidence', `certificate table: ${what}`)
}
