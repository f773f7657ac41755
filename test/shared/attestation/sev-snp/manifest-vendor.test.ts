/** AMD's own certificates and lists: every such entry of evidence/MANIFEST.json gives the result that it states. */
import { describe, expect, test } from 'vitest'
import { judge } from '../../../../shared/attestation/judge.ts'
import { readLeaf } from '../../../../shared/attestation/sev-snp/chain.ts'
import { readLeafClaims } from '../../../../shared/attestation/sev-snp/leaf.ts'
import { commonName } from '../../../../shared/attestation/sev-snp/name.ts'
import { readPem } from '../../../../shared/attestation/pem.ts'
import { products } from '../../../../shared/attestation/sev-snp/products.ts'
import { readReport } from '../../../../shared/attestation/sev-snp/report.ts'
import { isPss, signedBy } from '../../../../shared/attestation/sev-snp/signatures.ts'
import { counted } from '../../../../shared/attestation/sev-snp/tcb.ts'
import { importKey } from '../../../../shared/attestation/signatures.ts'
import { readCertificate, type Certificate } from '../../../../shared/attestation/x509/certificate.ts'
import { readCrl } from '../../../../shared/attestation/x509/crl.ts'
import { hex } from '../../../../shared/bytes.ts'
import { codeOf } from '../../tlog/code-of.ts'
import { of, pick, read, text, there, type Entry } from '../manifest.ts'
import { chainOf, issuersOf, question, whole } from './real.ts'
import { digestOf } from '../values.ts'

describe.skipIf(!there)('AMD', () => {
  test.each(of('amd-ca-chain', 'amd/'))(
    '%s: names, serials, digests and signatures as stated',
    async (file, { fields }) => {
      const [ask, ark] = readPem(text(file)).map(readCertificate) as [Certificate, Certificate]
      expect({
        ...{
          askCN: commonName(ask.subject),
          askSerial: ask.serial,
          askSha256: digestOf(ask.der),
          askSpkiSha256: digestOf(ask.spki),
        },
        ...{
          arkCN: commonName(ark.subject),
          arkSerial: ark.serial,
          arkSha256: digestOf(ark.der),
          arkSpkiSha256: digestOf(ark.spki),
        },
      }).toEqual(pick(fields, 'askCN askSerial askSha256 askSpkiSha256 arkCN arkSerial arkSha256 arkSpkiSha256'))
      expect([ask.notAfter, ark.notAfter]).toEqual(
        [fields['askNotAfter'], fields['arkNotAfter']].map((end) => Date.parse(String(end))),
      )
      expect([isPss(ask), isPss(ark)]).toEqual([true, true])
      const rootKey = await importKey('rsa-pss-sha384', ark.spki)
      expect([await signedBy(rootKey, ark), await signedBy(rootKey, ask)]).toEqual([true, true])
      expect(Object.values(products).map(({ root }) => root)).toContain(digestOf(ark.der))
    },
  )

  test.each(of('amd-crl', 'amd/'))(
    '%s: signed by its root, with the stated times, number and serials',
    async (file, entry) => {
      const [list] = readPem(text(file))
      const crl = readCrl(list ?? new Uint8Array(0), 1024)
      const [ask, ark] = readPem(text(`amd/ask_ark_${file.includes('genoa') ? 'genoa' : 'milan'}.pem`)).map(
        readCertificate,
      )
      const compact = (time: number) => new Date(time).toISOString().replace(/[-:T]|\.000/g, '')
      expect(pick(entry.fields, 'thisUpdate nextUpdate revokedSerials')).toEqual({
        thisUpdate: compact(crl.thisUpdate),
        nextUpdate: compact(crl.nextUpdate),
        revokedSerials: crl.serials,
      })
      expect(Number(`0x${String(entry.fields['crlNumber'])}`)).toBe(crl.number)
      expect(
        isPss(crl) && (await signedBy(await importKey('rsa-pss-sha384', ark?.spki ?? new Uint8Array(0)), crl)),
      ).toBe(true)
      expect(crl.serials.includes(ask?.serial ?? '')).toBe(entry.expected.currentAskRevoked)
    },
  )

  test.each(of('amd-crl', 'amd/'))('%s: refused once it is stale', async (_, entry) => {
    const product = entry.set.includes('genoa') ? 'Genoa' : 'Milan'
    const report = whole.find(
      ([, { expected }]) => expected.product === product && expected.leafKind === 'VCEK',
    )?.[1] as Entry
    const stale = (entry.expected.staleAfter ?? '').replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')
    expect(await codeOf(() => judge(question(report, {}, Date.parse(stale))))).toBe('accepted')
    expect(await codeOf(() => judge(question(report, {}, Date.parse(stale) + 1)))).toBe('crl-expired')
  })
})

describe.skipIf(!there)('leaves', () => {
  const leaves = [...of('vcek-cert', 'snp/'), ...of('vlek-cert', 'snp/')]
  test.each(leaves.filter(([, { expected }]) => expected.chainValid === true))(
    '%s: as stated',
    async (file, { fields, expected }) => {
      const kind = file.includes('.vlek.') ? 'VLEK' : 'VCEK'
      const row = Object.values(products).find(({ name }) => expected.signedBy?.endsWith(name)) ?? products.Milan
      const endorsements = [read(file), ...readPem(issuersOf(row.name, kind))]
      const { leaf } = await chainOf(endorsements, kind, Date.parse(String(fields['notBefore'])))
      const { productName, tcb, hwid, cspId } = readLeafClaims(leaf, kind, row)
      expect({
        ...{ product: productName, tcb: counted(tcb, row) },
        ...(hwid === undefined ? {} : { hwid: hex(hwid) }),
        ...(cspId === undefined ? {} : { cspId }),
        oids: leaf.extensions.map(({ id }) => id),
      }).toEqual(pick(fields, 'product tcb hwid cspId oids'))
      expect(leaf.notAfter).toBe(Date.parse(String(fields['notAfter'])))
    },
  )

  test.each(leaves.filter(([, { expected }]) => expected.chainValid === false))(
    '%s: it parses, and its chain is refused',
    async (file, { fields }) => {
      const leaf = readLeaf([read(file)])
      const { productName, hwid } = readLeafClaims(leaf, 'VCEK', products.Milan)
      expect({ product: productName, hwid: hex(hwid ?? new Uint8Array(0)) }).toEqual(pick(fields, 'product hwid'))
      const endorsements = [read(file), ...readPem(issuersOf('Milan', 'VCEK'))]
      expect(await codeOf(() => chainOf(endorsements, 'VCEK', leaf.notBefore))).toBe('bad-chain')
    },
  )

  test.each(of('azure-hcl-report', 'azure/snp'))(
    '%s: the report inside is signed and its chain holds',
    async (file) => {
      const report = readReport(read(file).subarray(32, 32 + 1184))
      const leaf = read(file.replace('.hcl.bin', '.vcek.der'))
      const product = file.includes('genoa') ? 'Genoa' : 'Milan'
      const { notBefore } = readCertificate(leaf)
      const { key } = await chainOf([leaf, ...readPem(issuersOf(product, 'VCEK'))], 'VCEK', notBefore)
      expect(await key.verifies(report.signature, report.signed)).toBe(true)
    },
  )
})
