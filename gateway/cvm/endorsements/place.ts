/** Reads what an operator keeps at a place of theirs: a file, a folder of files, or an https address. Bounded each way. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { get } from 'node:https'
import { join } from 'node:path'
import { type Bytes, concat } from '../../../shared/bytes.ts'
import { Refusal } from '../../../shared/refusal.ts'

const maxFiles = 64

/** The file, or the files of the folder in the order of their names. Refuses `endorsements-unavailable`. */
export async function filesAt(path: string, limit: number): Promise<readonly Bytes[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [await fileAt(path, limit)]
    const entries = (await readdir(path)).sort()
    if (entries.length > maxFiles) throw unavailable(path, `more than ${maxFiles} files`)
    return await Promise.all(entries.map((name) => fileAt(join(path, name), limit)))
  } catch (cause) {
    if (cause instanceof Refusal) throw cause
    throw unavailable(path, (cause as NodeJS.ErrnoException).code ?? 'unreadable', cause)
  }
}

async function fileAt(path: string, limit: number): Promise<Bytes> {
  const { size } = await stat(path)
  if (size > limit) throw unavailable(path, `${size} bytes, more than ${limit}`)
  return Uint8Array.from(await readFile(path))
}

export type FetchOptions = {
  /** octets at most */
  readonly limit: number
  /** milliseconds for the whole answer */
  readonly within: number
  /** PEM: the authority of the address's certificate, where it is not a public one */
  readonly ca?: string | undefined
}

/** The content of a plain 200; redirects, other answers and slow ones are refused as `endorsements-unavailable`. */
export function fetched(url: URL, { limit, within, ca }: FetchOptions): Promise<Bytes> {
  if (url.protocol !== 'https:') throw new TypeError('an https address')
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => reject(unavailable(url.href, why, cause))
    const signal = AbortSignal.timeout(within)
    // No agent: no connection is kept, and nothing in the environment chooses a way for us.
    const request = get(
      url,
      { agent: false, signal, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
      (answer) => {
        const pieces: Buffer[] = []
        let length = 0
        if (answer.statusCode !== 200) {
          request.destroy()
          fail(`status ${answer.statusCode ?? 0}`)
          return
        }
        answer.on('data', (piece: Buffer) => {
          pieces.push(piece)
          if ((length += piece.length) > limit) answer.destroy(new Error(`more than ${limit} bytes`))
        })
        answer.on('end', () => resolve(concat(...pieces)))
        answer.on('error', (cause) => fail(cause.message, cause))
      },
    )
    request.on('error', (cause) => fail(signal.aborted ? `no answer within ${within} ms` : cause.message, cause))
  })
}

function unavailable(where: string, why: string, cause?: unknown): Refusal {
  return new Refusal('endorsements-unavailable', `endorsements from ${where}: ${why}`, { cause })
}
