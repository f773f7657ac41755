/**
 * The list of what must be refused (attestation-negatives.md), line by line: for every negative the cases that show it,
 * each refusing with its own code. That the cases refuse as they say is shown where they run; here it is shown that none
 * is missing.
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
  | readonly [where: 'snp' | 'tdx', code: string, title: string]
  | readonly [where: 'file', file: string, words: string]
  | readonly [where: 'test', code: string, title: string, file: string]

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

const logged = 'shared/attestation/logged.test.ts'
const appraisal = 'shared/attestation/appraisal.test.ts'
const currentPolicy = 'shared/attestation/current-policy.test.ts'
const signedPolicy = 'shared/attestation/signed-policy.test.ts'

const log: Readonly<Record<string, readonly Shown[]>> = {
  'measurement not listed, denied, expired, or of another role': [
    ['snp', 'measurement-refused', 'not listed'],
    ['snp', 'measurement-denied', 'listed and denied'],
    ['snp', 'measurement-expired', 'its time ended'],
    ['snp', 'measurement-refused', 'listed for another role only'],
    ['tdx', 'measurement-refused', 'MRTD that is not listed'],
    ['tdx', 'measurement-denied', 'MRTD on the deny list'],
    ['tdx', 'measurement-expired', 'MRTD whose time ended'],
    ['test', 'role-refused', 'another role', logged],
    ['test', 'measurement-expired', 'it ends with its leaf: measurement-expired', logged],
  ],
  'no proof': [
    ['test', 'no-proof', 'no proof', logged],
    ['test', 'no-proof', 'without it: no-proof, or another leaf', appraisal],
  ],
  'proof for another leaf': [
    ['test', 'root-mismatch', 'a proof of an identity', logged],
    ['test', 'root-mismatch', 'the proof of the policy', logged],
  ],
  'damaged, short or long proof': [
    ['test', 'root-mismatch', 'a damaged hash', logged],
    ['test', 'proof-too-short', 'a hash less', logged],
    ['test', 'proof-too-long', 'a hash more', logged],
  ],
  'checkpoint by an unknown key, with another origin, older than one seen': [
    [
      'test',
      'unknown-log-key',
      'in a log that the root does not name: wrong-origin, or unknown-log-key under its name',
      logged,
    ],
    ['test', 'wrong-origin', 'elsewhere.example', logged],
    ['test', 'checkpoint-rolled-back', 'a larger tree seen', logged],
  ],
  'quorum not met': [
    ['test', 'quorum-not-met', 'a checkpoint without witnesses', logged],
    ['test', 'quorum-not-met', 'a checkpoint with one witness', logged],
  ],
  'one witness counted twice': [
    ['test', 'witness-repeated', 'one witness twice', logged],
    ['test', 'witness-repeated', 'one operator with two keys', 'shared/tlog/policy.test.ts'],
  ],
  'cosignature too old or from the future': [
    ['test', 'cosignature-too-old', 'after that', logged],
    [
      'test',
      'cosignature-from-future',
      'from the future, from a fork, or with a clock that must be wrong: refused',
      logged,
    ],
  ],
  '`extra` trusted': [
    ['test', 'root-mismatch', 'a proof of an identity whose extra line holds our leaf', logged],
    ['test', 'accepted', 'an extra line is nobody’s word and changes nothing', logged],
  ],
}

const link = 'gateway/binding.test.ts'
const roster = 'gateway/roster.test.ts'

const binding: Readonly<Record<string, readonly Shown[]>> = {
  'another nonce': [['test', 'binding-mismatch', "['nonce', { nonce: randomBytes(32) }]", link]],
  'a reused nonce': [
    ['test', 'binding-mismatch', 'evidence that was good on an earlier connection, shown again', link],
    ['test', 'toBe(4)', 'no nonce is asked twice', link],
  ],
  "another server's key": [['test', 'binding-mismatch', "['TLS key', {", link]],
  "another connection's exporter (a relay with a stolen TLS key)": [
    ['test', 'binding-mismatch', "['exporter', {", link],
    ['test', 'binding-mismatch', "a stolen TLS key does not help: the evidence is of the thief's own connection", link],
  ],
  'evidence of one kind offered as another': [
    ['test', 'binding-mismatch', 'evidence of a published key, offered for a link', link],
    ['test', 'binding-mismatch', 'evidence of a link, offered for a key: binding-mismatch', appraisal],
  ],
  'one extra unattested key in the list': [
    ['test', 'binding-mismatch', 'one unattested key among attested ones refuses them all', appraisal],
    ['test', 'bundle-mismatch', 'with a rider', appraisal],
  ],
  'the list re-ordered': [['test', 'bundle-mismatch', 'in another order', appraisal]],
  'anchor too old': [
    ['test', 'cosignature-too-old', 'one that is older, from the future, without a quorum, or none', appraisal],
  ],
  'key life over or too long': [
    ['test', 'key-expired', 'after it', appraisal],
    ['test', 'key-expired', 'of an hour and a second', appraisal],
  ],
  'all-zero report_data': [
    ['test', 'binding-mismatch', 'all-zero report_data: binding-mismatch', 'shared/attestation/judge.test.ts'],
    ['test', 'binding-mismatch', 'report_data of zeros: binding-mismatch', appraisal],
  ],
  'TLS 1.2 or a resumed session': [
    ['test', 'binding-mismatch', 'a peer that only speaks TLS 1.2 is refused', link],
    ['test', 'a resumed session', 'a resumed session is refused', link],
    ['test', 'old.closed', 'TLS 1.2 and plain text get nothing', 'gateway/cvm/agent.test.ts'],
  ],
  'policy rolled back, expired or badly signed': [
    ['test', 'rolled-back', 'a newer policy', currentPolicy],
    ['test', 'rolled-back', 'is the current one, or nothing counts', appraisal],
    ['test', 'policy-expired', 'over at this moment', signedPolicy],
    ['test', 'bad-signature', 'a changed text: bad-signature', signedPolicy],
    ['test', 'unsigned', 'one of three and a stranger', signedPolicy],
  ],
  're-attestation failing while requests are in flight': [
    ['test', 'evidence-unavailable', "withdrawn evidence: not ready within the verdict's life, streams end", roster],
  ],
  'evidence endpoint failing (no fallback)': [
    ['test', 'evidence-unavailable', 'of status 503', link],
    ['test', '503', 'withdrawn: 503, and the connection stays unattested', 'gateway/cvm/agent.test.ts'],
  ],
}

const sections = {
  Encoding: encoding,
  Chain: chain,
  Platform: platform,
  'Identity and log': log,
  Binding: binding,
  TDX: tdx,
} as const
const all = Object.entries(sections).flatMap(([section, negatives]) =>
  Object.entries(negatives).flatMap(([negative, shown]) => shown.map((one) => [section, negative, one] as const)),
)

test.each(all)('%s: %s: %j', (_, __, [where, what, words, file = '']) => {
  if (where === 'test') {
    expect(near(readFileSync(join(root, 'test', file), 'utf8'), words)).toContainEqual(expect.stringContaining(what))
    return
  }
  if (where === 'file') {
    expect(readFileSync(join(root, 'test/shared/attestation', what), 'utf8')).toContain(words)
    return
  }
  expect(cases[where].filter(([code, title]) => code === what && title === words)).toHaveLength(1)
})

/** From each place at which these words stand: the row, if it has a code of its own, or all up to the end of the test. */
function near(text: string, words: string): string[] {
  const [, ...rests] = text.split(words)
  return rests.map((rest) => {
    const row = rest.split(/\n {0,4}(?:test|\[|\]\))/, 1).join()
    return /'[a-z]+(-[a-z]+)+'/.test(row) ? row : rest.split(/\n {0,2}\}\)/, 1).join()
  })
}

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
      // That of the binding has no other sign than the comma, which its entries have inside as well.
      if (name === 'Binding') expect(Object.keys(rows).join(', ')).toBe(line)
      else expect(Object.keys(rows).toSorted()).toEqual(line.split('; ').toSorted())
    },
  )
})
