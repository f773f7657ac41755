/** What `asunder verify` is given: a file is a bundle, evidence in JSON, or a report or quote as the platform gave it. */
import { parseEvidence, type Evidence, type EvidenceKind } from '../../attestation/evidence.ts'
import { readEndorsements } from '../../attestation/sev-snp/pem.ts'
import { reportLength } from '../../attestation/sev-snp/report.ts'
import { fromUtf8, hex, type Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { Failure, UsageError, type World } from './command.ts'
import { readText, reasonOf } from './connection.ts'

export type Subject =
  { readonly what: 'bundle'; readonly note: string } | { readonly what: 'evidence'; readonly evidence: Evidence }

export type Beside = { readonly endorsement?: readonly string[]; readonly collateral?: string }

export async function subjectFrom(path: string, beside: Beside, world: World): Promise<Subject> {
  const bytes = await readBytes('FILE', path, world)
  const text = textIn(bytes)
  const given = beside.endorsement !== undefined || beside.collateral !== undefined
  if (text?.startsWith('asunder ') === true || text?.startsWith('{') === true) {
    if (given) throw new UsageError('--endorsement, --collateral: only beside a report or a quote')
    return text.startsWith('{') ? { what: 'evidence', evidence: jsonIn(text) } : { what: 'bundle', note: text }
  }
  return { what: 'evidence', evidence: await platformEvidence(bytes, beside, world) }
}

async function platformEvidence(report: Bytes, beside: Beside, world: World): Promise<Evidence> {
  const kind: EvidenceKind = report.length === reportLength ? 'sev-snp' : 'tdx'
  const texts: string[] = []
  for (const file of beside.endorsement ?? []) texts.push(await endorsementIn(file, world))
  const collateral = beside.collateral === undefined ? null : await readBytes('--collateral', beside.collateral, world)
  return { kind, report, endorsements: asUsage('--endorsement', () => readEndorsements(texts)), collateral }
}

/** DER as hex, and PEM as it is. */
async function endorsementIn(file: string, world: World): Promise<string> {
  const bytes = await readBytes('--endorsement', file, world)
  return bytes[0] === 0x30 ? hex(bytes) : readText('endorsement', file, world)
}

function jsonIn(text: string): Evidence {
  return asUsage('FILE', () => parseEvidence(text))
}

function asUsage<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new Failure(`${name}: ${cause.code}: ${cause.message}`, { cause })
  }
}

async function readBytes(name: string, path: string, world: World): Promise<Bytes> {
  try {
    return Uint8Array.from(await world.readFile(path))
  } catch (cause) {
    throw new Failure(`${name}: cannot read ${path}: ${reasonOf(cause)}`, { cause })
  }
}

/** Nothing that begins like a text of ours is anything else. */
function textIn(bytes: Bytes): string | undefined {
  if (bytes[0] !== 0x61 && bytes[0] !== 0x7b) return undefined
  try {
    return fromUtf8(bytes)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return undefined
  }
}
