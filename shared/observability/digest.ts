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
