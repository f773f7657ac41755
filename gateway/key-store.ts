/**
 * Where key material rests between two runs of a gateway in placement `front`: one file that only its owner reads,
 * replaced whole. A process that keeps its keys in memory alone has no such store (trust.md 1).
 */
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { base64, fromBase64 } from '../shared/bytes.ts'
import { credentialOf } from '../shared/config/file-kinds.ts'
import { Refusal } from '../shared/refusal.ts'
import { withFileLock } from '../shared/store/file-lock.ts'
import { replaceFile } from '../shared/store/whole-file.ts'
import type { Ring } from './keyring.ts'

export type KeyStore = {
  /** The ring as it was saved last, or undefined if it never was. */
  load(): Ring | undefined
  save(ring: Ring): void
  /** Does `work` while nobody else changes the ring: what is saved then was made of what was loaded then. */
  alone<T>(work: () => T): T
}

const byte = z.int().min(0).max(0xff)
const time = z.number().min(0)

const savedRing = z.strictObject({
  version: z.literal(1),
  recentIds: z.array(byte),
  generations: z.array(
    z.strictObject({
      keys: z.array(z.strictObject({ keyId: byte, kemId: z.int().min(0).max(0xffff), privateKey: z.base64() })).min(1),
      currentAt: time,
      retireAt: time,
      destroyAt: time,
    }),
  ),
})

export function createFileKeyStore(file: string): KeyStore {
  return {
    load: () => (existsSync(file) ? readRing(readPrivate(file)) : undefined),
    save: (ring) => replaceFile(file, toText(ring)),
    alone: (work) => withFileLock(file, work),
  }
}

/** The text of a file that nobody but its owner may read; anything looser is refused rather than tightened. */
export function readPrivate(file: string): string {
  const handle = openSync(file, 'r')
  try {
    const { mode } = fstatSync(handle)
    if ((mode & 0o077) !== 0) throw new Refusal('insecure-configuration', 'a private key file is open to others')
    return readFileSync(handle, 'utf8')
  } finally {
    closeSync(handle)
  }
}

type Files = { readonly path: (name: string) => string; readonly file: (name: string) => Buffer }

/** A secret that the settings name: a private file, or a credential, which systemd guards. */
export function secretText(name: string, { path, file }: Files): string {
  return credentialOf(name) === undefined ? readPrivate(path(name)) : file(name).toString('utf8')
}

function toText({ recentIds, generations }: Ring): string {
  const saved = generations.map(({ keys, ...times }) => ({
    keys: keys.map(({ keyId, kemId, privateKey }) => ({ keyId, kemId, privateKey: base64(bytesOf(privateKey)) })),
    ...times,
  }))
  return `${JSON.stringify({ version: 1, recentIds, generations: saved }, null, 2)}\n`
}

function bytesOf(privateKey: Uint8Array | undefined): Uint8Array {
  if (privateKey === undefined) throw new TypeError('this key was not made to be kept')
  return privateKey
}

export const ringRemedy = 'put back a copy, or delete it together with the replay store'

/** A file of ours that does not read is a reason to stop, never to begin with new keys; and it is never quoted. */
export function readRing(text: string): Ring {
  try {
    return ringOf(text)
  } catch {
    // Without the cause: parsers quote what they were given, and that is the secret.
    throw new Refusal('bad-encoding', `the key file is damaged: ${ringRemedy}`)
  }
}

function ringOf(text: string): Ring {
  const { recentIds, generations } = savedRing.parse(JSON.parse(text))
  const read = generations.map(({ keys, ...times }) => ({
    keys: keys.map((key) => ({ ...key, privateKey: fromBase64(key.privateKey) })),
    ...times,
  }))
  return { recentIds, generations: read }
}
