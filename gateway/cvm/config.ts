/**
 * The agent's settings: one strict JSON file, every key present, because its digest is measured (HOST_DATA) and a default
 * would be a setting that no digest covers. Only the gateway's pins stand in a file of their own: they may come from
 * the host, since they guard availability and not content. trust.md 4.
 */
import { Refusal } from '../../shared/refusal.ts'
import { at, fieldsOf, integerOf } from '../../shared/tlog/json-fields.ts'
import { parseStrictJson } from '../../shared/tlog/strict-json.ts'
import { type EvidenceSettings, evidenceSettings, filled, readEvidenceSettings } from './evidence-settings.ts'

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

/** Throws Refusal `bad-encoding` that names the setting. */
export function readAgentSettings(text: string): AgentSettings {
  const keys = ['listen', 'role', 'app', 'gatewayPins', 'evidence', 'limits', 'drain'] as const
  const given = fieldsOf(at(parseStrictJson(text), 'settings'), keys)
  const listen = fieldsOf(given.listen, ['host', 'port'])
  const limits = fieldsOf(given.limits, ['connections', 'reportsAtOnce', 'attestWithin'])
  return {
    listen: { host: filled(listen.host), port: integerOf(listen.port, 0, 65_535) },
    role: filled(given.role),
    app: filled(given.app),
    gatewayPins: filled(given.gatewayPins),
    evidence: readEvidenceSettings(given.evidence),
    limits: {
      connections: integerOf(limits.connections, 1),
      reportsAtOnce: integerOf(limits.reportsAtOnce, 1),
      attestWithin: integerOf(limits.attestWithin, 1, 600_000),
    },
    drain: integerOf(given.drain, 0, 3_600_000),
  }
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
