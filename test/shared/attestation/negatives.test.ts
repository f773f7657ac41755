/**
 * The list of what the judge must refuse (attestation-negatives.md), line by line: for every negative of its sections on
 * encoding, chain, platform and TDX the cases that show it, each refusing with its own code. That the cases refuse as they
 * say is shown where they run; here it is shown that none is missing.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from '../../house/walk.ts'
import { sharedDir } from '../../vectors/shared.ts'
import { chainCases as snpChain } from './sev-snp/cases-chain.ts'
import { encodingCases as snpEncoding } from './sev-snp/cases-encoding.ts'
import { platformCases as snpPlatform } from './sev-snp/cases-platform.ts'
import { chainCases as tdxChain } from './tdx/cases-chain.ts'
import { collateralCases } from './tdx/cases-collateral.ts'
import { guestCases } from './tdx/cases-guest.ts'
import { platformCases as tdxPlatform } from './tdx/cases-platform.ts'
import { quoteCases } from './tdx/cases-quote.ts'

const cases = {
  snp: [...snpEncoding, ...snpChain, ...snpPlatform],
  tdx: [...quoteCases, ...tdxChain, ...collateralCases, ...tdxPlatform, ...guestCases],
} as const

/** A case by its code and title, or words of a test that stands in another file. */
type Shown =
  readonly [where: 'snp' | 'tdx', code: string, title: string] | readonly [where: 'file', file: string, words: string]

const everyBit = 'no single bit of the report can change and stay accepted'

const encoding: Readonly<Record<string, readonly Shown[]>> = {
  'flipped measurement bit': [['snp', 'bad-signature', 'a flipped bit of the measurement']],
  'report_data replaced': [['snp', 'bad-signature', 'report_data replaced']],
  'TCB raised': ['bl', 'tee', 'snp', 'ucode'].map((name) => ['snp', 'tcb-mismatch', `${name} of the report raised`]),
  'zero signature': [['snp', 'bad-signature', 'a zero signature']],
  'padding of r or s': [
    ['snp', 'reserved-not-zero', 'in the padding of r'],
    ['snp', 'reserved-not-zero', 'in the padding of s'],
  ],
  'any byte of the unsigned tail': [
    ['snp', 'reserved-not-zero', 'in the unsigned tail'],
    ['snp', 'reserved-not-zero', 'in the last byte of the unsigned tail'],
    ['file', 'sev-snp/judge.test.ts', everyBit],
  ],
  'one byte short, one long': [
    ['snp', 'bad-evidence', 'one byte short'],
    ['snp', 'bad-evidence', 'one byte long'],
  ],
  'unknown version': [['snp', 'report-version-refused', 'version 6']],
  'wrong signature algorithm': [['snp', 'report-algorithm-refused', 'signature algorithm 2']],
  'signing key "none"': [['snp', 'signing-key-refused', 'signing key none']],
  'reserved policy bits': [
    ['snp', 'reserved-not-zero', 'in POLICY'],
    ['snp', 'reserved-not-zero', 'in the highest bit of POLICY'],
  ],
  'signature in the other endianness or as DER': [
    ['snp', 'bad-signature', 'r and s in the other endianness'],
    ['snp', 'reserved-not-zero', 'a signature as DER'],
  ],
  'P-256 or RSA leaf': [
    ['snp', 'certificate-key-refused', 'a leaf on P-256'],
    ['snp', 'certificate-key-refused', 'a leaf with RSA'],
  ],
  'sloppy base64': [['file', 'evidence.test.ts', 'sloppy base64']],
  'oversized bundle': [
    ['file', 'bundle.test.ts', 'over 4 MiB: body-too-large, made or received'],
    ['snp', 'bad-evidence', 'an oversized endorsement'],
  ],
  'duplicate or out-of-range AMD extension': [
    ['snp', 'leaf-extensions-refused', 'a duplicate'],
    ['snp', 'leaf-extensions-refused', 'a counter above 255'],
    ['snp', 'leaf-extensions-refused', 'a negative counter'],
  ],
}

const chain: Readonly<Record<string, readonly Shown[]>> = {
  'same-name PKI with another root': [['snp', 'vendor-root-unknown', 'the same names under another root']],
  'missing ARK': [['snp', 'chain-incomplete', 'no ARK']],
  'ASK or leaf of another product': [
    ['snp', 'certificate-name-mismatch', 'an ASK of another product'],
    ['snp', 'certificate-name-mismatch', 'a leaf of another product'],
  ],
  'VLEK chain for a VCEK report and the reverse': [
    ['snp', 'certificate-name-mismatch', 'a VLEK chain for a VCEK report'],
    ['snp', 'certificate-name-mismatch', 'a VCEK chain for a VLEK report'],
  ],
  'leaf expired or not yet valid': [
    ['snp', 'certificate-expired', 'a leaf that ended'],
    ['snp', 'certificate-not-yet-valid', 'a leaf from the future'],
  ],
  'revoked ASK': [['snp', 'issuer-revoked', 'the ASK in the list']],
  'CRL stale, missing, of another product, badly signed, or older than one already seen': [
    ['snp', 'crl-expired', 'a stale list'],
    ['snp', 'crl-missing', 'no list'],
    ['snp', 'crl-issuer-mismatch', 'a list of another product'],
    ['snp', 'crl-signature-refused', 'a list that the ASK signed'],
    ['snp', 'crl-rolled-back', 'a list older than one already seen'],
  ],
  'weaker signature algorithm in the chain': [
    ['snp', 'certificate-algorithm-refused', 'a leaf with SHA-256'],
    ['snp', 'certificate-algorithm-refused', 'an ASK with PKCS #1 v1.5'],
    ['snp', 'certificate-algorithm-refused', 'a root with SHA-256'],
  ],
  'CA bit on a leaf': [['snp', 'certificate-role-refused', 'a leaf with the CA bit']],
  'trailing bytes in DER': [
    ['snp', 'bad-leaf', 'bytes behind the leaf'],
    ['snp', 'bad-issuer', 'bytes behind the ASK'],
    ['snp', 'bad-crl', 'bytes behind the list'],
  ],
  'two certificates where one is expected': [['snp', 'bad-leaf', 'two leaves in one']],
  'no leaf': [['snp', 'leaf-missing', 'no endorsements']],
}

const platform: Readonly<Record<string, readonly Shown[]>> = {
  DEBUG: [['snp', 'debug-allowed', 'DEBUG']],
  'migration agent': [
    ['snp', 'migration-allowed', 'a migration agent allowed'],
    ['snp', 'migration-allowed', 'a migration agent there'],
  ],
  VMPL: [
    ['snp', 'vmpl-refused', 'another privilege level'],
    ['snp', 'vmpl-refused', 'asked for by the host'],
  ],
  SMT: [
    ['snp', 'smt-allowed', 'SMT borne and on'],
    ['snp', 'smt-enabled', 'SMT on, though the guest bears none'],
  ],
  'alias check': [['snp', 'alias-check-missing', 'no alias check']],
  CXL: [['snp', 'cxl-allowed', 'CXL']],
  'ciphertext hiding when required': [
    ['snp', 'ciphertext-hiding-missing', 'ciphertext hiding demanded'],
    ['snp', 'ciphertext-hiding-off', 'ciphertext hiding demanded'],
  ],
  'firmware or TCB below the floor': [
    ['snp', 'firmware-too-old', 'a build below the floor'],
    ['snp', 'tcb-too-low', 'snp of the certificate below the floor'],
  ],
  'provisional firmware': [['snp', 'firmware-provisional', 'microcode that is not committed']],
  'product, VLEK or masked chip id not allowed': [
    ['snp', 'product-refused', 'Turin where policy names Genoa'],
    ['snp', 'vlek-refused', 'a provider key, unasked'],
    ['snp', 'chip-masked', 'a masked chip'],
  ],
  'chip not in the list': [['snp', 'chip-refused', 'a chip that is not in the list']],
  "Turin read with Milan's TCB layout": [['snp', 'tcb-mismatch', "Turin with Milan's layout"]],
  'mitigation bits': [
    ['snp', 'mitigation-missing', 'at launch'],
    ['snp', 'mitigation-missing', 'now'],
  ],
  'guest SVN': [['snp', 'guest-svn-too-low', 'an older image']],
  HOST_DATA: [['snp', 'host-data-refused', 'settings that nobody expects']],
  'ID key digest': [['snp', 'id-key-refused', 'another ID key']],
}

const tdx: Readonly<Record<string, readonly Shown[]>> = {
  DEBUG: [['tdx', 'debug-allowed', 'DEBUG']],
  'SEPT_VE_DISABLE off': [['tdx', 'sept-ve-disable-missing', 'SEPT_VE_DISABLE off']],
  'TCB out of date or no level matching': [
    ['tdx', 'tcb-status-refused', 'a platform that is out of date'],
    ['tdx', 'tcb-status-refused', 'a module that is out of date'],
    ['tdx', 'tcb-status-refused', 'a quoting enclave that is out of date'],
    ['tdx', 'tcb-unsupported', 'no level at all'],
  ],
  'collateral expired, rolled back, re-serialised or for another FMSPC': [
    ['tdx', 'collateral-expired', 'stale ratings'],
    ['tdx', 'collateral-rolled-back', 'a round older than one already seen'],
    ['tdx', 'collateral-signature-refused', 'tcb_info written anew'],
    ['tdx', 'collateral-signature-refused', 'qe_identity written anew'],
    ['tdx', 'collateral-mismatch', 'ratings of another FMSPC'],
  ],
  'QE report-data not binding the key': [['tdx', 'attestation-key-unbound', 'a key that the enclave does not name']],
  'revoked PCK': [['tdx', 'leaf-revoked', 'the platform']],
  'bytes after the signature': [['tdx', 'reserved-not-zero', 'a byte after the signature']],
  'lying body_size': [['tdx', 'bad-evidence', 'a body_size of 584 for 648 bytes']],
}

const sections = { Encoding: encoding, Chain: chain, Platform: platform, TDX: tdx } as const
const all = Object.entries(sections).flatMap(([section, negatives]) =>
  Object.entries(negatives).flatMap(([negative, shown]) => shown.map((one) => [section, negative, one] as const)),
)

test.each(all)('%s: %s: %j', (_, __, [where, what, words]) => {
  if (where === 'file') {
    expect(readFileSync(join(root, 'test/shared/attestation', what), 'utf8')).toContain(words)
    return
  }
  expect(cases[where].filter(([code, title]) => code === what && title === words)).toHaveLength(1)
})

test('no case stands twice, so each shows one thing', () => {
  for (const list of Object.values(cases)) {
    const names = list.map(([code, title]) => `${code}: ${title}`)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  }
})

const page = join(sharedDir, 'design/attestation-negatives.md')
if (!existsSync(page)) process.stderr.write(`skipped: no list of negatives at ${page} (set SHARED_DIR)\n`)

describe.skipIf(!existsSync(page))('the list itself', () => {
  test.each(Object.entries(sections))(
    '%s: every negative of the page has its row, and no row is of nothing',
    (name, rows) => {
      const [, line = ''] = new RegExp(`^${name}: (.*)\\.$`, 'm').exec(readFileSync(page, 'utf8')) ?? []
      expect(Object.keys(rows).toSorted()).toEqual(line.split('; ').toSorted())
    },
  )
})
