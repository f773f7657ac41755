/**
 * What the public listener shows and whom it lets in: from files that are read again, so that certificates are renewed
 * and relays' pins replaced without an end of anything. trust.md 1, RFC 9458 §6.2.2.
 */
import type { Peer } from '../shared/upstream/peers.ts'
import { readPins } from '../shared/upstream/pins.ts'
import { rereadable, type Rereadable } from '../shared/upstream/rereadable.ts'
import { checkTls, type ServeTls } from '../shared/upstream/tls-door.ts'
import type { GatewaySettings } from './config.ts'
import type { RelaySettings } from './relay-settings.ts'

type World = { readonly now: () => number; readonly file: (path: string) => Buffer }

/** Undefined: plaintext. Refuses `bad-encoding` and `insecure-configuration` as `readPins` and `checkTls` do. */
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
      const pinned = ({ name, pins }: RelaySettings): Peer => {
        return { name, pins: readPins(got(pinsOf(name)).toString('utf8'), pins, now()) }
      }
      const own = { key: got('key'), cert: got('cert') }
      const made = { ...own, clientCa: contents['clientCa'], peers: relays?.map(pinned) }
      checkTls(made, now)
      return made
    },
  })
}

function pinsOf(relay: string): string {
  return `pins of ${relay}`
}
