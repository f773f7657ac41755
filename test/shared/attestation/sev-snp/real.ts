/** The real evidence that lives beside the project: entries of MANIFEST.json, and questions about them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Question } from '../../../../shared/attestation/judge.ts'
import { checkChain, readLeaf } from '../../../../shared/attestation/sev-snp/chain.ts'
import { readEndorsements } from '../../../../shared/attestation/sev-snp/pem.ts'
import { Proven } from '../../../../shared/attestation/proven.ts'
import { strictCrl, strictSnp, type SnpPolicy } from '../../../../shared/attestation/sev-snp/policy.ts'
import { products, type LeafKind, type Product } from '../../../../shared/attestation/sev-snp/products.ts'
import { hex, type Bytes } from '../../../../shared/bytes.ts'
import { sharedDir } from '../../../vectors/shared.ts'

export type Entry = {
  readonly file: string
  readonly kind: string
  readonly set: string
  readonly expected: {
    readonly product?: Product
    readonly leafKind?: LeafKind
    readonly evaluateAt?: string
    readonly strictPolicyFindings?: readonly string[]
    readonly mustReject?: string
    readonly chainValid?: boolean
    readonly signedBy?: string
    readonly staleAfter?: string
    readonly currentAskRevoked?: boolean
  }
  /** compared as they are; their types differ from kind to kind */
  readonly fields: Readonly<Record<string, unknown>>
}

const folder = join(sharedDir, 'evidence')
export const there = existsSync(join(folder, 'MANIFEST.json'))
if (!there) process.stderr.write(`skipped: no evidence at ${folder} (set SHARED_DIR)\n`)
export const text = (file: string) => readFileSync(join(folder, file), 'utf8')
export const read = (file: string): Bytes => Uint8Array.from(readFileSync(join(folder, file)))
const entries = there ? (JSON.parse(text('MANIFEST.json')) as { entries: readonly Entry[] }).entries : []
export const of = (kind: string, folderName: string) =>
  entries
    .filter((entry) => entry.kind === kind && entry.file.startsWith(folderName))
    .map((entry) => [entry.file, entry] as const)

/** When every list in the evidence held and every leaf was alive. */
const listsHeld = Date.parse('2025-09-10T00:00:00Z')
export const reports = of('snp-report', 'snp/').filter(([, { expected }]) => expected.leafKind !== undefined)
/** With all that the judge needs; nobody stored Turin's revocation list. */
export const whole = reports.filter(([, { expected }]) => expected.product !== 'Turin')

export function issuersOf(product: Product, kind: LeafKind): string {
  const vcek = product === 'Turin' ? '_vcek' : ''
  return text(`amd/ask_ark_${product.toLowerCase()}${kind === 'VLEK' ? '_vlek' : vcek}.pem`)
}

export function endorsementsOf({ file, expected: { product = 'Milan', leafKind = 'VCEK' } }: Entry): readonly Bytes[] {
  const leaf = hex(read(file.replace('.report.bin', `.${leafKind.toLowerCase()}.der`)))
  const list = `amd/crl_${product.toLowerCase()}.pem`
  const lists = existsSync(join(folder, list)) ? [text(list)] : []
  return readEndorsements([leaf, issuersOf(product, leafKind), ...lists])
}

/** What a policy must bear so that the chain and the signature alone decide. */
export const lax: SnpPolicy = {
  ...strictSnp,
  products: ['Milan', 'Genoa', 'Turin'],
  reportVersions: [2, 3, 4, 5],
  allowVlek: true,
  vmpl: [0, 1],
  allowProvisional: true,
  chips: { mode: 'any', sha256: [] },
  guestPolicy: { ...strictSnp.guestPolicy, debug: 1, smt: 1 },
  platform: { ...strictSnp.platform, smt: null, aliasCheck: null },
}

export function question(entry: Entry, snp: Partial<SnpPolicy> = {}, now = listsHeld): Question {
  const report = read(entry.file)
  const measurements = [{ digest: hex(report.subarray(0x90, 0xc0)), minGuestSvn: 0, notAfter: Infinity }]
  return {
    evidence: { kind: 'sev-snp', report, endorsements: endorsementsOf(entry), collateral: null },
    expected: { reportData: report.slice(0x50, 0x90) },
    policy: { role: 'test', snp: { ...lax, measurements, ...snp }, collateral: strictCrl },
    trust: { use: 'development', vendorRoots: Object.values(products).map(({ root }) => root), chips: 'any' },
    now,
  }
}

/** The pieces of the judge without the revocation list, for evidence whose list is not at hand. */
export async function chainOf(endorsements: readonly Bytes[], kind: LeafKind, now: number) {
  const vendorRoots = Object.values(products).map(({ root }) => root)
  return checkChain(readLeaf(endorsements), { endorsements, kind, vendorRoots, now, skew: 0, proven: new Proven() })
}

/** Only these keys of an object. */
export function pick(from: object, names: string): object {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.split(' ').includes(name)))
}
