/**
 * The agent's settings: one strict JSON file, every key present, because its digest is measured (HOST_DATA) and a default
 * would be a setting that no digest covers. Only the gateway's pins stand in a file of their own: they may come from
 * the host, since they guard availability and not content. trust.md 4.
 */
import { Refusal } from '../../shared/refusal.ts'
import { type At, at, integerOf } from '../../shared/tlog/json-fields.ts'
import { type Readers, refusalsOf } from '../../shared/tlog/json-options.ts'
import { parseStrictJson } from '../../shared/tlog/strict-json.ts'
import { isLoopback } from '../../shared/upstream/loopback.ts'
import { type EvidenceSettings, evidenceSettings, exactly, filled, readEvidenceSettings } from './evidence-settings.ts'

export type AgentSettings = {
  readonly listen: { readonly host: string; readonly port: number }
  readonly role: string
  readonly app: string
  readonly gatewayPins: string
  readonly evidence: EvidenceSettings
  readonly limits: { readonly connections: number; readonly reportsAtOnce: number; readonly attestWithin: number }
  readonly drain: number
}

/** What `--help` says: a name and a sentence for every setting. */
export const agentSettings: readonly (readonly [name: string, says: string])[] = [
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
]

/**
 * Throws Refusal `bad-encoding` with a line for every mistake, each of which names its setting; or
 * `insecure-configuration` for settings that do not go together.
 */
export function readAgentSettings(text: string): AgentSettings {
  const settings = wellFormed(text)
  const { evidence, listen } = settings
  if (evidence.kind !== 'simulated' || isLoopback(listen.host)) return settings
  const why = 'simulated evidence is shown on loopback only: set 127.0.0.1'
  throw new Refusal('insecure-configuration', `settings.listen.host: ${why}`)
}

function wellFormed(text: string): AgentSettings {
  try {
    return exactly<AgentSettings>(at(parseStrictJson(text), 'settings'), readers)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    const lines = refusalsOf(cause).map(({ message }) => message)
    throw new Refusal('bad-encoding', lines.join('\n'), { cause })
  }
}

const atLeastOne = (count: At): number => integerOf(count, 1)

const readers: Readers<AgentSettings> = {
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
