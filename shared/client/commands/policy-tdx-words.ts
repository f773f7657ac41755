/** The `tdx` section of a policy in words, and what its signers should have meant. attestation.md d.1. */
import type { Rtmrs, TdMeasurement, TdxPolicy } from '../../attestation/tdx/policy.ts'
import { timeText } from '../../tlog/json-fields.ts'
import type { Row } from './output.ts'
import { boundRows, chipRows, keptOut, type Concern } from './policy-lines.ts'

/** Topics begin with `TD`, so that a line says which kind of machine it is about. */
export function tdxRows(tdx: TdxPolicy): readonly Row[] {
  const { attributes, chips, mrtd, rtmr, deny } = tdx
  return [
    ['TDX', `quotes of version ${tdx.quoteVersions.join(', ') || 'none'}`],
    ['TD ratings', `${tdx.statuses.join(', ') || 'none'}; Intel's data number ${tdx.minTcbEval} or higher`],
    ...tdx.advisoriesAllowed.map((name): Row => ['TD ratings', `in spite of ${name}`]),
    ...boundRows('TD attributes', attributes),
    ['TD attributes', `none but those in 0x${tdx.tdAttributesMask}; XFAM in 0x${tdx.xfamMask}`],
    ['TD settings', `MRCONFIGID ${tdx.mrConfigId}`],
    ['TD settings', `MROWNER ${asked(tdx.mrOwner)}`],
    ['TD settings', `MROWNERCONFIG ${asked(tdx.mrOwnerConfig)}`],
    ['TD modules', tdx.mrSeam === null ? 'any that Intel rates so' : tdx.mrSeam.join(', ') || 'kept out: all'],
    ...(chips === null ? [['TD platforms', 'as the trust root has it'] as const] : chipRows('TD platforms', chips)),
    ...mrtd.map(firmwareRow),
    ...(mrtd.length === 0 ? [keptOut('TD images', 'all, none is listed')] : []),
    ...rtmr.map((registers): Row => ['TD images', `  ${registersText(registers)}`]),
    ...deny.map((digest): Row => ['TD denied', digest]),
  ]
}

/** What signers should have meant. Nothing here is refused. */
export function tdxConcerns(tdx: TdxPolicy, now: number): readonly Concern[] {
  const { attributes, chips, mrtd, rtmr, deny, statuses } = tdx
  return [
    [mrtd.length === 0, 'policy.tdx.mrtd is empty: no image is let in'],
    [
      rtmr.length === 0 && mrtd.some((entry) => entry.rtmr === undefined),
      'policy.tdx.rtmr is empty: images without rtmr of their own are kept out',
    ],
    ...mrtd.flatMap(({ digest, notAfter }, at): readonly Concern[] => [
      [now >= notAfter, `policy.tdx.mrtd[${at}] ended: ask for its next release or take it out`],
      [deny.includes(digest), `policy.tdx.mrtd[${at}] is in policy.tdx.deny: it is refused`],
    ]),
    [
      chips?.mode === 'allowlist' && chips.sha256.length === 0,
      'policy.tdx.chips.sha256 is empty: no platform is let in',
    ],
    ...statuses
      .filter((status) => status !== 'UpToDate')
      .map((status): Concern => [true, `policy.tdx.statuses has ${status}: platforms with known faults are let in`]),
    [tdx.advisoriesAllowed.length > 0, 'policy.tdx.advisoriesAllowed lets in platforms with advisories'],
    [tdx.minTcbEval === 0, 'policy.tdx.minTcbEval is 0: ratings of any age of Intel count'],
    ...(['debug', 'migratable', 'perfmon'] as const).map((rule): Concern => {
      return [attributes[rule] !== 0, `policy.tdx.attributes.${rule} is not 0`]
    }),
    [
      attributes.septVeDisable !== 1,
      'policy.tdx.attributes.septVeDisable is not 1: the host may make the guest stumble',
    ],
  ]
}

function firmwareRow({ digest, notAfter, rtmr, mrConfigId, build }: TdMeasurement): Row {
  const parts = [
    `${digest} until ${timeText(notAfter)}, of build ${build ?? '?'}`,
    mrConfigId === undefined ? undefined : `with MRCONFIGID ${mrConfigId}`,
    `with ${rtmr === undefined ? 'registers of the list below' : registersText(rtmr)}`,
  ]
  return ['TD images', parts.filter((part) => part !== undefined).join(', ')]
}

function registersText(registers: Rtmrs): string {
  return registers.map((register, at) => `RTMR${at} ${register}`).join(' ')
}

function asked(digest: string | null): string {
  return digest ?? 'not asked'
}
