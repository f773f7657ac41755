/** The real SEV-SNP evidence of MANIFEST.json, and questions about it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Question } from '../../../../shared/attestation/judge.ts'
import { checkChain, readLeaf } from '../../../../shared/attestation/sev-snp/chain.ts'
import { readEndorsements } from '../../../../shared/attestation/sev-snp/pem.ts'
import { Proven } from '../../../../shared/attestation/proven.ts'
import { strictCrl, strictSnp, type SnpPolicy } from '../../../../shared/attestation/sev-snp/policy.ts'
import { products, type LeafKind, type Product } from '../../../../shared/attestation/sev-snp/products.ts'
import { hex, type Bytes } from '../../../../shared/bytes.ts'
import { folder, of, read, text, type Entry } from '../manifest.ts'

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
