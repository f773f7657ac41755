/** Digests of what is no secret: settings and published files. A digest of anything that a person sent must not be made. */
import { createHash } from 'node:crypto'

export type Digest = `sha256:${string}`
/** What a CVM was measured as: public, as policies are. */
export type Measurement = `measurement:${string}`

export function digestOf(data: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`
}

/** The settings in force, defaults included, as read: the same for every spelling of one configuration. */
export function configurationDigest(settings: object): Digest {
  return digestOf(JSON.stringify(settings))
}

/**
 * What files say, by what they are for: the SHA-256 over a line `name sha256` for each, sorted by name. A `key` is a secret and
 * left out; it belongs to the certificate beside it.
 */
export function filesDigest(files: Readonly<Record<string, Uint8Array | undefined>>): Digest {
  const lines = Object.entries(files)
    .flatMap(([name, data]) => (data === undefined || name === 'key' ? [] : [`${name} ${digestOf(data).slice(7)}\n`]))
    .sort()
  return digestOf(lines.join(''))
}
