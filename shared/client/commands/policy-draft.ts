/** A policy as people hold it: a draft in JSON with lines of comment, or the note that some of them have signed. */
import { policyText } from '../../attestation/signed-policy.ts'
import { parseNote } from '../../tlog/note.ts'
import { readText as readSigned } from '../../tlog/signed-text.ts'
import { parseStrictJson } from '../../tlog/strict-json.ts'

export type Draft = {
  /** not verified, and not yet read as a policy */
  readonly value: unknown
  /** where it is signed */
  readonly note?: string
}

/** Refuses with `bad-encoding` what is no JSON, telling the line, and with `malformed-note` what is no note. */
export function readDraft(text: string): Draft {
  if (!text.startsWith('asunder ')) return { value: draftJson(text) }
  return { value: readSigned('policy', parseNote(text).text), note: text }
}

/** What is to be signed, byte for byte; a note keeps the bytes that others signed. */
export function textOf({ value, note }: Draft): string {
  return note === undefined ? policyText(value) : parseNote(note).text
}

function draftJson(text: string): unknown {
  // Spaces for comments, so that a mistake is told at its own line.
  return parseStrictJson(text.replace(/^[ \t]*\/\/.*$/gm, (line) => ' '.repeat(line.length)))
}
