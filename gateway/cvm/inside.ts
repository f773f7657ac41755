/**
 * Placement `inside`: the gateway itself, in this process, with keys that live in it. The relay comes here; the publisher
 * comes over an attested link and leaves the bundle in a file, which may be the host's: clients judge it. trust.md 2 and 3.
 */
import { readFileSync, statSync } from 'node:fs'
import { createGateway, publication, type Publication } from '../app.ts'
import { maxBundle, readBundle } from '../../shared/attestation/bundle-note.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { serializeKeyConfigs } from '../../shared/ohttp/key-config.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Profile } from '../../shared/shaping/profile.ts'
import { readPins } from '../../shared/upstream/pins.ts'
import { listen, type Listening, type ServeTls } from '../../shared/upstream/serve.ts'
import type { PublicSettings } from './own-config.ts'
import type { OwnKeys } from './own-keys.ts'
import { ownRequests, type RequestOptions } from './requests.ts'

export type InsideOptions = RequestOptions & {
  readonly keys: OwnKeys
  readonly public: PublicSettings
  readonly bundle: BundleFile
  /** left out: `direct` */
  readonly profile?: Profile | undefined
}

export async function openInside({ public: settings, bundle, profile, ...options }: InsideOptions): Promise<Listening> {
  const { tls, publicHosts, connections } = settings
  const gateway = createGateway({
    ...ownRequests(options),
    profile,
    keys: keyList(options.keys, options.now),
    bundle: () => bundle.served(options.now()),
    ...(publicHosts === null ? {} : { hosts: publicHosts }),
  })
  return listen({
    ...settings.listen,
    fetch: gateway.fetch,
    shortWay: gateway.shortWay,
    tls: tls === null ? undefined : files(tls, options.now()),
    plaintextLoopback: tls === null,
    limits: { connections },
    now: options.now,
  })
}

/** Read at start alone. Refuses `bad-encoding` and `insecure-configuration` as `readPins` does. */
function files({ key, cert, clientCa, relayPins }: NonNullable<PublicSettings['tls']>, now: number): ServeTls {
  const pinned = (file: string) => [{ name: 'relay', pins: readPins(readFileSync(file, 'utf8'), now) }]
  return {
    key: readFileSync(key),
    cert: readFileSync(cert),
    ...(clientCa === null ? {} : { clientCa: readFileSync(clientCa) }),
    ...(relayPins === null ? {} : { peers: pinned(relayPins) }),
  }
}

/** The bare list, for clients that ask for no assurance; nothing is offered that nobody could verify. */
function keyList(keys: OwnKeys, now: () => number): () => Publication | undefined {
  let made: { readonly text: string; readonly list: Publication } | undefined
  return () => {
    const offered = keys.current().filter(({ config }) => keys.find(config.keyId) !== undefined)
    if (offered.length === 0) return undefined
    const text = offered.map(({ config }) => config.keyId).join()
    if (made?.text !== text) {
      const bytes = serializeKeyConfigs(offered.map(({ config }) => config))
      const until = Math.min(...offered.map(({ notAfter }) => notAfter))
      made = { text, list: publication(mediaTypes.keys, bytes, now(), until) }
    }
    return made.list
  }
}

/** The bundle that the publisher left: read when it changes, never an older one after a newer one. */
export class BundleFile {
  readonly #file: string
  #stamp = ''
  #serial = 0
  #bundle: Publication | undefined

  constructor(file: string) {
    this.#file = file
  }

  served(now: number): Publication | undefined {
    return this.#bundle !== undefined && now < this.#bundle.until ? this.#bundle : undefined
  }

  /** The serial, if there is something new to serve. Throws Refusal, or what reading a file throws. */
  look(now: number): number | undefined {
    const found = statSync(this.#file, { throwIfNoEntry: false })
    if (found === undefined) throw new Refusal('incomplete', 'nothing was published yet')
    const { size, mtimeMs, ino } = found
    const stamp = `${size} ${mtimeMs} ${ino}`
    if (stamp === this.#stamp) return undefined
    if (size > maxBundle) throw new Refusal('body-too-large', 'the bundle is larger than clients take')
    const bytes = Uint8Array.from(readFileSync(this.#file))
    // Signatures are for clients to judge: who gives us this file could as well answer for us.
    const { serial, placement, notAfter } = readBundle(bytes)
    if (placement !== 'inside') throw new Refusal('placement-mismatch', 'not a bundle for placement inside')
    if (serial < this.#serial) throw new Refusal('rolled-back', 'an older bundle in the file')
    this.#bundle = publication(mediaTypes.bundle, bytes, now, notAfter)
    this.#serial = serial
    this.#stamp = stamp
    return serial
  }
}
