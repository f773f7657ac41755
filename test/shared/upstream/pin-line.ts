/** A line of a file of pins. */
import type { KeyObject } from 'node:crypto'
import { pinOf } from '../../../shared/upstream/certificate.ts'

const day = 86_400_000

/** `days`: until it ends; negative for one that ended. */
export function pinLine(key: KeyObject, days = 30, now = Date.now()): string {
  return `${pinOf(key)} ${new Date(now + days * day).toISOString().replace(/\.\d+Z$/, 'Z')}\n`
}
