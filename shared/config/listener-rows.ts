/** Limits of a public listener before there is a content to limit: rows that both operators' tables have. wire.md "Limits". */
import type { Found, Look } from './contents.ts'
import { ownFile } from './file-kinds.ts'
import { defaultServeLimits as standing } from '../upstream/serve.ts'
import { count, duration, size } from './kinds.ts'
import type { Rows } from './rows.ts'

export const listenerLimits = {
  headerSection: {
    kind: size({ least: 1024, most: 1 << 20 }),
    default: standing.headerSection,
    says: 'the head of a request; beyond, 431',
  },
  fields: {
    kind: count({ most: 10_000 }),
    default: standing.fields,
    says: 'header fields of a request; beyond, 431',
  },
  head: {
    kind: duration(),
    default: standing.head,
    says: 'how long a TLS handshake may take, and the head of a request; beyond, the connection ends',
  },
  idle: {
    kind: duration(),
    default: standing.keepAlive,
    says: 'how long a connection may lie idle; longer than the 30 s for which a relay keeps its own',
  },
} as const satisfies Rows

type Set = { readonly [Name in keyof typeof listenerLimits | 'stall']: number }

/** As the listener wants them. */
export function serveLimits({ headerSection, fields, head, idle: keepAlive, stall }: Set, connections: number) {
  return { headerSection, fields, head, keepAlive, stall, connections }
}

/** Files, stores and timers of a process that serves nobody, with room to spare. */
const ownFiles = 100

/** `others`: connections that we open ourselves. */
export function openFilesFound(connections: number, others: number, { openFiles = Infinity }: Look): readonly Found[] {
  const wanted = connections + others + ownFiles
  if (wanted <= openFiles) return []
  const wrong = `needs ${wanted} open files with the connections that we open, and the system allows this process ${openFiles}`
  const remedy = `lower it, or allow more: LimitNOFILE=${wanted} in a unit of systemd, ulimits.nofile in compose`
  return [{ path: 'connections', wrong, remedy }]
}

export const recordOfEvents = {
  kind: ownFile,
  absent: 'no record',
  example: 'audit.record',
  says: 'file of the record of security events, which asunder audit verify checks; nothing in it is about a request',
} as const
