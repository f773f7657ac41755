/** Where a log is read: an address or a folder laid out as C2SP tlog-tiles, or a file that holds a checkpoint alone. */
import { fromUtf8, type Bytes } from '../../bytes.ts'
import { hashLength } from '../../tlog/merkle.ts'
import { noteLimits } from '../../tlog/note.ts'
import { checkpointPath, readTile, tilePath, tilesOf, tileWidth } from '../../tlog/tiles.ts'
import { gather } from '../streams.ts'
import type { Transport } from '../transport.ts'

export type LogSource = {
  /** as the person named it */
  readonly name: string
  /** the note, not verified */
  checkpoint(): Promise<string>
  /** The leaf hashes of a tree of `size`, not verified; undefined where there is only a checkpoint. */
  leaves(size: number): Promise<readonly Bytes[] | undefined>
  close(): Promise<void>
}

/** A file's bytes; undefined if there is none of this path. Any other failure is thrown. */
export type Fetch = (path: string, limit: number) => Promise<Uint8Array | undefined>

/** Milliseconds for one file. */
const patience = 30_000

/** Each round reads every leaf hash: 8 MiB, 1024 requests. */
const mostLeaves = 1 << 18

export function tiledSource(name: string, fetch: Fetch, close = (): Promise<void> => Promise.resolve()): LogSource {
  return {
    name,
    checkpoint: async () => fromUtf8(await demanded(fetch, checkpointPath, noteLimits.bytes)),
    async leaves(size) {
      if (size > mostLeaves) throw new Error(`${size} leaves are more than this monitor reads`)
      const hashes: Bytes[] = []
      for (const tile of tilesOf(size)) {
        const bytes = await fetch(tilePath(0, tile), tileBytes)
        // A log may drop a partial tile once the full one is there.
        const found = bytes ?? (await demanded(fetch, tilePath(0, { ...tile, width: tileWidth }), tileBytes))
        hashes.push(...readTile(found, tile.width))
      }
      return hashes
    },
    close,
  }
}

/** A checkpoint that somebody passed on: it shows a split view, but nothing of what is in the log. */
export function noteSource(name: string, read: () => Promise<Uint8Array>): LogSource {
  return {
    name,
    checkpoint: async () => fromUtf8(await read()),
    leaves: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  }
}

export function webSource(prefix: URL, transport: Transport): LogSource {
  const base = prefix.pathname.endsWith('/') ? prefix.href : `${prefix.href}/`
  const fetch: Fetch = async (path, limit) => {
    const leave = new AbortController()
    const signal = AbortSignal.any([leave.signal, AbortSignal.timeout(patience)])
    try {
      const answer = await transport.send({ method: 'GET', url: new URL(path, base), fields: {}, signal })
      if (answer.status === 404 || answer.status === 410) return undefined
      if (answer.status !== 200) throw new Error(`status ${answer.status}`)
      return await gather(answer.body, limit)
    } finally {
      leave.abort() // an answer that was not read to its end would keep its connection
    }
  }
  return tiledSource(prefix.href, fetch, () => transport.close?.() ?? Promise.resolve())
}

const tileBytes = tileWidth * hashLength

async function demanded(fetch: Fetch, path: string, limit: number): Promise<Uint8Array> {
  const bytes = await fetch(path, limit)
  if (bytes === undefined) throw new Error(`no ${path}`)
  return bytes
}
