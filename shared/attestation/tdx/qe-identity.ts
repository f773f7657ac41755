/** The identity of Intel's quoting enclave for TDs: who signed it, how it must run, and how its SVNs are rated. */
import type { Bytes } from '../../bytes.ts'
import { at, fieldsOf, integerOf, wordOf } from '../../tlog/json-fields.ts'
import { parseStrictJson } from '../../tlog/strict-json.ts'
import { hexBytesOf, issueKeys, issueOf, svnLevelsOf, type Issue, type SvnLevel } from './vendor-json.ts'

export type QeIdentity = Issue & {
  readonly miscSelect: Bytes
  readonly miscSelectMask: Bytes
  readonly attributes: Bytes
  readonly attributesMask: Bytes
  readonly mrSigner: Bytes
  readonly isvProdId: number
  readonly levels: readonly SvnLevel[]
}

const own = ['id', 'version', 'miscselect', 'miscselectMask', 'attributes', 'attributesMask', 'mrsigner'] as const

/** Reads what Intel signed; whoever calls has verified that. */
export function readQeIdentity(text: string): QeIdentity {
  const from = at(parseStrictJson(text), 'qeIdentity')
  const fields = fieldsOf(from, [...own, 'isvprodid', 'tcbLevels', ...issueKeys])
  wordOf(fields.id, ['TD_QE'])
  integerOf(fields.version, 2, 2)
  return {
    ...issueOf(fields),
    miscSelect: hexBytesOf(fields.miscselect, 4),
    miscSelectMask: hexBytesOf(fields.miscselectMask, 4),
    attributes: hexBytesOf(fields.attributes, 16),
    attributesMask: hexBytesOf(fields.attributesMask, 16),
    mrSigner: hexBytesOf(fields.mrsigner, 32),
    isvProdId: integerOf(fields.isvprodid, 0, 0xffff),
    levels: svnLevelsOf(fields.tcbLevels),
  }
}
