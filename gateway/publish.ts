/**
 * The bundle of placement `front`: made from the key list, signed, kept in one file, and served as that file's bytes.
 * One publisher signs; every replica serves what it finds. trust.md 2.
 */
import { existsSync, readFileSync } from 'node:fs'
import { maxBundle, readBundle, signBundle, type Bundle } from '../shared/attestation/bundle.ts'
import type { Placement } from '../shared/attestation/trust-root.ts'
import { equal } from '../shared/bytes.ts'
import { mediaTypes } from '../shared/http/media-types.ts'
import { Refusal } from '../shared/refusal.ts'
import { replaceFile } from '../shared/store/whole-file.ts'
import type { Signer } from '../shared/tlog/signer.ts'
import { publication, type Publication } from './publication.ts'

export type PublisherOptions = {
  readonly file: string
  readonly signer: Signer
  /** every root after the first, oldest first, as signed notes */
  readonly roots: readonly string[]
  readonly now: () => number
}

export type Published = { readonly serial: number; readonly bundle: Publication }

/** Milliseconds. */
export const longestBundle = 24 * 3_600_000

/** Clients' clocks may be behind ours; the serial, not this, keeps old bundles from coming back. */
export const tolerance = 300_000

/**
 * Signs a new bundle if the one in the file says something else. The serial is kept in a file of its own and rises
 * before the bundle is written: a serial may be lost, but it is never used twice.
 */
export async function publish(list: Publication, { file, signer, roots, now }: PublisherOptions): Promise<boolean> {
  const notBefore = wholeSeconds(now() - tolerance)
  const notAfter = wholeSeconds(Math.min(notBefore + longestBundle, list.until))
  const { bundle: last, serial: lastSerial } = lastPublished(file)
  if (last !== undefined && last.notAfter > now() && saysTheSame(last, list, roots)) return false
  const serial = lastSerial + 1
  const note = await signBundle({ serial, placement: 'front', notBefore, notAfter, keys: list.bytes, roots }, [signer])
  replaceBundle(file, serial, note)
  return true
}

/** What is in the file, and the highest serial that was ever used: 0 if none was. */
export function lastPublished(file: string): { readonly bundle: Bundle | undefined; readonly serial: number } {
  const bundle = existsSync(file) ? readBundle(readFileSync(file, 'utf8')) : undefined
  return { bundle, serial: Math.max(bundle?.serial ?? 0, lastSerial(file)) }
}

export function replaceBundle(file: string, serial: number, note: string): void {
  replaceFile(serialFile(file), `${serial}\n`)
  replaceFile(file, note, 0o644)
}

/**
 * What the file holds, for everybody alike; `since` is the moment it was read. Signatures are for clients to judge:
 * whoever can write this file could also answer for us.
 */
export function loadBundle(file: string, now: number, wanted: Placement = 'front'): Published {
  const bytes = readFileSync(file)
  if (bytes.length > maxBundle) throw new Refusal('body-too-large', 'the bundle is larger than clients take')
  const { serial, placement, notAfter } = readBundle(bytes.toString('utf8'))
  if (placement !== wanted) throw new Refusal('placement-mismatch', `this gateway opens in placement ${wanted}`)
  return { serial, bundle: publication(mediaTypes.bundle, Uint8Array.from(bytes), now, notAfter) }
}

function saysTheSame(bundle: Bundle, { bytes, until }: Publication, roots: readonly string[]): boolean {
  const sameRoots = bundle.roots.length === roots.length && bundle.roots.every((note, i) => note === roots[i])
  return bundle.placement === 'front' && equal(bundle.keys, bytes) && sameRoots && bundle.notAfter <= until
}

function lastSerial(file: string): number {
  const name = serialFile(file)
  if (!existsSync(name)) return 0
  const text = readFileSync(name, 'utf8').trim()
  if (!/^\d{1,15}$/.test(text)) throw new Refusal('bad-encoding', 'the serial file holds no serial')
  return Number(text)
}

function serialFile(file: string): string {
  return `${file}.serial`
}

export function wholeSeconds(time: number): number {
  return Math.floor(time / 1000) * 1000
}
