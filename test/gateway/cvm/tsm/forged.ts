/** Machines of the forged makers in test/shared: their chips, what belongs beside their reports, and a judge for them. */
import { type Bytes, base64, hex } from '../../../../shared/bytes.ts'
import type { Evidence } from '../../../../shared/attestation/evidence.ts'
import { judge, type Verdict } from '../../../../shared/attestation/judge.ts'
import type { LinkBinding } from '../../../../shared/attestation/report-data.ts'
import { ask, type Changes } from '../../../shared/attestation/sev-snp/forge.ts'
import { keys } from '../../../shared/attestation/sev-snp/forge-certificate.ts'
import * as td from '../../../shared/attestation/tdx/forge.ts'
import { keys as tdKeys } from '../../../shared/attestation/tdx/forge-vendor.ts'
import type { ChipParts } from './chip.ts'

export const role = 'orchestrator-cvm'

export type Forged = {
  readonly chip: ChipParts
  /** leaf, ASK, ARK, revocation list */
  readonly endorsements: readonly Bytes[]
  /** TDX only */
  readonly collateral?: Bytes
  readonly judge: (evidence: Evidence, reportData: Bytes) => Promise<Verdict>
}

export function forged(changes: Changes = {}, hostData: Uint8Array = new Uint8Array(32)): Forged {
  const { evidence, policy, trust, now } = ask({ ...changes, snp: { hostData: hex(hostData), ...changes.snp } })
  return {
    chip: {
      kind: 'sev-snp',
      template: base64(evidence.report),
      key: keys.leaf.export({ type: 'pkcs8', format: 'pem' }),
      hostData: base64(hostData),
    },
    endorsements: evidence.endorsements,
    judge: (given, reportData) => judge({ evidence: given, expected: { reportData }, policy, trust, now }),
  }
}

/** Signed once: each of Intel's roots that is made anew is another root. */
const oneTd = td.ask()

/** The same for Intel: a quote needs no certificates beside it, but collateral. */
export function forgedTd(mrConfigId: Uint8Array = new Uint8Array(48)): Forged {
  const { evidence, trust, now } = oneTd
  const policy = { ...oneTd.policy, tdx: { ...td.goodPolicy, mrConfigId: hex(mrConfigId) } }
  return {
    chip: {
      kind: 'tdx',
      template: base64(evidence.report),
      key: tdKeys.attestation.export({ type: 'pkcs8', format: 'pem' }),
      mrConfigId: base64(mrConfigId),
    },
    endorsements: [],
    collateral: evidence.collateral ?? new Uint8Array(),
    judge: (given, reportData) => judge({ evidence: given, expected: { reportData }, policy, trust, now }),
  }
}

export const binding: LinkBinding = {
  kind: 1,
  role,
  spki_sha256: new Uint8Array(32).fill(1),
  nonce: new Uint8Array(32).fill(2),
  exporter: new Uint8Array(32).fill(3),
}

export const guids = {
  vcek: '63da758d-e664-4564-adc5-f4b93be8accd',
  vlek: 'a8074bc2-a25a-483e-aae6-39c045a0b8a1',
  ask: '4ab7b379-bbac-4fe4-a02f-05aef327c782',
  ark: 'c0b406a4-a803-4952-9743-3fb6014cd0ae',
  crl: '92f81bc3-5811-4d3d-97ff-d19f88dc67ea',
} as const

export type Row = { readonly guid: string; readonly offset: number; readonly length: number }

/** Certificates one behind the other, as hosts write them. `bend` changes the finished rows. */
export function certificateTable(
  certificates: readonly (readonly [guid: string, der: Uint8Array])[],
  bend: (rows: Row[]) => Row[] = (rows) => rows,
): Bytes {
  const start = (certificates.length + 1) * 24
  const rows: Row[] = []
  let end = start
  for (const [guid, { length }] of certificates) {
    rows.push({ guid, offset: end, length })
    end += length
  }
  const table = Buffer.alloc(end)
  for (const [index, { guid, offset, length }] of bend(rows).entries()) {
    table.set(Buffer.from(guid.replaceAll('-', ''), 'hex'), index * 24)
    table.writeUInt32LE(offset, index * 24 + 16)
    table.writeUInt32LE(length, index * 24 + 20)
  }
  for (const [index, [, der]] of certificates.entries()) table.set(der, rows[index]?.offset)
  return Uint8Array.from(table)
}
