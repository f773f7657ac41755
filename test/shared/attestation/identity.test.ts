/** The digest of an attested identity: every field of the tuple counts, for both kinds. trust.md 4. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { identityDigestOf } from '../../../shared/attestation/identity.ts'
import { judge } from '../../../shared/attestation/judge.ts'
import type { Identity, Question } from '../../../shared/attestation/verdict.ts'
import { hex } from '../../../shared/bytes.ts'
import * as snp from './sev-snp/forge.ts'
import * as tdx from './tdx/forge.ts'
import { bytes } from './values.ts'

/** u8 tag ‖ u16be length ‖ bytes, by hand. */
function digestOf(fields: readonly string[]): string {
  const hash = createHash('sha256')
  fields.forEach((field, index) => {
    const length = field.length / 2
    hash.update(Uint8Array.of(index + 1, length >> 8, length & 0xff)).update(field, 'hex')
  })
  return hash.digest('hex')
}

const role = Buffer.from('orchestrator-cvm').toString('hex')
async function identityOf(question: Question): Promise<Identity> {
  const { identity } = await judge(question)
  if (identity === undefined) throw new Error('hardware evidence has an identity')
  return identity
}

test('SEV-SNP: measurement, HOST_DATA, ID key and role; the registers of TDX are absent', async () => {
  const identity = await identityOf(snp.ask({ report: { idKeyDigest: bytes(48, 5) } }))
  const tuple = [hex(snp.measurement), '00'.repeat(32), '', '', '', '', '', '05'.repeat(48), role]
  expect(hex(identityDigestOf(identity))).toBe(digestOf(tuple))
})

test('TDX: MRTD, MRCONFIGID, RTMR0 to 3 and role; what SEV-SNP has is absent', async () => {
  const mrConfigId = '07'.repeat(48)
  const identity = await identityOf(tdx.ask({ body: { mrConfigId: bytes(48, 7) }, tdx: { mrConfigId } }))
  const tuple = [hex(tdx.mrTd), '', mrConfigId, ...tdx.rtmrText, '', role]
  expect(hex(identityDigestOf(identity))).toBe(digestOf(tuple))
})

describe('no two identities share a digest', () => {
  const one: Identity = {
    measurement: 'aa',
    hostData: 'bb',
    mrConfigId: 'cc',
    rtmr: ['01', '02', '03', '04'],
    idKeyDigest: 'dd',
    role: 'r',
  }
  const others: readonly Partial<Identity>[] = [
    ...[{ measurement: 'ab' }, { hostData: '' }, { mrConfigId: 'cd' }, { idKeyDigest: '' }, { role: 's' }],
    ...[0, 1, 2, 3].map((index) => ({ rtmr: one.rtmr.with(index, '09') as unknown as Identity['rtmr'] })),
    { hostData: 'cc', mrConfigId: 'bb' },
    { rtmr: ['02', '01', '03', '04'] },
  ]
  test.each(others)('%j', (change) => {
    expect(identityDigestOf({ ...one, ...change })).not.toEqual(identityDigestOf(one))
  })
})
