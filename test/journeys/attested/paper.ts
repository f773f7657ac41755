/**
 * Bundles on paper: everybody who signs for a deployment, and a relay on a real socket that shows what they are told to
 * sign and keeps what it is sent. No machine stands behind it, so a request that comes here at all has been sealed.
 */
import { onTestFinished } from 'vitest'
import type { AttestedBundle, Bundle, CvmEntry } from '../../../shared/attestation/bundle.ts'
import { signBundle } from '../../../shared/attestation/bundle.ts'
import { concat, type Bytes } from '../../../shared/bytes.ts'
import { createObliviousFetch, type NodeOptions } from '../../../shared/client/index.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { serializeKeyConfigs, writeKeyConfig } from '../../../shared/ohttp/key-config.ts'
import { fleet, listOf, type EntryChanges, type Fleet, type FleetOptions } from '../../shared/attestation/fleet.ts'
import { now, hour } from '../../shared/attestation/makers.ts'
import { gatewayKey, serve } from '../../shared/client/town.ts'
import { endOf, target } from './street.ts'

export { hour, now } from '../../shared/attestation/makers.ts'
export type Attested = AttestedBundle['placement']

export type Paper = {
  readonly placement: Attested
  readonly ships: Fleet
  /** two keys, each in a machine of its own */
  readonly entries: readonly [CvmEntry, CvmEntry]
  /** bodies that reached the relay */
  readonly posts: Bytes[]
  /** the note that the relay shows */
  shown: string
  readonly entry: (machine: number, changes?: EntryChanges) => Promise<CvmEntry>
  readonly bundle: (entries?: readonly CvmEntry[], changes?: Partial<AttestedBundle>) => Promise<AttestedBundle>
  readonly show: (bundle: Bundle) => Promise<void>
  /** `sent` if the client sealed a request and sent it; otherwise why it did not, and then the relay has no byte of one. */
  visit(options?: Partial<NodeOptions>): Promise<string>
  client(options?: Partial<NodeOptions>): ReturnType<typeof createObliviousFetch>
}

export async function paper(placement: Attested, options: Partial<FleetOptions> = {}): Promise<Paper> {
  const ships = await fleet({ at: now, machines: 2, placement, ...options })
  const keys = [gatewayKey(1), gatewayKey(2)].map(({ config }) => writeKeyConfig(config))
  const outer = serializeKeyConfigs([gatewayKey(7).config])
  const entry: Paper['entry'] = (machine, changes = {}) => {
    return ships.entry(keys[machine] ?? new Uint8Array(), { machine, ...changes })
  }
  const entries = [await entry(0), await entry(1)] as const
  const posts: Bytes[] = []
  const { url, close } = await serve((incoming, outgoing) => {
    const parts: Uint8Array[] = []
    incoming.on('data', (part: Uint8Array) => void parts.push(part))
    incoming.on('end', () => {
      if (incoming.method === 'GET') outgoing.writeHead(200, { 'content-type': mediaTypes.bundle }).end(self.shown)
      else {
        posts.push(concat(...parts))
        outgoing.writeHead(503).end()
      }
    })
  })
  onTestFinished(close)
  const self: Paper = {
    ...{ placement, ships, entries, posts, shown: '', entry },
    bundle: (cvms = entries, changes = {}) => {
      const list = placement === 'sealed' ? outer : listOf(cvms)
      return ships.bundle(cvms, { keys: list, ...changes })
    },
    show: async (bundle) => void (self.shown = await signBundle(bundle, [ships.signers.bundle])),
    client(more = {}) {
      const asked = { relay: url, trust: ships.rootNote, placement, plaintextLoopback: true }
      const time = { now: () => now, wait: () => Promise.resolve() }
      const fetch = createObliviousFetch({ ...asked, ...time, allowSimulated: ships.allowSimulated, ...more })
      onTestFinished(() => fetch.close())
      return fetch
    },
    async visit(more) {
      const before = posts.length
      const end = await endOf(self.client(more)(target, { method: 'POST', body: 'the dossier' }))
      return posts.length > before ? 'sent' : end
    },
  }
  await self.show(await self.bundle())
  return self
}

/** A later hour: keys, anchor and bundle made anew for it, under policy and statement as they are told. */
export async function later(
  { ships, entry, bundle }: Paper,
  time: number,
  { serial, notes }: { readonly serial: number; readonly notes: Partial<AttestedBundle> },
): Promise<AttestedBundle> {
  const times = { notBefore: time - 300_000, notAfter: time + 50 * 60_000, anchor: await ships.anchor(time) }
  const cvms = [await entry(0, { said: times }), await entry(1, { said: times })]
  return bundle(cvms, { serial, notBefore: times.notBefore, notAfter: times.notAfter, ...notes })
}
export const day = 24 * hour
