/** The real evidence that lives beside the project: entries of MANIFEST.json. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LeafKind, Product } from '../../../shared/attestation/sev-snp/products.ts'
import type { Bytes } from '../../../shared/bytes.ts'
import { sharedDir } from '../../vectors/shared.ts'

export type Entry = {
  readonly file: string
  readonly kind: string
  readonly set: string
  /** for each kind of entry its own */
  readonly expected: {
    readonly strictPolicyFindings?: readonly string[]
    readonly mustReject?: string
    readonly product?: Product
    readonly leafKind?: LeafKind
    readonly evaluateAt?: string
    readonly chainValid?: boolean
    readonly signedBy?: string
    readonly staleAfter?: string
    readonly currentAskRevoked?: boolean
    readonly attestationKeySignature?: boolean
    readonly trailingAllZero?: boolean
    readonly tcbStatus?: string
    readonly moduleStatus?: string
    readonly qeStatus?: string
    readonly validWindow?: string
    readonly tcbStatusFor?: Readonly<Record<string, string>>
    readonly signatureByIntelTcbSigning?: boolean
    readonly stale?: boolean
  }
  /** compared as they are; their types differ from kind to kind */
  readonly fields: Readonly<Record<string, unknown>>
}

export const folder = join(sharedDir, 'evidence')
export const there = existsSync(join(folder, 'MANIFEST.json'))
if (!there) process.stderr.write(`skipped: no evidence at ${folder} (set SHARED_DIR)\n`)
export const text = (file: string) => readFileSync(join(folder, file), 'utf8')
export const read = (file: string): Bytes => Uint8Array.from(readFileSync(join(folder, file)))
export const entries = there ? (JSON.parse(text('MANIFEST.json')) as { entries: readonly Entry[] }).entries : []
export const of = (kind: string, folderName: string) =>
  entries
    .filter((entry) => entry.kind === kind && entry.file.startsWith(folderName))
    .map((entry) => [entry.file, entry] as const)

/** Only these keys of an object. */
export function pick(from: object, names: string): object {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.split(' ').includes(name)))
}
