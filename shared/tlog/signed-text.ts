/** Our signed texts: `asunder KIND v1`, one line of strict JSON, LF, inside a C2SP signed note. trust.md 1. */
import { Refusal } from '../refusal.ts'
import type { VerifierKey } from './key.ts'
import { verifyThreshold, type NoteLimits } from './note.ts'
import { parseStrictJson } from './strict-json.ts'

export const textKinds = ['root', 'policy', 'serial', 'bundle'] as const
export type TextKind = (typeof textKinds)[number]

/** The text to sign. A value that readers would refuse is refused here. */
export function makeText(kind: TextKind, value: unknown): string {
  const text = `${firstLine(kind)}${JSON.stringify(value)}\n`
  readText(kind, text)
  return text
}

/** The value in a text of this kind and no other: a signature for one kind is worth nothing for another. */
export function readText(kind: TextKind, text: string): unknown {
  const line = firstLine(kind)
  if (!text.startsWith(line)) throw new Refusal('malformed-note', `the text does not begin with ${line.trimEnd()}`)
  const body = text.slice(line.length)
  // The first LF there is must be the last character.
  if (body === '' || body.indexOf('\n') !== body.length - 1) throw new Refusal('malformed-note', 'not one line of JSON')
  return parseStrictJson(body)
}

/** The value of a note that at least `threshold` distinct ones of `keys` signed. */
export async function verifyText(
  kind: TextKind,
  note: string,
  keys: readonly VerifierKey[],
  threshold: number,
  limits?: NoteLimits,
): Promise<unknown> {
  const { text } = await verifyThreshold(note, keys, threshold, limits)
  return readText(kind, text)
}

function firstLine(kind: TextKind): string {
  return `asunder ${kind} v1\n`
}
