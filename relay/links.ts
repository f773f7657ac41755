/**
 * Whom the relay believes on its way to a gateway, and what it shows there and to its clients: from files that are read
 * again, so that certificates and pins are replaced without an end of anything. trust.md 1, conformance OHTTP-R21.
 */
import type { Ends } from '../shared/observability/left.ts'
import { Refusal } from '../shared/refusal.ts'
import { trustOf, type Trust } from '../shared/upstream/dial.ts'
import { certificateEnds, pinsEnd } from '../shared/upstream/ends.ts'
import { lives, readPins } from '../shared/upstream/pins.ts'
import { rereadable, type Contents, type Rereadable } from '../shared/upstream/rereadable.ts'
import { checkTls, type ServeTls } from '../shared/upstream/tls-door.ts'
import type { RelaySettings } from './config.ts'
import type { RouteSettings } from './route-settings.ts'
import type { Ending } from './vocabulary.ts'

type World = { readonly now: () => number; readonly file: (path: string) => Buffer }

/**
 * What new connections of this route are dialled with. Refuses `bad-encoding` and `insecure-configuration`. Pins that have
 * all ended are taken at start, since other routes work without this one, and never in place of what there is.
 */
export function linkTo(route: RouteSettings, { now, file: read }: World): Rereadable<Trust> {
  let begun = false
  const { ca: authority, pins: pinFile, clientCertificate: shown } = route
  const link = rereadable({
    files: { authority, pinFile, key: shown?.key, cert: shown?.cert },
    read,
    make: ({ authority: ca, pinFile: text, key, cert }) => {
      const pins = text === undefined ? undefined : readPins(text.toString('utf8'), now())
      if (begun && pins !== undefined && !lives(pins, now())) {
        throw new Refusal('insecure-configuration', 'no pin that has not ended; nobody could be met')
      }
      const own = key === undefined || cert === undefined ? undefined : { key, cert }
      return trustOf({ ca, own, pins })
    },
  })
  begun = true
  return link
}

/** Whether somebody could be the gateway now. */
export function canBeMet({ pins }: Trust, now: number): boolean {
  return pins === undefined || lives(pins, now)
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

type Held = { readonly door: Rereadable<ServeTls> | undefined; readonly links: readonly Rereadable<Trust>[] }

/** When what lies in the files ends that are in use now, and the keys whose tokens are taken. */
export function endsOf({ tokens }: RelaySettings, { door, links }: Held, now: number): Ends<Ending> {
  const each = (read: (contents: Contents<string>) => readonly number[]): readonly number[] =>
    links.flatMap((link) => read(link.contents()))
  return {
    certificate: certificateEnds(door?.contents()['cert']),
    'client-certificate': each(({ cert }) => certificateEnds(cert)),
    authority: each(({ authority }) => certificateEnds(authority)),
    pins: each(({ pinFile }) => pinsEnd(pinFile, now)),
    // One in force is enough.
    tokens: tokens === undefined ? [] : [Math.max(...tokens.keys.map(({ until }) => until))],
  }
}
