/**
 * What the public listener shows and whom it lets in: from files that are read again, so that certificates are renewed
 * and relays' pins replaced without an end of anything. trust.md 1, RFC 9458 §6.2.2.
 */
import { Refusal } from '../shared/refusal.ts'
import type { Peer } from '../shared/upstream/peers.ts'
import { lives, readPins } from '../shared/upstream/pins.ts'
import { rereadable, type Rereadable } from '../shared/upstream/rereadable.ts'
import { checkTls, type ServeTls } from '../shared/upstream/tls-door.ts'
import type { GatewaySettings } from './config.ts'
import type { RelaySettings } from './relay-settings.ts'

type World = { readonly now: () => number; readonly file: (path: string) => Buffer }

/**
 * Undefined: plaintext. Refuses `bad-encoding` and `insecure-configuration` as `readPins` and `checkTls` do. A relay whose
 * pins have all ended is nobody, and no reason to refuse the others.
 */
export function frontDoor(
  { listen: { tls }, relays }: Pick<GatewaySettings, 'listen' | 'relays'>,
  { now, file: read }: World,
): Rereadable<ServeTls> | undefined {
  if (tls === undefined) return undefined
  const pinFiles = Object.fromEntries((relays ?? []).map(({ name, pins }) => [pinsOf(name), pins]))
  const files: Record<string, string | undefined> = { ...tls, ...pinFiles }
  return rereadable({
    files,
    read,
    make(contents) {
      const got = (name: string): Buffer => contents[name] ?? Buffer.alloc(0)
      const pinned = ({ name }: RelaySettings): Peer => {
        return { name, pins: readPins(got(pinsOf(name)).toString('utf8'), now()) }
      }
      const own = { key: got('key'), cert: got('cert') }
      const made = { ...own, clientCa: contents['clientCa'], peers: relays?.map(pinned) }
      checkTls(made, now)
      if (made.peers?.every(({ pins }) => !lives(pins, now())) === true) {
        throw new Refusal('insecure-configuration', 'no relay has a pin that has not ended; nobody could connect')
      }
      return made
    },
  })
}

/** The name under which its pins are among the files of the door. */
export function pinsOf(relay: string): string {
  return `pins of ${relay}`
}

/** Relays that nobody could be now, by their places from 1 in the settings. */
export function leftOut({ peers = [] }: Pick<ServeTls, 'peers'>, now: number): readonly number[] {
  return peers.flatMap(({ pins }, at) => (lives(pins, now) ? [] : [at + 1]))
}
