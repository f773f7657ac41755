/** The processor below the kernel: fills in reports and quotes, and signs them with keys of these tests. attestation.md a.1, a.4. */
import { createPrivateKey, sign } from 'node:crypto'
import { type Bytes, fromBase64 } from '../../../../shared/bytes.ts'

/** As it travels between processes. `template`: a whole report of which only what is asked for is changed. */
export type ChipParts =
  | { readonly kind: 'sev-snp'; readonly template: string; readonly key: string; readonly hostData: string }
  | { readonly kind: 'tdx'; readonly template: string; readonly key: string; readonly mrConfigId: string }

export type Chip = (asked: {
  readonly inblob: Bytes
  readonly level: number
  /** base64, where it is not the chip's own */
  readonly configuration: string | null
}) => Bytes

export function chipOf(parts: ChipParts): Chip {
  return parts.kind === 'sev-snp' ? snpChip(parts) : tdxChip(parts)
}

function snpChip({ template, key, hostData }: ChipParts & { kind: 'sev-snp' }): Chip {
  const leaf = createPrivateKey(key)
  return ({ inblob, level, configuration }) => {
    const report = fromBase64(template)
    report.set(inblob, 0x50)
    report.set(fromBase64(configuration ?? hostData), 0xc0)
    report[0x30] = level
    const signature = sign('sha384', report.subarray(0, 0x2a0), { key: leaf, dsaEncoding: 'ieee-p1363' })
    report.set(Uint8Array.from(signature.subarray(0, 48)).reverse(), 0x2a0)
    report.set(Uint8Array.from(signature.subarray(48)).reverse(), 0x2e8)
    return report
  }
}

/** Where the body of a quote of version 5 begins and ends; then a length, then the signature. */
const [body, end] = [54, 54 + 648]

function tdxChip({ template, key, mrConfigId }: ChipParts & { kind: 'tdx' }): Chip {
  const attestation = createPrivateKey(key)
  return ({ inblob, configuration }) => {
    const quote = fromBase64(template)
    quote.set(fromBase64(configuration ?? mrConfigId), body + 184)
    quote.set(inblob, body + 520)
    quote.set(sign('sha256', quote.subarray(0, end), { key: attestation, dsaEncoding: 'ieee-p1363' }), end + 4)
    return quote
  }
}
