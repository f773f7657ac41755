/**
 * Values in Intel's signed JSON, read strictly: a key that we do not know may be what makes a platform unfit. Hex comes in
 * both cases, so it is kept in the lower one. Intel SGX and TDX Provisioning Certification Service v4.
 */
import { fromHex, type Bytes } from '../../bytes.ts'
import { at, digestOf, fieldsOf, integerOf, listOf, textOf, timeOf, wordOf, type At } from '../../tlog/json-fields.ts'
import { tcbStatuses, type TcbStatus } from './status.ts'

/** A rating that Intel gives to a level, and what it says of it. */
export type Rating = {
  readonly status: TcbStatus
  /** such as INTEL-SA-00837 */
  readonly advisories: readonly string[]
}

/** A rating of enclaves or modules from some SVN on. */
export type SvnLevel = Rating & { readonly isvSvn: number }

/** The times of a document and the round of ratings that it belongs to. */
export type Issue = { readonly issueDate: number; readonly nextUpdate: number; readonly evaluation: number }

export const maxLevels = 64
const maxAdvisories = 256
const ratingKeys = ['tcb', 'tcbDate', 'tcbStatus'] as const

/** Like fieldsOf, with keys that may be missing. */
export function fieldsAmong<K extends string, O extends string>(
  from: At,
  required: readonly K[],
  optional: readonly O[],
): Readonly<Record<K, At> & Partial<Record<O, At>>> {
  const { value } = from
  const given = optional.filter((key) => typeof value === 'object' && value !== null && Object.hasOwn(value, key))
  return fieldsOf(from, [...required, ...given])
}

/** Hex of exactly `length` bytes, in lower case. */
export function hexOf(from: At, length: number): string {
  return digestOf(at(textOf(from).toLowerCase(), from.path), length)
}

export function hexBytesOf(from: At, length: number): Bytes {
  return fromHex(hexOf(from, length))
}

export const issueKeys = ['issueDate', 'nextUpdate', 'tcbEvaluationDataNumber'] as const

export function issueOf(fields: Readonly<Record<(typeof issueKeys)[number], At>>): Issue {
  return {
    issueDate: timeOf(fields.issueDate),
    nextUpdate: timeOf(fields.nextUpdate),
    evaluation: integerOf(fields.tcbEvaluationDataNumber),
  }
}

/** The rating of a level, and its `tcb` for whoever knows what is in it. */
export function ratingOf(from: At): Rating & { readonly tcb: At } {
  const fields = fieldsAmong(from, ratingKeys, ['advisoryIDs'])
  const { advisoryIDs } = fields
  timeOf(fields.tcbDate)
  return {
    tcb: fields.tcb,
    status: wordOf(fields.tcbStatus, tcbStatuses),
    advisories: advisoryIDs === undefined ? [] : listOf(advisoryIDs, maxAdvisories).map(textOf),
  }
}

export function svnLevelsOf(from: At): readonly SvnLevel[] {
  return listOf(from, maxLevels).map((one) => {
    const { tcb, ...rating } = ratingOf(one)
    return { ...rating, isvSvn: integerOf(fieldsOf(tcb, ['isvsvn']).isvsvn, 0, 0xffff) }
  })
}
