/**
 * Whom the relay believes on its way to a gateway, and what it shows there and to its clients: from files that are read
 * again, so that certificates and pins are replaced without an end of anything. trust.md 1, conformance OHTTP-R21.
 */
import { trustOf, type Trust } from '../shared/upstream/dial.ts'
import { readPins } from '../shared/upstream/pins.ts'
import { rereadable, type Rereadable } from '../shared/upstream/rereadable.ts'
import { checkTls, type ServeTls } from '../shared/upstream/tls-door.ts'
import type { RelaySettings, RouteSettings } from './config.ts'

type World = { readonly now: () => number; readonly file: (path: string) => Buffer }

/** What new connections of this route are dialled with. Refuses `bad-encoding` and `insecure-configuration`. */
export function linkTo(route: RouteSettings, { now, file: read }: World): Rereadable<Trust> {
  const { gateway, ca: authority, pins: pinFile, clientCertificate: shown } = route
  return rereadable({
    files: { authority, pinFile, key: shown?.key, cert: shown?.cert },
    read,
    make: ({ authority: ca, pinFile: text, key, cert }) => {
      const pins = text === undefined ? undefined : readPins(text.toString('utf8'), pinFile ?? gateway, now())
      const own = key === undefined || cert === undefined ? undefined : { key, cert }
      return trustOf({ ca, own, pins })
    },
  })
}

/** What clients are shown; undefined: plaintext. */
export function frontDoor(
  { tls }: RelaySettings['listen'],
  { now, file: read }: World,
): Rereadable<ServeTls> | undefined {
  if (tls === undefined) return undefined
  return rereadable({
    files: tls,
    read,
    make({ key = Buffer.alloc(0), cert = Buffer.alloc(0) }) {
      checkTls({ key, cert }, now)
      return { key, cert }
    },
  })
}
