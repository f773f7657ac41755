/** What checks 13-19 must refuse: a TD that the host may open, or that is another one. attestation-negatives.md. */
import { strictTdx } from '../../../../shared/attestation/tdx/policy.ts'
import { hex } from '../../../../shared/bytes.ts'
import { now } from '../makers.ts'
import { bytes } from '../values.ts'
import type { Case } from './cases-quote.ts'
import { mrTd, rtmrText, svn } from './forge.ts'
import { moduleLevels, svnLevel, type Json } from './forge-ratings.ts'

const good = 1n << 28n
const attributes = (bits: bigint) => ({ body: { tdAttributes: bits } })
const other = '0f'.repeat(48)
const listed = { digest: hex(mrTd), notAfter: Infinity }
const otherRtmrs = [other, other, other, other] as const
/** A signer of modules other than Intel, as only forged ratings name one. */
const foreign = (change: Json) => ({ tdxModuleIdentities: [moduleLevels('TDX_01', [svnLevel(6)], change)] })

export const guestCases: readonly Case[] = [
  ['debug-allowed', 'DEBUG', attributes(good | 1n)],
  [
    'debug-allowed',
    'DEBUG in production, whatever policy bears',
    { ...attributes(good | 1n), tdx: { attributes: { ...strictTdx.attributes, debug: 1 } } },
  ],
  ['sept-ve-disable-missing', 'SEPT_VE_DISABLE off', attributes(0n)],
  ['migration-allowed', 'MIGRATABLE', attributes(good | (1n << 29n))],
  [
    'migration-allowed',
    'MIGRATABLE in production, whatever policy bears',
    { ...attributes(good | (1n << 29n)), tdx: { attributes: { ...strictTdx.attributes, migratable: null } } },
  ],
  ['migration-allowed', 'a service TD', { body: { mrServiceTd: bytes(48, 0).with(47, 1) } }],
  ['perfmon-allowed', 'PERFMON', attributes(good | (1n << 63n))],
  ...[1, 7, 8, 27, 32, 62].map((bit): Case => [
    'td-attributes-refused',
    `bit ${bit} of TDATTRIBUTES`,
    attributes(good | (1n << BigInt(bit))),
  ]),
  [
    'td-attributes-refused',
    'protection keys, where the mask leaves them out',
    { ...attributes(good | (1n << 30n)), tdx: { tdAttributesMask: '0000001000000000' } },
  ],
  ...[3, 10, 13, 16, 19, 63].map((bit): Case => [
    'xfam-refused',
    `bit ${bit} of XFAM`,
    { body: { xfam: 3n | (1n << BigInt(bit)) } },
  ]),
  ['xfam-refused', 'no SSE', { body: { xfam: 1 } }],
  ['xfam-refused', 'no x87', { body: { xfam: 2 } }],
  ['xfam-refused', 'AMX, where the mask leaves it out', { tdx: { xfamMask: 'e702000000000000' } }],
  [
    'seam-refused',
    'a module of somebody whom ratings name',
    { body: { mrSignerSeam: bytes(48, 1) }, tcbInfo: foreign({ mrsigner: '01'.repeat(48) }) },
  ],
  [
    'seam-refused',
    'attributes that ratings bear',
    { body: { seamAttributes: bytes(8, 1) }, tcbInfo: foreign({ attributesMask: '00'.repeat(8) }) },
  ],
  ['seam-refused', 'a module that policy does not list', { tdx: { mrSeam: [other] } }],
  ['measurement-denied', 'MRTD on the deny list', { tdx: { deny: [hex(mrTd)] } }],
  ['measurement-refused', 'MRTD that is not listed', { tdx: { mrtd: [] } }],
  ['measurement-refused', 'another MRTD', { body: { mrTd: bytes(48, 1) } }],
  ['measurement-expired', 'MRTD whose time ended', { tdx: { mrtd: [{ ...listed, notAfter: now }] } }],
  ['config-id-refused', 'settings that nobody expects', { body: { mrConfigId: bytes(48, 1) } }],
  ['config-id-refused', 'no settings where some are expected', { tdx: { mrConfigId: other } }],
  ['rtmr-refused', 'no image is listed', { tdx: { rtmr: [] } }],
  ...(['rtmr0', 'rtmr1', 'rtmr2', 'rtmr3'] as const).map((name): Case => [
    'rtmr-refused',
    `another ${name}`,
    { body: { [name]: bytes(48, 0) } },
  ]),
  [
    'rtmr-refused',
    'registers of two images',
    { body: { rtmr3: bytes(48, 0x0f) }, tdx: { rtmr: [rtmrText, otherRtmrs] } },
  ],
  ['owner-refused', 'an owner that nobody expects', { body: { mrOwner: bytes(48, 1) } }],
  ['owner-refused', 'another owner', { tdx: { mrOwner: other } }],
  ['owner-refused', "an owner's settings that nobody expects", { body: { mrOwnerConfig: bytes(48, 1) } }],
  [
    'identity-refused',
    'an image that belongs to another firmware',
    { tdx: { mrtd: [{ ...listed, rtmr: otherRtmrs }], rtmr: [rtmrText] } },
  ],
  [
    'identity-refused',
    'an image of this firmware whose time ended, beside one that lives',
    {
      tdx: {
        mrtd: [
          { ...listed, rtmr: otherRtmrs },
          { ...listed, rtmr: rtmrText, notAfter: now },
        ],
      },
    },
  ],
  [
    'identity-refused',
    'settings that belong to another firmware',
    {
      body: { mrConfigId: bytes(48, 0x0f) },
      tdx: { mrtd: [listed, { ...listed, digest: other, mrConfigId: other }] },
    },
  ],
  ['binding-mismatch', 'another binding', { expected: bytes(64, 1) }],
  ['binding-mismatch', 'zeros', { body: { reportData: bytes(64, 0), teeTcbSvn: svn(6, 1, 3) } }],
]
