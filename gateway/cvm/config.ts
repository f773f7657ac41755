/**
 * The agent's settings: one strict JSON file, every key present, because its digest is measured (HOST_DATA) and a default
 * would be a setting that no digest covers. Only the gateway's pins stand in a file of their own: they may come from
 * the host, since they guard availability and not content. trust.md 4.
 */
import { Refusal } from '../../shared/refusal.ts'
import type { Profile } from '../../shared/shaping/profile.ts'
import { type At, at, integerOf, wordOf } from '../../shared/tlog/json-fields.ts'
import { optionsOf, type Readers, refusalsOf } from '../../shared/tlog/json-options.ts'
import { parseStrictJson } from '../../shared/tlog/strict-json.ts'
import { isLoopback } from '../../shared/upstream/loopback.ts'
import { type EvidenceSettings, evidenceSettings, exactly, filled, readEvidenceSettings } from './evidence-settings.ts'
import {
  ownSettings,
  readCells,
  readKeys,
  readProfile,
  readPublic,
  readRequests,
  type CellSettings,
  type KeySettings,
  type PublicSettings,
  type RequestSettings,
} from './own-config.ts'

type Common = {
  readonly listen: { readonly host: string; readonly port: number }
  readonly role: string
  readonly app: string
  readonly gatewayPins: string
  readonly evidence: EvidenceSettings
  readonly limits: { readonly connections: number; readonly reportsAtOnce: number; readonly attestWithin: number }
  readonly drain: number
}
type Opening = {
  readonly profile: Profile
  /** in `paced` */
  readonly cells: CellSettings | undefined
  readonly keys: KeySettings
  readonly requests: RequestSettings
}

type Front = Common & { readonly placement: 'front' }
type Sealed = Common & Opening & { readonly placement: 'sealed' }
type Inside = Common & Opening & { readonly placement: 'inside'; readonly public: PublicSettings }

/** What is opened in here: nothing (`front`), Oblivious HTTP (`inside`), or what lies within it (`sealed`). */
export type AgentSettings = Front | Sealed | Inside

/** What `--help` says: a name and a sentence for every setting. */
export const agentSettings: readonly (readonly [name: string, says: string])[] = [
  ['placement', '"front", "inside" or "sealed": what is opened in here'],
  ['listen.host', 'address to listen on; simulated evidence: loopback only'],
  ['listen.port', 'port; 0 takes a free one and logs it'],
  ['role', 'the role that the gateway expects this CVM to be attested for'],
  ['app', "path of the app's Unix socket, the only place requests go to"],
  ['gatewayPins', 'path of a file: a line per gateway certificate, SHA-256 of its public key (SPKI) in hex'],
  ...evidenceSettings,
  ['limits.connections', 'connections at a time'],
  ['limits.reportsAtOnce', 'reports in the making at a time'],
  ['limits.attestWithin', 'milliseconds from a handshake to evidence shown'],
  ['drain', 'milliseconds that answers in flight get after SIGTERM'],
  ...ownSettings,
]

/**
 * Throws Refusal `bad-encoding` with a line for every mistake, each of which names its setting; or
 * `insecure-configuration` for settings that do not go together.
 */
export function readAgentSettings(text: string): AgentSettings {
  const settings = wellFormed(text)
  if (settings.evidence.kind !== 'simulated') return settings
  const listeners = { 'listen.host': settings.listen, ...(settings.placement === 'inside' && publicOf(settings)) }
  for (const [name, { host }] of Object.entries(listeners)) {
    if (isLoopback(host)) continue
    const why = 'simulated evidence is shown on loopback only: set 127.0.0.1'
    throw new Refusal('insecure-configuration', `settings.${name}: ${why}`)
  }
  return settings
}

function publicOf(settings: Inside) {
  return { 'public.listen.host': settings.public.listen }
}

function wellFormed(text: string): AgentSettings {
  try {
    return readSettings(at(parseStrictJson(text), 'settings'))
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    const lines = refusalsOf(cause).map(({ message }) => message)
    throw new Refusal('bad-encoding', lines.join('\n'), { cause })
  }
}

const atLeastOne = (count: At): number => integerOf(count, 1)

const common: Readers<Common> = {
  listen: (from) => exactly(from, { host: filled, port: (port) => integerOf(port, 0, 65_535) }),
  role: filled,
  app: filled,
  gatewayPins: filled,
  evidence: readEvidenceSettings,
  limits: (from) =>
    exactly(from, {
      connections: atLeastOne,
      reportsAtOnce: atLeastOne,
      attestWithin: (within) => integerOf(within, 1, 600_000),
    }),
  drain: (drain) => integerOf(drain, 0, 3_600_000),
}

/** Which rows there are depends on placement and profile, so these are read first. */
function readSettings(from: At): AgentSettings {
  const { placement: named, profile } = (from.value ?? {}) as {
    readonly placement?: unknown
    readonly profile?: unknown
  }
  const placement = <P extends string>(word: P) => ({ placement: (one: At) => wordOf(one, [word]) })
  const paced = profile === 'paced'
  const opening = { profile: readProfile, requests: readRequests, cells: paced ? readCells : inPacedAlone }
  const absent = paced ? {} : { cells: undefined }
  if (named === 'sealed') {
    const keys = (one: At): KeySettings => readKeys(one, 'inner')
    return optionsOf<Sealed>(from, { ...placement('sealed'), ...common, keys, ...opening }, absent)
  }
  if (named === 'inside') {
    const keys = (one: At): KeySettings => readKeys(one, 'outer')
    return optionsOf<Inside>(from, { ...placement('inside'), ...common, keys, ...opening, public: readPublic }, absent)
  }
  const front = (one: At): 'front' => {
    wordOf(one, ['front', 'inside', 'sealed'])
    return 'front'
  }
  return exactly<Front>(from, { placement: front, ...common })
}

function inPacedAlone(from: At): never {
  throw new Refusal('bad-encoding', `${from.path} is for profile "paced"`)
}

/** Refuses variables that look like settings: nothing outside the measured file may be one. Throws Refusal. */
export function refuseVariables(environment: Readonly<Record<string, string | undefined>>): void {
  const names = Object.keys(environment).filter((name) => name.startsWith('ASUNDER_CVM_'))
  if (names.length === 0) return
  const why = 'the agent takes settings from its measured file alone: unset'
  throw new Refusal('insecure-configuration', `${why} ${names.join(', ')}`)
}

/** One pin a line; blank lines and lines that begin with `#` are for people. */
export function readPins(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim())
  const pins = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (pins.length === 0) throw new Refusal('bad-encoding', 'gatewayPins: no pin')
  for (const pin of pins) {
    if (!/^[0-9a-f]{64}$/.test(pin)) throw new Refusal('bad-encoding', 'gatewayPins: a pin is 64 lower-case hex digits')
  }
  return pins
}
