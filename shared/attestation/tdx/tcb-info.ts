/** TCB info: which levels of microcode, PCE and TDX module Intel knows for one kind of platform, and how it rates them. */
import type { Bytes } from '../../bytes.ts'
import { at, fieldsOf, integerOf, listOf, textOf, wordOf, type At } from '../../tlog/json-fields.ts'
import { parseStrictJson } from '../../tlog/strict-json.ts'
import {
  fieldsAmong,
  hexBytesOf,
  hexOf,
  issueKeys,
  issueOf,
  maxLevels,
  ratingOf,
  svnLevelsOf,
  type Issue,
  type Rating,
  type SvnLevel,
} from './vendor-json.ts'

/** Who signs a TDX module, and which of its attributes must be how. */
export type ModuleIdentity = { readonly mrSigner: Bytes; readonly attributes: Bytes; readonly mask: Bytes }
/** `id`: TDX_01 and so on, by the module's major version. */
export type ModuleLevels = ModuleIdentity & { readonly id: string; readonly levels: readonly SvnLevel[] }
export type PlatformLevel = Rating & {
  readonly components: readonly number[]
  readonly pceSvn: number
  readonly tdxComponents: readonly number[]
}

export type TcbInfo = Issue & {
  /** lower-case hex */
  readonly fmspc: string
  readonly pceId: string
  readonly module: ModuleIdentity
  readonly modules: readonly ModuleLevels[]
  /** the best first, as Intel orders them */
  readonly levels: readonly PlatformLevel[]
}

const identityKeys = ['mrsigner', 'attributes', 'attributesMask'] as const
const own = ['id', 'version', 'fmspc', 'pceId', 'tcbType', 'tdxModule', 'tcbLevels'] as const

/** Reads what Intel signed; whoever calls has verified that. */
export function readTcbInfo(text: string): TcbInfo {
  const from = at(parseStrictJson(text), 'tcbInfo')
  const fields = fieldsAmong(from, [...own, ...issueKeys], ['tdxModuleIdentities'])
  const { tdxModuleIdentities: modules } = fields
  wordOf(fields.id, ['TDX'])
  integerOf(fields.version, 3, 3)
  integerOf(fields.tcbType, 0, 0)
  return {
    ...issueOf(fields),
    fmspc: hexOf(fields.fmspc, 6),
    pceId: hexOf(fields.pceId, 2),
    module: moduleOf(fieldsOf(fields.tdxModule, identityKeys)),
    modules: modules === undefined ? [] : listOf(modules, maxLevels).map(moduleLevelsOf),
    levels: listOf(fields.tcbLevels, maxLevels).map(platformLevelOf),
  }
}

function moduleOf(fields: Readonly<Record<(typeof identityKeys)[number], At>>): ModuleIdentity {
  return {
    mrSigner: hexBytesOf(fields.mrsigner, 48),
    attributes: hexBytesOf(fields.attributes, 8),
    mask: hexBytesOf(fields.attributesMask, 8),
  }
}

function moduleLevelsOf(from: At): ModuleLevels {
  const fields = fieldsOf(from, ['id', ...identityKeys, 'tcbLevels'])
  return { id: textOf(fields.id), ...moduleOf(fields), levels: svnLevelsOf(fields.tcbLevels) }
}

function platformLevelOf(from: At): PlatformLevel {
  const { tcb, ...rating } = ratingOf(from)
  const fields = fieldsOf(tcb, ['sgxtcbcomponents', 'pcesvn', 'tdxtcbcomponents'])
  return {
    ...rating,
    components: componentsOf(fields.sgxtcbcomponents),
    pceSvn: integerOf(fields.pcesvn, 0, 0xffff),
    tdxComponents: componentsOf(fields.tdxtcbcomponents),
  }
}

/** Sixteen of them; category and type are words for people. */
function componentsOf(from: At): readonly number[] {
  return listOf(from, 16, 16).map((one) => integerOf(fieldsAmong(one, ['svn'], ['category', 'type']).svn, 0, 0xff))
}
