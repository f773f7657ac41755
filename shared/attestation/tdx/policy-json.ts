/** `tdx` of a policy out of JSON: only known keys, those left out strict. attestation.md d.1. */
import { at, digestOf, integerOf, listOf, textOf, timeOf, wordOf, wrong, type At } from '../../tlog/json-fields.ts'
import { optionsOf, type Readers } from '../../tlog/json-options.ts'
import { boundsOf, buildOf, chipsOf, each, orNull } from '../sev-snp/policy-json.ts'
import { strictTdx, type Rtmrs, type TdMeasurement, type TdxPolicy } from './policy.ts'
import { tcbStatuses } from './status.ts'

/** What an entry of `mrtd` may leave unsaid, and what that means. */
export type TdEntryDefaults = Partial<TdMeasurement>
const unlogged: TdEntryDefaults = { notAfter: Infinity, rtmr: undefined, mrConfigId: undefined, build: undefined }

/**
 * `mrtd` lists objects `{digest, notAfter, build, rtmr, mrConfigId}`, or bare digests where `entry` gives the rest;
 * `rtmr` lists images by their four registers; masks are octets in the order of the quote.
 */
export function readTdxPolicy(from: At, entry: TdEntryDefaults = unlogged): TdxPolicy {
  const readers: Readers<TdxPolicy> = {
    quoteVersions: (value) => listOf(value, 2).map((one) => integerOf(one, 4, 5)),
    statuses: (value) => listOf(value, tcbStatuses.length).map((one) => wordOf(one, tcbStatuses)),
    advisoriesAllowed: (value) => each(value, advisoryOf),
    minTcbEval: (value) => integerOf(value),
    attributes: (value) => boundsOf(value, strictTdx.attributes),
    tdAttributesMask: (value) => digestOf(value, 8),
    xfamMask: (value) => digestOf(value, 8),
    mrtd: (value) => each(value, (one) => measurementOf(one, entry)),
    rtmr: (value) => each(value, rtmrsOf),
    deny: (value) => each(value, register),
    mrConfigId: register,
    mrOwner: (value) => orNull(value, register),
    mrOwnerConfig: (value) => orNull(value, register),
    mrSeam: (value) => orNull(value, (list) => each(list, register)),
    chips: (value) => orNull(value, chipsOf),
  }
  return optionsOf(from, readers, strictTdx)
}

function measurementOf(from: At, entry: TdEntryDefaults): TdMeasurement {
  const whole = typeof from.value === 'string' ? at({ digest: from.value }, from.path) : from
  const readers: Readers<TdMeasurement> = {
    digest: register,
    notAfter: timeOf,
    rtmr: rtmrsOf,
    mrConfigId: register,
    build: buildOf,
  }
  return optionsOf(whole, readers, entry)
}

function rtmrsOf(from: At): Rtmrs {
  const [rtmr0 = '', rtmr1 = '', rtmr2 = '', rtmr3 = ''] = listOf(from, 4, 4).map(register)
  return [rtmr0, rtmr1, rtmr2, rtmr3]
}

/** As long as every measurement and id of a TD. */
function register(from: At): string {
  return digestOf(from, 48)
}

/** As Intel numbers them, so that a slip of the pen allows nothing. */
function advisoryOf(from: At): string {
  const text = textOf(from)
  if (!/^INTEL-SA-[0-9]{5}$/.test(text)) throw wrong(from, 'an advisory as INTEL-SA-00837')
  return text
}
