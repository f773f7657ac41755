/** Ratings as Intel publishes them, for the forged platform: JSON before it is signed. */
import { hex } from '../../../../shared/bytes.ts'
import { timeText } from '../../../../shared/tlog/json-fields.ts'
import { now } from '../makers.ts'
import { bytes } from '../values.ts'
import { day } from '../x509/forge.ts'
import { components, fmspc } from './forge-vendor.ts'

export type Json = Readonly<Record<string, unknown>>

export const enclaveSigner = bytes(32, 0xdc)
export const issue = { issueDate: timeText(now - 10 * day), nextUpdate: timeText(now + 20 * day) }
const dated = { tcbDate: '2024-11-13T00:00:00Z' }
const identity = { mrsigner: '00'.repeat(48), attributes: '00'.repeat(8), attributesMask: 'FF'.repeat(8) }

export const rated = (status: string, more: Json = {}): Json => ({ ...dated, tcbStatus: status, ...more })
export const svnLevel = (isvsvn: number, status = 'UpToDate', more: Json = {}): Json => ({
  tcb: { isvsvn },
  ...rated(status, more),
})

const asComponents = (svns: readonly number[]) => svns.map((svn) => ({ svn, category: 'BIOS', type: 'anything' }))

type LevelChanges = { readonly sgx?: readonly number[]; readonly pcesvn?: number; readonly tdx?: readonly number[] }

/** By itself exactly what the forged platform has. */
export function platformLevel(changes: LevelChanges = {}, status = 'UpToDate', more: Json = {}): Json {
  const { sgx = components, pcesvn = 13, tdx = [5, 0, 3] } = changes
  const tdxtcbcomponents = asComponents([...tdx, ...Array.from({ length: 16 - tdx.length }, () => 0)])
  return { tcb: { sgxtcbcomponents: asComponents(sgx), pcesvn, tdxtcbcomponents }, ...rated(status, more) }
}

export const moduleLevels = (id: string, tcbLevels: readonly Json[], changes: Json = {}): Json => ({
  id,
  ...identity,
  tcbLevels,
  ...changes,
})

export function tcbInfo(changes: Json = {}): Json {
  return {
    ...{ id: 'TDX', version: 3, ...issue, fmspc: fmspc.toUpperCase(), pceId: '0000', tcbType: 0 },
    tcbEvaluationDataNumber: 18,
    tdxModule: identity,
    tdxModuleIdentities: [
      moduleLevels('TDX_03', [svnLevel(3)]),
      moduleLevels('TDX_01', [svnLevel(6), svnLevel(4, 'OutOfDate')]),
    ],
    tcbLevels: [platformLevel(), platformLevel({ pcesvn: 5 }, 'OutOfDate', { advisoryIDs: ['INTEL-SA-00837'] })],
    ...changes,
  }
}

export function qeIdentity(changes: Json = {}): Json {
  return {
    ...{ id: 'TD_QE', version: 2, ...issue, tcbEvaluationDataNumber: 18 },
    ...{ miscselect: '00000000', miscselectMask: 'FFFFFFFF' },
    ...{ attributes: `11${'00'.repeat(15)}`, attributesMask: `FB${'FF'.repeat(7)}${'00'.repeat(8)}` },
    ...{ mrsigner: hex(enclaveSigner).toUpperCase(), isvprodid: 2 },
    tcbLevels: [svnLevel(4), svnLevel(2, 'OutOfDate')],
    ...changes,
  }
}
