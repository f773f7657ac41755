/**
 * Whom the relay believes on its way to each gateway, and what it shows there: from files that are read again, so that
 * certificates and pins are replaced without an end of anything. trust.md 1, conformance OHTTP-R21.
 */
import { trustOf, type Trust } from '../shared/upstream/dial.ts'
import { readPins } from '../shared/upstream/pins.ts'
import { rereadable, type Reread } from '../shared/upstream/rereadable.ts'
import type { RouteSettings } from './config.ts'

export type Links = {
  /** What new connections of this route are dialled with, as of now. */
  to(route: RouteSettings): () => Trust
  /** Reads every file again, and tells what became of each route's. */
  reread(): readonly Reread[]
}

type World = { readonly now: () => number; readonly file: (path: string) => Buffer }

export function createLinks({ now, file: read }: World): Links {
  const rereads: (() => Reread)[] = []
  return {
    to({ gateway, ca: authority, pins: pinFile, clientCertificate: shown }) {
      const link = rereadable({
        files: { authority, pinFile, key: shown?.key, cert: shown?.cert },
        read,
        make: ({ authority: ca, pinFile: text, key, cert }) => {
          const pins = text === undefined ? undefined : readPins(text.toString('utf8'), pinFile ?? gateway, now())
          const own = key === undefined || cert === undefined ? undefined : { key, cert }
          return trustOf({ ca, own, pins })
        },
      })
      rereads.push(() => link.reread())
      return link.current
    },
    reread: () => rereads.map((reread) => reread()),
  }
}
