/** Small values that these tests build with. */
import { createHash } from 'node:crypto'
import type { Bytes } from '../../../shared/bytes.ts'

export const bytes = (length: number, value: number): Bytes => new Uint8Array(length).fill(value)
export const digestOf = (value: Uint8Array): string => createHash('sha256').update(value).digest('hex')
