/**
 * Whom we let in: counterparts that an operator knows by name, each by the pins of its key. Asked after the handshake and
 * before the first byte of a request, and once more for every request, since pins end and are taken away.
 * RFC 9458 §6.2.2, trust.md 1.
 */
import type { TLSSocket } from 'node:tls'
import { Refusal } from '../refusal.ts'
import { pinnedBy, type Pin } from './pins.ts'

export type Peer = { readonly name: string; readonly pins: readonly Pin[] }

export type Peers = {
  /** The name of whoever holds this connection, as of now; undefined: nobody that we know. */
  nameOf(socket: TLSSocket): string | undefined
  /** Forgets all of them for these. Connections of whoever is not among them carry no further request. */
  replace(peers: readonly Peer[]): void
}

type Seen = { readonly peers: readonly Peer[]; readonly name: string; readonly until: number }

/** Refuses `insecure-configuration` a key that two names have: whose request would it be? */
export function createPeers(first: readonly Peer[], now: () => number): Peers {
  let peers = distinct(first)
  const seen = new WeakMap<TLSSocket, Seen>()

  function find(socket: TLSSocket): Seen | undefined {
    for (const { name, pins } of peers) {
      const pin = pinnedBy(socket, pins, now())
      if (pin !== undefined) return { peers, name, until: pin.notAfter }
    }
    return undefined
  }

  return {
    nameOf(socket) {
      const last = seen.get(socket)
      if (last?.peers === peers && now() < last.until) return last.name
      const found = find(socket)
      if (found === undefined) seen.delete(socket)
      else seen.set(socket, found)
      return found?.name
    },
    replace: (others) => void (peers = distinct(others)),
  }
}

function distinct(peers: readonly Peer[]): readonly Peer[] {
  const owners = new Map<string, string>()
  for (const { name, pins } of peers) {
    for (const { sha256 } of pins) {
      const owner = owners.get(sha256) ?? name
      if (owner !== name) throw new Refusal('insecure-configuration', `${owner} and ${name} have one pin`)
      owners.set(sha256, name)
    }
  }
  return peers
}
